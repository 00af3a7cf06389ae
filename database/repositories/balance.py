"""Runs of the balance doctor and what they found."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, delete, select

from database import tables_baselines as tables
from database.engine import Store
from domain.balance import BalanceFinding, BalanceRun, FaultKind

_R, _F = tables.balance_run, tables.balance_finding


class BalanceRepository:
    """Implements domain.balance.BalanceFindingStore."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def save_run(self, run: BalanceRun) -> BalanceRun:
        """A second run over the same window replaces the first, in one transaction."""
        found = []
        async with self._store.write() as connection:
            await connection.execute(delete(_F).where(_F.c.run_from_us == run.from_us))
            row = {"from_us": run.from_us, "to_us": run.to_us, "ran_us": run.ran_us, "rule_version": run.rule_version}
            await connection.execute(self._store.upsert(_R), [row])
            for finding in run.findings:
                number = await self._store.insert_id(connection, _F, _row(finding))
                found.append(dataclasses.replace(finding, id=number))
        return dataclasses.replace(run, findings=tuple(found))

    async def between(self, from_us: int, to_us: int, limit: int = 1000) -> Sequence[BalanceFinding]:
        """Findings whose window overlaps, newest first."""
        wanted = select(_F).where(_F.c.run_from_us < to_us, _F.c.to_us > from_us)
        async with self._store.read() as connection:
            rows = (await connection.execute(wanted.order_by(_F.c.run_from_us.desc(), _F.c.id).limit(limit))).all()
        return [_finding(row) for row in rows]

    async def last_run(self, before_us: int | None = None) -> BalanceRun | None:
        """The newest run (whose window begins before that time), None before the first."""
        wanted = select(_R).order_by(_R.c.from_us.desc()).limit(1)
        if before_us is not None:
            wanted = wanted.where(_R.c.from_us < before_us)
        async with self._store.read() as connection:
            run = (await connection.execute(wanted)).first()
            if run is None:
                return None
            rows = (await connection.execute(select(_F).where(_F.c.run_from_us == run.from_us).order_by(_F.c.id))).all()
        return BalanceRun(run.from_us, run.to_us, run.ran_us, run.rule_version, tuple(_finding(row) for row in rows))


def _row(finding: BalanceFinding) -> dict[str, Any]:
    return {
        "run_from_us": finding.from_us, "to_us": finding.to_us, "kind": finding.kind.value, "device_id": finding.device_id,
        "confidence": finding.confidence, "figures_json": json.dumps(dict(finding.figures)),
        "words_json": json.dumps(dict(finding.words), ensure_ascii=False), "rule_version": finding.rule_version,
        "found_us": finding.found_us, "since_us": finding.since_us,
    }  # fmt: skip


def _finding(row: Row[Any]) -> BalanceFinding:
    return BalanceFinding(
        row.id, FaultKind(row.kind), row.device_id, row.confidence, row.run_from_us, row.to_us, json.loads(row.figures_json),
        json.loads(row.words_json), row.rule_version, row.found_us, row.since_us,
    )  # fmt: skip
