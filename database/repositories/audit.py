"""The audit: a chain in which each entry vouches for the one before, so that SQL alone cannot rewrite it (S31)."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Row, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from database import tables
from database.engine import Store
from domain.access import EVERY_ENTRY, AuditEntry, AuditQuery
from domain.errors import StorageError

log = logging.getLogger(__name__)

_T, _META = tables.audit, tables.meta
AUDIT_HEAD = "audit_head"  # last number, kept as a row so that all writers queue at it
CHUNK = 2000
_SEARCHED = (_T.c.actor, _T.c.source, _T.c.action, _T.c.subject, _T.c.old_json, _T.c.new_json)


class AuditLog:
    """Implements domain.stores.AuditStore. The key and the number of the last entry also lie outside the database."""

    def __init__(self, store: Store, key: bytes, head_file: Path) -> None:
        self._store, self._key, self._head_file = store, key, head_file
        self._queue = asyncio.Lock()

    async def append(
        self, time_us: int, actor: str, source: str, action: str, subject: str,
        *, old: str | None = None, new: str | None = None, result: str = "ok",
    ) -> AuditEntry:
        """Chained by HMAC over the entry and its predecessor; raises StorageError when it cannot be written."""
        async with self._queue:
            async with self._store.write() as connection:
                number = await _next_number(connection)
                before = await connection.scalar(select(_T.c.hmac).where(_T.c.number == number - 1)) or ""
                entry = AuditEntry(number, time_us, actor[:200], source[:200], action[:60], subject[:300], old, new, result[:20])
                mac = self._mac(entry, before)
                await connection.execute(_T.insert().values(**_row(entry), hmac=mac))
            await asyncio.to_thread(self._write_head, number, mac)
        return entry

    async def entries(
        self, limit: int, before: int | None = None, query: AuditQuery = EVERY_ENTRY
    ) -> Sequence[AuditEntry]:
        """What `query` asks for, newest first; `before`: only entries with a smaller number."""
        wanted = select(_T).where(*_asked(query)).order_by(_T.c.number.desc()).limit(limit)
        if before is not None:
            wanted = wanted.where(_T.c.number < before)
        async with self._store.read() as connection:
            return [_entry(row) for row in (await connection.execute(wanted)).all()]

    async def verify(self) -> int | None:
        """Number of the first entry that was changed, inserted, removed or moved (also at the end); None: whole."""
        number: int = 0
        before = ""
        outside = await asyncio.to_thread(self._read_head)
        while True:
            wanted = select(_T).where(_T.c.number > number).order_by(_T.c.number).limit(CHUNK)
            async with self._store.read() as connection:
                rows = (await connection.execute(wanted)).all()
            for row in rows:
                if row.number != number + 1 or not hmac.compare_digest(row.hmac, self._mac(_entry(row), before)):
                    return number + 1
                number, before = row.number, row.hmac
                if outside is not None and outside[0] == number and outside[1] != before:
                    return number
            if len(rows) < CHUNK:
                return number + 1 if outside is not None and outside[0] > number else None

    def forget_head(self) -> None:
        """After a restore the end of the chain is the restored one."""
        self._head_file.unlink(missing_ok=True)

    def _mac(self, entry: AuditEntry, before: str) -> str:
        text = json.dumps([before, *_row(entry).values()], ensure_ascii=False, separators=(",", ":"))
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()

    def _write_head(self, number: int, mac: str) -> None:
        """Best effort: the entry itself is safe already; a head that lags only proves less."""
        draft = self._head_file.with_suffix(f".{os.getpid()}.new")
        try:
            draft.write_text(json.dumps([number, mac]))
            draft.chmod(0o600)
            draft.replace(self._head_file)
        except OSError as exc:
            log.warning("number of the last audit entry not written beside the database: %s", exc)

    def _read_head(self) -> tuple[int, str] | None:
        try:
            number, mac = json.loads(self._head_file.read_text())
            return int(number), str(mac)
        except (OSError, ValueError, TypeError):
            return None


async def _next_number(connection: AsyncConnection) -> int:
    """Queue behind other writers at the head's row, take the next number."""
    mine = _META.c.name == AUDIT_HEAD
    head = await connection.scalar(select(_META.c.value).where(mine).with_for_update())
    if head is None:
        raise StorageError("the head of the audit is missing in table meta: the audit cannot be continued")
    number = int(head) + 1
    await connection.execute(update(_META).where(mine).values(value=str(number)))
    return number


def _asked(query: AuditQuery) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if query.from_us is not None:
        found.append(_T.c.time_us >= query.from_us)
    if query.to_us is not None:
        found.append(_T.c.time_us < query.to_us)
    if query.failed:
        found.append(_T.c.result != "ok")
    if query.text:
        ways = [column.contains(way, autoescape=True) for column in _SEARCHED for way in _ways(query.text)]
        found.append(or_(*ways, _T.c.action.in_(query.actions)))
    return found


def _ways(text: str) -> set[str]:
    """The text as it may be written: the engines do not agree on upper and lower case outside Latin letters."""
    return {text, text.lower(), text.upper(), text.capitalize(), text.title()}


def _row(entry: AuditEntry) -> dict[str, Any]:
    return {
        "number": entry.number, "time_us": entry.time_us, "actor": entry.actor, "source": entry.source, "action": entry.action,
        "subject": entry.subject, "old_json": entry.old, "new_json": entry.new, "result": entry.result,
    }


def _entry(row: Row[Any]) -> AuditEntry:
    return AuditEntry(
        row.number, row.time_us, row.actor, row.source, row.action, row.subject, row.old_json, row.new_json, row.result
    )
