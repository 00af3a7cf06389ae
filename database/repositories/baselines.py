"""Energy baselines: each version a row that is never changed."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, delete, func, select

from database import tables_baselines as tables
from database.engine import Store
from domain.baseline import Baseline, BaselineDefinition, BaselineFit, Coefficient, Period, Reason, Variable, VariableKind

_T = tables.baseline


class BaselineRepository:
    """Implements domain.baseline.BaselineStore."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def save(self, baseline: Baseline) -> Baseline:
        """Insert as the next version of its name."""
        async with self._store.write() as connection:
            newest = await connection.scalar(select(func.max(_T.c.version)).where(_T.c.name == baseline.definition.name))
            numbered = dataclasses.replace(baseline, version=(newest or 0) + 1)
            baseline_id = await self._store.insert_id(connection, _T, _row(numbered))
        return dataclasses.replace(numbered, id=baseline_id)

    async def all(self) -> Sequence[Baseline]:
        """Newest first, all versions."""
        async with self._store.read() as connection:
            rows = (await connection.execute(select(_T).order_by(_T.c.fitted_us.desc(), _T.c.id.desc()))).all()
        return [_baseline(row) for row in rows]

    async def get(self, baseline_id: int) -> Baseline | None:
        async with self._store.read() as connection:
            row = (await connection.execute(select(_T).where(_T.c.id == baseline_id))).first()
        return None if row is None else _baseline(row)

    async def delete(self, baseline_id: int) -> None:
        """Also one that is gone already."""
        async with self._store.write() as connection:
            await connection.execute(delete(_T).where(_T.c.id == baseline_id))


def _row(baseline: Baseline) -> dict[str, Any]:
    definition, fit = baseline.definition, baseline.fit
    variables = [{**dataclasses.asdict(v), "kind": v.kind.value} for v in definition.variables]
    return {
        "name": definition.name, "version": baseline.version, "subject": definition.subject, "period": definition.period.value,
        "train_from_us": definition.train_from_us, "train_to_us": definition.train_to_us,
        "variables_json": json.dumps(variables, ensure_ascii=False),
        "fit_json": json.dumps(dataclasses.asdict(fit), ensure_ascii=False),
        "r2": fit.r2, "cv_rmse": fit.cv_rmse, "holds": fit.holds, "rule_version": baseline.rule_version,
        "fitted_us": baseline.fitted_us, "fitted_by": baseline.fitted_by,
    }  # fmt: skip


def _baseline(row: Row[Any]) -> Baseline:
    variables = tuple(Variable(**{**v, "kind": VariableKind(v["kind"])}) for v in json.loads(row.variables_json))
    definition = BaselineDefinition(
        row.name, row.subject, Period(row.period), variables, row.train_from_us, row.train_to_us
    )
    fit = json.loads(row.fit_json)
    fit["coefficients"] = tuple(Coefficient(**c) for c in fit["coefficients"])
    fit["reasons"] = tuple(Reason(**r) for r in fit["reasons"])
    fit["covariance"] = tuple(tuple(line) for line in fit["covariance"])
    return Baseline(row.id, definition, BaselineFit(**fit), row.version, row.rule_version, row.fitted_us, row.fitted_by)
