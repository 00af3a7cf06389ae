"""Rules of states and the re-computing of the past under them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select

from database.engine import Store
from database.tables_states import state_recompute, state_rule
from domain.state_rule import Recompute, RecomputeStatus, StateRule


class StateRuleRepository:
    """Implements domain.stores.StateRuleStore."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def save_rule(self, rule: StateRule, since_us: int) -> None:
        """The rule is the machine's present one from then on."""
        t = rule.thresholds
        row = {
            "machine_id": rule.machine_id, "rule": rule.id, "idle_above_kw": t and t.idle_above_kw,
            "production_above_kw": t and t.production_above_kw, "min_dwell_s": t and t.min_dwell_s,
            "hysteresis_kw": t and t.hysteresis_kw, "control_json": json.dumps(rule.control_fields, ensure_ascii=False),
            "since_us": since_us,
        }  # fmt: skip
        async with self._store.write() as connection:
            await connection.execute(self._store.upsert(state_rule), [row])

    async def present_rules(self) -> dict[str, str]:
        """The newest rule of each machine."""
        wanted = select(state_rule.c.machine_id, state_rule.c.rule).order_by(state_rule.c.since_us)
        async with self._store.read() as connection:
            return {row.machine_id: row.rule for row in (await connection.execute(wanted)).all()}

    async def save_recompute(self, job: Recompute) -> None:
        """Insert or update; one a machine."""
        row = {
            "machine_id": job.machine_id, "rule": job.rule, "from_us": job.from_us, "to_us": job.to_us, "done_us": job.done_us,
            "status": job.status.value, "started_us": job.started_us, "ended_us": job.ended_us,
        }  # fmt: skip
        async with self._store.write() as connection:
            await connection.execute(self._store.upsert(state_recompute), [row])

    async def recomputes(self) -> Sequence[Recompute]:
        """The last one of each machine."""
        async with self._store.read() as connection:
            rows = (await connection.execute(select(state_recompute).order_by(state_recompute.c.machine_id))).all()
        return [_job(row) for row in rows]


def _job(row: Row[Any]) -> Recompute:
    return Recompute(
        row.machine_id, row.rule, row.from_us, row.to_us, row.done_us, RecomputeStatus(row.status), row.started_us, row.ended_us
    )
