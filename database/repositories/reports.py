"""Issued reports with their files."""

from __future__ import annotations

import builtins
import dataclasses
from collections.abc import Sequence
from typing import Any

from sqlalchemy import LargeBinary, Row, func, select, type_coerce

from database import tables
from database.engine import Store
from domain.stores import StoredReport

_T = tables.report


class ReportRepository:
    """Implements domain.stores.ReportStore."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def save(self, report: StoredReport) -> StoredReport:
        """A new one; the answer carries its id."""
        async with self._store.write() as connection:
            row = {column.name: getattr(report, column.name) for column in _T.columns if column.name != "id"}
            report_id = await self._store.insert_id(connection, _T, row)
            return dataclasses.replace(report, id=report_id, size_bytes=len(report.content))

    async def list(self, limit: int) -> Sequence[StoredReport]:
        """Newest first, `content` empty."""
        columns: builtins.list[Any] = [column for column in _T.columns if column.name != "content"]
        columns.append(func.length(type_coerce(_T.c.content, LargeBinary)).label("size_bytes"))
        async with self._store.read() as connection:
            rows = await connection.execute(select(*columns).order_by(_T.c.issued_us.desc(), _T.c.id.desc()).limit(limit))
            return [_report(row, b"", row.size_bytes) for row in rows.all()]

    async def get(self, report_id: int) -> StoredReport | None:
        async with self._store.read() as connection:
            row = (await connection.execute(select(_T).where(_T.c.id == report_id))).first()
        return None if row is None else _report(row, row.content, len(row.content))


def _report(row: Row[Any], content: bytes, size_bytes: int) -> StoredReport:
    return StoredReport(
        row.id, row.template, row.format, row.from_us, row.to_us, row.issued_us, row.issued_by, row.file_name, content,
        size_bytes,
    )
