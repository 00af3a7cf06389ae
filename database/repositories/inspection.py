"""Inspected items and quality models."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, func, select, update

from database import tables
from database.engine import Store
from domain.camera import ItemPicture, Region
from domain.inspection import EVERY_ITEM, InspectedItem, ItemCounts, ItemFilter, Outcome, QualityModel, Verdict
from domain.inspection_reason import reason_of

_ITEM, _MODEL = tables.tables_inspection.inspection_item, tables.tables_inspection.quality_model
_PICTURE = tables.tables_inspection.inspection_picture
_PLACE = ("region_x", "region_y", "region_width", "region_height")
_SEEN = [_PICTURE.c[name] for name in ("width", "height", *_PLACE)]
_AT_ONCE = 100


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
                "reasons": json.dumps([r.stored for r in i.verdict.reasons], ensure_ascii=False), "model": i.verdict.model,
                "written_back": None if i.written_back is None else int(i.written_back), "label": i.label.value,
            }
            for i in items
        ]
        pictures = [
            {
                "device_id": i.device_id, "number": i.number, "closed_us": i.closed_us, "content": i.picture.jpeg,
                "width": i.picture.width, "height": i.picture.height, **_place(i.picture.region),
            }
            for i in items if i.picture is not None and i.picture.jpeg
        ]  # fmt: skip
        async with self._store.write() as connection:
            await connection.execute(self._store.insert_missing(_ITEM, ["device_id", "number"]), rows)
            if pictures:
                await connection.execute(self._store.insert_missing(_PICTURE, ["device_id", "number"]), pictures)

    async def items(self, device_id: str, limit: int, chosen: ItemFilter = EVERY_ITEM) -> Sequence[InspectedItem]:
        """The newest, the newest first; pictures without their bytes."""
        own = (_PICTURE.c.device_id == _ITEM.c.device_id) & (_PICTURE.c.number == _ITEM.c.number)
        wanted = select(_ITEM, *_SEEN).outerjoin(_PICTURE, own).where(_ITEM.c.device_id == device_id, *_chosen(chosen))
        async with self._store.read() as connection:
            rows = (await connection.execute(wanted.order_by(_ITEM.c.number.desc()).limit(limit))).all()
        return [_item(row) for row in rows]

    async def picture(self, device_id: str, number: int) -> ItemPicture | None:
        """With its bytes."""
        columns: list[Any] = [*_SEEN, _PICTURE.c.content]
        wanted = select(*columns).where(_PICTURE.c.device_id == device_id, _PICTURE.c.number == number)
        async with self._store.read() as connection:
            row = (await connection.execute(wanted)).first()
        return None if row is None else _picture(row, row.content)

    async def pictures(self, device_id: str, numbers: Sequence[int]) -> Mapping[int, bytes]:
        """The bytes of those that are kept, by number."""
        wanted = select(_PICTURE.c.number, _PICTURE.c.content).where(_PICTURE.c.device_id == device_id)
        found: dict[int, bytes] = {}
        async with self._store.read() as connection:
            for begin in range(0, len(numbers), _AT_ONCE):
                some = wanted.where(_PICTURE.c.number.in_(numbers[begin : begin + _AT_ONCE]))
                found |= {row.number: row.content for row in (await connection.execute(some)).all()}
        return found

    async def counts(self, device_id: str, from_us: int, to_us: int) -> ItemCounts:
        """Of the items closed in [from_us, to_us)."""
        by = (_ITEM.c.outcome, _ITEM.c.label, _ITEM.c.written_back)
        wanted = (
            select(*by, func.count().label("n")).where(_ITEM.c.device_id == device_id, *_chosen(ItemFilter(from_us, to_us)))
            .group_by(*by)
        )  # fmt: skip
        async with self._store.read() as connection:
            rows = (await connection.execute(wanted)).all()
        return ItemCounts.of(device_id, [(Outcome(r.outcome), Outcome(r.label), _truth(r.written_back), int(r.n)) for r in rows])

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

    async def judging(self) -> Mapping[str, int]:
        """The version that judges the items of each device."""
        wanted = select(_MODEL.c.device_id, _MODEL.c.version).where(_MODEL.c.active == 1)
        async with self._store.read() as connection:
            return {row.device_id: int(row.version) for row in (await connection.execute(wanted)).all()}

    async def activate(self, device_id: str, version: int | None) -> None:
        """One version, or none."""
        mine = _MODEL.c.device_id == device_id
        async with self._store.write() as connection:
            await connection.execute(update(_MODEL).where(mine).values(active=0))
            if version is not None:
                await connection.execute(update(_MODEL).where(mine & (_MODEL.c.version == version)).values(active=1))


def _chosen(chosen: ItemFilter) -> list[ColumnElement[bool]]:
    item = _ITEM.c
    found = (
        None if chosen.from_us is None else item.closed_us >= chosen.from_us,
        None if chosen.to_us is None else item.closed_us < chosen.to_us,
        None if chosen.outcome is None else item.outcome == chosen.outcome.value,
        None if chosen.label is None else item.label == chosen.label.value,
        None if chosen.before is None else item.number < chosen.before,
    )
    return [condition for condition in found if condition is not None]


def _truth(value: int | None) -> bool | None:
    return None if value is None else bool(value)


def _item(row: Row[Any]) -> InspectedItem:
    reasons = tuple(reason_of(stored) for stored in json.loads(row.reasons))
    verdict = Verdict(row.number, Outcome(row.outcome), row.score, reasons, row.model)
    return InspectedItem(
        row.device_id, row.number, row.opened_us, row.closed_us, json.loads(row.features), verdict, _truth(row.written_back),
        Outcome(row.label), _picture(row),
    )


def _picture(row: Any, jpeg: bytes = b"") -> ItemPicture | None:
    if row.width is None:
        return None
    place = [getattr(row, name) for name in _PLACE]
    return ItemPicture(row.width, row.height, None if None in place else Region(*place), jpeg)


def _place(region: Region | None) -> dict[str, int | None]:
    found = (None,) * 4 if region is None else (region.x, region.y, region.width, region.height)
    return dict(zip(_PLACE, found, strict=True))
