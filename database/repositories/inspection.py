"""Inspected items and quality models."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, func, select, update

from database import tables
from database.engine import Store
from domain.inspection import InspectedItem, Outcome, QualityModel, Verdict

_ITEM, _MODEL = tables.tables_inspection.inspection_item, tables.tables_inspection.quality_model


class InspectionRepository:
    """Implements domain.inspection.InspectionStore."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def add_items(self, items: Sequence[InspectedItem]) -> None:
        """An item that is there already stays as it is."""
        if not items:
            return
        rows = [
            {
                "device_id": i.device_id, "number": i.number, "opened_us": i.opened_us, "closed_us": i.closed_us,
                "features": json.dumps(dict(i.features)), "outcome": i.verdict.outcome.value, "score": i.verdict.score,
                "reasons": json.dumps(list(i.verdict.reasons), ensure_ascii=False), "model": i.verdict.model,
                "written_back": None if i.written_back is None else int(i.written_back), "label": i.label.value,
            }
            for i in items
        ]
        async with self._store.write() as connection:
            await connection.execute(self._store.insert_missing(_ITEM, ["device_id", "number"]), rows)

    async def items(self, device_id: str, limit: int) -> Sequence[InspectedItem]:
        """The newest, the newest first."""
        wanted = select(_ITEM).where(_ITEM.c.device_id == device_id).order_by(_ITEM.c.number.desc()).limit(limit)
        async with self._store.read() as connection:
            return [_item(row) for row in (await connection.execute(wanted)).all()]

    async def last_numbers(self) -> Mapping[str, int]:
        """Of the last item of each device."""
        wanted = select(_ITEM.c.device_id, func.max(_ITEM.c.number).label("last")).group_by(_ITEM.c.device_id)
        async with self._store.read() as connection:
            return {row.device_id: int(row.last) for row in (await connection.execute(wanted)).all()}

    async def label(self, device_id: str, number: int, label: Outcome) -> bool:
        """False where there is no such item."""
        chosen = (_ITEM.c.device_id == device_id) & (_ITEM.c.number == number)
        async with self._store.write() as connection:
            there = await connection.scalar(select(func.count()).select_from(_ITEM).where(chosen))
            await connection.execute(update(_ITEM).where(chosen).values(label=label.value))
        return bool(there)

    async def add_model(self, model: QualityModel) -> None:
        """A new version."""
        row = {
            "device_id": model.device_id, "version": model.version, "kind": model.kind,
            "document": json.dumps(dict(model.document)), "items": model.items, "made_us": model.made_us, "author": model.author,
            "active": int(model.active),
        }
        async with self._store.write() as connection:
            await connection.execute(_MODEL.insert(), row)

    async def models(self, device_id: str | None = None) -> Sequence[QualityModel]:
        """All versions, the newest first."""
        wanted = select(_MODEL).order_by(_MODEL.c.device_id, _MODEL.c.version.desc())
        if device_id is not None:
            wanted = wanted.where(_MODEL.c.device_id == device_id)
        async with self._store.read() as connection:
            rows = (await connection.execute(wanted)).all()
        return [
            QualityModel(
                r.device_id, r.version, r.kind, json.loads(r.document), r.items, r.made_us, r.author, bool(r.active)
            )
            for r in rows
        ]

    async def activate(self, device_id: str, version: int | None) -> None:
        """One version, or none."""
        mine = _MODEL.c.device_id == device_id
        async with self._store.write() as connection:
            await connection.execute(update(_MODEL).where(mine).values(active=0))
            if version is not None:
                await connection.execute(update(_MODEL).where(mine & (_MODEL.c.version == version)).values(active=1))


def _item(row: Row[Any]) -> InspectedItem:
    verdict = Verdict(row.number, Outcome(row.outcome), row.score, tuple(json.loads(row.reasons)), row.model)
    written = None if row.written_back is None else bool(row.written_back)
    return InspectedItem(
        row.device_id, row.number, row.opened_us, row.closed_us, json.loads(row.features), verdict, written, Outcome(row.label)
    )
