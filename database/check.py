"""Is everything whole? Integrity of the database, of the audit chain, and the balance of the books."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text

from database.engine import Store
from database.repositories import AuditLog, BookRepository
from domain.errors import StorageError
from domain.health import Books


@dataclass(frozen=True, slots=True)
class CheckResult:
    """`problems`: what is wrong, in plain words; empty when all is well."""

    problems: Sequence[str]
    books: Books | None

    @property
    def ok(self) -> bool:
        return not self.problems


async def check(store: Store, books: BookRepository, audit: AuditLog) -> CheckResult:
    """Looks at every page of an SQLite file, so it takes its time on a large one."""
    problems: list[str] = []
    if store.kind == "sqlite":
        problems.extend(await _integrity(store))
    found = None
    try:
        found = await books.load()
        bad = await audit.verify()
    except StorageError as exc:
        return CheckResult([*problems, f"the database cannot be read: {exc}"], found)
    if bad is not None:
        problems.append(f"the audit was changed: entry {bad} is not what was written")
    if found is not None and not found.balanced:
        problems.append(f"the books do not balance: {found}")
    return CheckResult(problems, found)


async def _integrity(store: Store) -> list[str]:
    try:
        async with store.read() as connection:
            rows = (await connection.execute(text("PRAGMA integrity_check(20)"))).scalars().all()
    except StorageError as exc:
        return [f"the database file is damaged: {exc}"]
    return [f"the database file is damaged: {row}" for row in rows if row != "ok"]
