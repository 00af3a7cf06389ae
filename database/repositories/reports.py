"""Issued reports with their files."""

from __future__ import annotations

import builtins
import dataclasses
from collections.abc import Sequence
from typing import Any

from sqlalchemy import LargeBinary, func, select, type_coerce, update

from database import tables
from database.engine import Store
from database.tables_reports import report_input
from database.tables_reports import report_run as _R  # noqa: N812 - a table, as _T is
from domain.report import ReportRun
from domain.stores import ReportInputs, StoredReport

_T, _I = tables.report, report_input
_SEARCHED = 20_000  # the newest ones


class ReportRepository:
    """Implements domain.stores.ReportStore."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def save(self, report: StoredReport, run: ReportRun | None = None) -> StoredReport:
        """A new one; the answer carries its id, and so does `run` after the same transaction."""
        async with self._store.write() as connection:
            row = {column.name: getattr(report, column.name) for column in _T.columns if column.name != "id"}
            report_id = await self._store.insert_id(connection, _T, row)
            if report.inputs is not None:
                inputs = {"report_id": report_id, **dataclasses.asdict(report.inputs)}
                await connection.execute(_I.insert().values(**inputs))
            if run is not None:
                mine = (_R.c.schedule_id == run.schedule_id) & (_R.c.from_us == run.from_us)
                await connection.execute(update(_R).where(mine).values(report_id=report_id))
            return dataclasses.replace(report, id=report_id, size_bytes=len(report.content))

    async def list(self, limit: int, text: str = "", template: str = "") -> Sequence[StoredReport]:
        """Newest first, `content` empty."""
        columns: builtins.list[Any] = [column for column in _T.columns if column.name != "content"]
        columns.append(func.length(type_coerce(_T.c.content, LargeBinary)).label("size_bytes"))
        wanted = select(*columns, *_INPUTS).outerjoin(_I, _I.c.report_id == _T.c.id)
        if template:
            wanted = wanted.where(_T.c.template == template)
        wanted = wanted.order_by(_T.c.issued_us.desc(), _T.c.id.desc()).limit(_SEARCHED if text else limit)
        async with self._store.read() as connection:
            rows = (await connection.execute(wanted)).all()
        sought = text.casefold()  # here, not in SQL: not every database folds the case of Cyrillic
        found = [row for row in rows if sought in f"{row.file_name}\n{row.issued_by}".casefold()]
        return [_report(row, b"", row.size_bytes) for row in found[:limit]]

    async def get(self, report_id: int) -> StoredReport | None:
        columns: builtins.list[Any] = [*_T.columns, *_INPUTS]
        wanted = select(*columns).outerjoin(_I, _I.c.report_id == _T.c.id).where(_T.c.id == report_id)
        async with self._store.read() as connection:
            row = (await connection.execute(wanted)).first()
        return None if row is None else _report(row, row.content, len(row.content))


def _report(row: Any, content: bytes, size_bytes: int) -> StoredReport:
    inputs = None
    if row.template_version is not None:
        inputs = ReportInputs(row.template_version, row.language, row.inputs_json, row.schedule_id)
    return StoredReport(
        row.id, row.template, row.format, row.from_us, row.to_us, row.issued_us, row.issued_by, row.file_name, content,
        size_bytes, inputs,
    )


_INPUTS = (_I.c.template_version, _I.c.language, _I.c.inputs_json, _I.c.schedule_id)
