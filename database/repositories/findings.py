"""Findings, the detectors' memory and anomaly models."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, or_, select

from database import tables_anomalies as tables
from database.engine import Store
from domain.finding import AnomalyModel, Contribution, Evidence, Finding, Severity

_T = tables.finding
_MODEL = tables.anomaly_model
LONGEST_DETAIL = 300


class FindingRepository:
    """Implements domain.finding.FindingStore."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def save_findings(self, findings: Sequence[Finding]) -> None:
        """Insert or update; identity is (rule, subject, from_us)."""
        if findings:
            async with self._store.write() as connection:
                await connection.execute(self._store.upsert(_T), [_row(finding) for finding in findings])

    async def findings(
        self, from_us: int, to_us: int, *, subject: str | None = None, rule: str | None = None, limit: int = 1000
    ) -> Sequence[Finding]:
        """Those that overlap the window, newest first."""
        wanted = select(_T).where(_T.c.from_us < to_us, or_(_T.c.to_us.is_(None), _T.c.to_us > from_us))
        if subject is not None:
            wanted = wanted.where(_T.c.subject == subject)
        if rule is not None:
            wanted = wanted.where(_T.c.rule == rule)
        wanted = wanted.order_by(_T.c.from_us.desc(), _T.c.rule, _T.c.subject).limit(limit)
        async with self._store.read() as connection:
            return [_finding(row) for row in (await connection.execute(wanted)).all()]

    async def save_memory(self, memory: Mapping[str, str]) -> None:
        """State of the detectors as JSON by detector key."""
        if memory:
            rows = [{"detector": name, "memory_json": text} for name, text in memory.items()]
            async with self._store.write() as connection:
                await connection.execute(self._store.upsert(tables.detector_memory), rows)

    async def memory(self) -> Mapping[str, str]:
        async with self._store.read() as connection:
            rows = (await connection.execute(select(tables.detector_memory))).all()
        return {row.detector: row.memory_json for row in rows}

    async def save_model(self, model: AnomalyModel) -> None:
        """A new version; older ones stay readable."""
        row = {
            "machine_id": model.machine_id, "version": model.version, "trained_us": model.trained_us, "from_us": model.from_us,
            "to_us": model.to_us, "row_count": model.rows, "trained_by": model.trained_by,
            "numbers_json": json.dumps(model.numbers, allow_nan=False),
        }  # fmt: skip
        async with self._store.write() as connection:
            await connection.execute(_MODEL.insert(), [row])

    async def models(self, machine_id: str | None = None) -> Sequence[AnomalyModel]:
        """All versions, newest first."""
        wanted = select(_MODEL).order_by(_MODEL.c.machine_id, _MODEL.c.version.desc())
        if machine_id is not None:
            wanted = wanted.where(_MODEL.c.machine_id == machine_id)
        async with self._store.read() as connection:
            rows = (await connection.execute(wanted)).all()
        return [
            AnomalyModel(
                row.machine_id, row.version, row.trained_us, row.from_us, row.to_us, row.row_count, row.trained_by,
                json.loads(row.numbers_json),
            )
            for row in rows
        ]  # fmt: skip


def _row(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule, "subject": finding.subject, "from_us": finding.from_us, "to_us": finding.to_us,
        "version": finding.version, "severity": finding.severity.value, "waste_kwh": finding.waste_kwh,
        "waste_cost": finding.waste_cost, "detail": finding.detail[:LONGEST_DETAIL],
        "evidence_json": json.dumps([[e.name, e.value, e.unit, e.limit] for e in finding.evidence]),
        "contributions_json": json.dumps([[c.tag, c.share] for c in finding.contributions]),
    }  # fmt: skip


def _finding(row: Row[Any]) -> Finding:
    return Finding(
        row.rule, row.version, row.subject, row.from_us, row.to_us, Severity(row.severity),
        tuple(Evidence(*entry) for entry in json.loads(row.evidence_json)), row.waste_kwh, row.waste_cost,
        tuple(Contribution(*entry) for entry in json.loads(row.contributions_json)), row.detail,
    )  # fmt: skip
