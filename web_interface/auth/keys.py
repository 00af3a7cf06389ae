"""API keys: 128 random bits, stored as a digest, looked up for every request."""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from dataclasses import dataclass

from domain.access import Actor, ApiKey, Role
from domain.errors import StorageError
from domain.ports import Clock
from domain.stores import AccessStore

PREFIX = "em_"
SHOWN = 8  # characters of a key that lists show
FRESH_S = 2.0  # a key asked for again within this is not looked up again
TOUCH_S = 60.0  # last use is written this often
REMEMBERED = 1000


@dataclass(slots=True)
class _Seen:
    key: ApiKey
    at: float
    touched: float


class Keys:
    """A fast plain digest is right here: 128 random bits cannot be guessed, so nothing is gained by slow hashing."""

    def __init__(self, store: AccessStore, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._seen: OrderedDict[str, _Seen] = OrderedDict()

    async def create(self, name: str, role: Role, expires_us: int | None) -> tuple[ApiKey, str]:
        text = PREFIX + secrets.token_urlsafe(16)
        key = ApiKey(0, name, role, text[:SHOWN], self._clock.now_us(), expires_us=expires_us)
        return await self._store.create_key(key, _digest(text)), text

    async def revoke(self, key_id: int) -> None:
        await self._store.revoke_key(key_id)
        self._seen = OrderedDict((d, seen) for d, seen in self._seen.items() if seen.key.id != key_id)

    async def actor(self, text: str) -> Actor | None:
        """None when unknown, expired or revoked. With the database away a key seen before stays; others: StorageError."""
        if not text.startswith(PREFIX) or len(text) > 64:
            return None
        digest = _digest(text)
        seen = self._seen.get(digest)
        now = self._clock.monotonic()
        if seen is None or now - seen.at > FRESH_S:
            try:
                found = await self._store.key_by_hash(digest)
            except (StorageError, OSError) as exc:
                if seen is None:
                    raise StorageError("the key cannot be checked while the database is away") from exc
                found = seen.key
            if found is None:
                self._seen.pop(digest, None)
                return None
            seen = self._remember(digest, found, now, seen)
        key = seen.key
        if key.revoked or (key.expires_us is not None and key.expires_us <= self._clock.now_us()):
            return None
        if now - seen.touched > TOUCH_S:
            seen.touched = now
            await self._touch(key.id)
        return Actor(f"key:{key.name}", key.role)

    def _remember(self, digest: str, key: ApiKey, now: float, seen: _Seen | None) -> _Seen:
        fresh = _Seen(key, now, seen.touched if seen is not None else -TOUCH_S * 2)
        self._seen[digest] = fresh
        self._seen.move_to_end(digest)
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return fresh

    async def _touch(self, key_id: int) -> None:
        try:
            await self._store.touch_key(key_id, self._clock.now_us())
        except (StorageError, OSError):
            return  # the next minute writes it


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
