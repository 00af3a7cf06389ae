"""Accounts, audit and the rest in memory: the database room's protocols without a database."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import replace

from domain.access import EVERY_ENTRY, ApiKey, AuditEntry, AuditQuery, KeptSession, User
from domain.errors import Conflict, StorageError
from domain.trend_view import TrendView


class MemoryAccess:
    """AccessStore."""

    def __init__(self) -> None:
        self.people: dict[int, User] = {}
        self.hashes: dict[int, str] = {}
        self.api_keys: dict[int, ApiKey] = {}
        self.key_hashes: dict[str, int] = {}

    async def users(self) -> Sequence[User]:
        return list(self.people.values())

    async def user_with_hash(self, name: str) -> tuple[User, str] | None:
        for user in self.people.values():
            if user.name.casefold() == name.casefold():
                return user, self.hashes[user.id]
        return None

    async def create_user(self, user: User, password_hash: str) -> User:
        return self.add(user, password_hash)

    def add(self, user: User, password_hash: str) -> User:
        if any(known.name.casefold() == user.name.casefold() for known in self.people.values()):
            raise Conflict(f"user {user.name!r} exists already")
        created = replace(user, id=len(self.people) + 1)
        self.people[created.id], self.hashes[created.id] = created, password_hash
        return created

    async def update_user(self, user: User) -> None:
        self.people[user.id] = user

    async def set_password_hash(self, user_id: int, password_hash: str) -> None:
        self.hashes[user_id] = password_hash

    async def keys(self) -> Sequence[ApiKey]:
        return list(self.api_keys.values())

    async def create_key(self, key: ApiKey, key_hash: str) -> ApiKey:
        created = replace(key, id=len(self.api_keys) + 1)
        self.api_keys[created.id], self.key_hashes[key_hash] = created, created.id
        return created

    async def key_by_hash(self, key_hash: str) -> ApiKey | None:
        key_id = self.key_hashes.get(key_hash)
        return None if key_id is None else self.api_keys[key_id]

    async def revoke_key(self, key_id: int) -> None:
        self.api_keys[key_id] = replace(self.api_keys[key_id], revoked=True)

    async def touch_key(self, key_id: int, time_us: int) -> None:
        self.api_keys[key_id] = replace(self.api_keys[key_id], last_used_us=time_us)


class MemoryAudit:
    """AuditStore; `broken` makes it refuse, as a full disk would."""

    def __init__(self) -> None:
        self.log: list[AuditEntry] = []
        self.broken = False

    async def append(
        self,
        time_us: int,
        actor: str,
        source: str,
        action: str,
        subject: str,
        *,
        old: str | None = None,
        new: str | None = None,
        result: str = "ok",
    ) -> AuditEntry:
        if self.broken:
            raise StorageError("the audit cannot be written")
        entry = AuditEntry(len(self.log) + 1, time_us, actor, source, action, subject, old, new, result)
        self.log.append(entry)
        return entry

    async def entries(
        self, limit: int, before: int | None = None, query: AuditQuery = EVERY_ENTRY
    ) -> Sequence[AuditEntry]:
        chosen = [entry for entry in reversed(self.log) if (before is None or entry.number < before) and asked_for(entry, query)]
        return chosen[:limit]

    async def verify(self) -> int | None:
        return None

    def actions(self) -> list[str]:
        """What was written, oldest first."""
        return [entry.action for entry in self.log]


def asked_for(entry: AuditEntry, query: AuditQuery) -> bool:
    """As the database does it (tests/database/test_audit.py)."""
    words = (entry.actor, entry.source, entry.action, entry.subject, entry.old or "", entry.new or "")
    told = any(query.text.lower() in word.lower() for word in words) or entry.action in query.actions
    begun = query.from_us is None or entry.time_us >= query.from_us
    ended = query.to_us is None or entry.time_us < query.to_us
    return told and begun and ended and (entry.result != "ok" or not query.failed)


class MemoryTrendViews:
    """TrendViewStore."""

    def __init__(self) -> None:
        self.views: dict[int, TrendView] = {}
        self._last = 0

    async def all(self) -> Sequence[TrendView]:
        return sorted(self.views.values(), key=lambda view: (view.name, view.id))

    async def get(self, view_id: int) -> TrendView | None:
        return self.views.get(view_id)

    async def create(self, view: TrendView) -> TrendView:
        self._need_free(view)
        self._last += 1
        self.views[self._last] = replace(view, id=self._last)
        return self.views[self._last]

    async def replace(self, view: TrendView, version: int) -> bool:
        self._need_free(view)
        if view.id not in self.views or self.views[view.id].version != version:
            return False
        self.views[view.id] = view
        return True

    async def delete(self, view_id: int) -> None:
        self.views.pop(view_id, None)

    def _need_free(self, view: TrendView) -> None:
        if any((v.owner, v.name) == (view.owner, view.name) and v.id != view.id for v in self.views.values()):
            raise Conflict(f"a view {view.name!r} of {view.owner} exists already; choose another name")


def key_hash(key: str) -> str:
    """The form in which keys are stored."""
    return hashlib.sha256(key.encode()).hexdigest()


class MemorySessions:
    """SessionStore; `broken` is a database that is away."""

    def __init__(self) -> None:
        self.rows: dict[str, KeptSession] = {}
        self.broken = False

    async def kept(self) -> Sequence[KeptSession]:
        return list(self.rows.values())

    async def settle(self, begun: Sequence[KeptSession], going_on: Sequence[KeptSession], ended: Collection[str]) -> None:
        if self.broken:
            raise StorageError("the database is away")
        self.rows |= {one.digest: one for one in begun}
        self.rows |= {one.digest: one for one in going_on if one.digest in self.rows}
        for digest in ended:
            self.rows.pop(digest, None)

    async def end_of_user(self, user_id: int) -> None:
        if self.broken:
            raise StorageError("the database is away")
        self.rows = {digest: one for digest, one in self.rows.items() if one.user_id != user_id}
