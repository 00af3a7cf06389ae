"""Looking for entries of the audit, on every engine."""

from __future__ import annotations

from pathlib import Path

from database import Database
from domain.access import AuditQuery
from tests.conftest import FakeClock
from tests.database.test_repositories import opened

T0, HOUR_US = 1_795_084_920_000_000, 3_600_000_000


async def test_entries_are_found_by_words_time_and_outcome(database_url: str, tmp_path: Path, fake_clock: FakeClock) -> None:
    async with opened(database_url, tmp_path, fake_clock) as database:
        await look(database)


async def look(database: Database) -> None:
    audit = database.audit
    base = (await audit.append(T0, "anna", "10.0.0.5", "login", "anna")).number
    await audit.append(T0 + HOUR_US, "Борис", "10.0.0.6", "device_update", "m1", old='{"name": "Печь 1"}', new='{"name": "Печь 100%"}')
    await audit.append(T0 + 2 * HOUR_US, "guest", "10.0.0.7", "refused", "GET /admin", result="failed")

    async def found(query: AuditQuery, before: int | None = None) -> list[int]:
        return [entry.number - base for entry in await audit.entries(10, before, query) if entry.number >= base]

    assert await found(AuditQuery()) == [2, 1, 0]
    assert await found(AuditQuery("борис")) == [1]
    assert await found(AuditQuery("10.0.0.7")) == [2]
    assert await found(AuditQuery("100%")) == [1], "a per cent sign is a character"
    assert await found(AuditQuery("anna_")) == [], "and so is an underscore"
    assert await found(AuditQuery("вошёл", actions=("login",))) == [0]
    assert await found(AuditQuery(failed=True)) == [2]
    assert await found(AuditQuery(from_us=T0 + HOUR_US, to_us=T0 + 2 * HOUR_US)) == [1]
    assert await found(AuditQuery(), before=base + 2) == [1, 0]
