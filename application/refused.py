"""What no table can hold, for those who look after the installation; and what the storage knows of itself only by asking."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace

from domain.access import Actor, Role
from domain.errors import Forbidden, NotFound, StorageError
from domain.health import StorageStatus
from domain.ports import Clock
from domain.refused import MOST_KEPT, RefusedRow, RefusedStore, RefusedSummary
from domain.stores import AuditStore

log = logging.getLogger(__name__)

LOOK_S = 10.0
SIZE_EVERY = 30  # looks
TOLD = 3  # entries in one line of the audit


class RefusedEntries:
    """Implements domain.refused.RefusedService."""

    def __init__(
        self, store: RefusedStore, audit: AuditStore, clock: Clock, tag_name: Callable[[int], str],
        changed: Callable[[RefusedSummary], None] = lambda _: None,
    ) -> None:  # fmt: skip
        self._store, self._audit, self._clock, self._tag_name, self._changed = store, audit, clock, tag_name, changed

    async def rows(self, actor: Actor, most: int = 100, skip: int = 0) -> Sequence[RefusedRow]:
        await self._need(actor, "look at")
        return await self._store.rows(most, skip)

    async def discard(self, actor: Actor, ids: Collection[int] | None = None) -> int:
        await self._need(actor, "discard")
        found = await self._store.rows(TOLD, 0, ids)
        if not found:
            raise NotFound("refused entry", ", ".join(map(str, sorted(ids or ())[:TOLD])) or "any")
        count = (await self._store.summary()).entries if ids is None else len(ids)
        told = "; ".join(f"{self._subject(one)}: {one.reason[:80]}" for one in found)
        more = f"; + {count - len(found)}" if count > len(found) else ""
        await self._audit.append(
            self._clock.now_us(), actor.name, actor.source, "refused_discard", "database", old=f"{told}{more}"
        )
        gone = await self._store.discard(ids, found[0].id)
        self._changed(await self._store.summary())
        return gone

    def _subject(self, one: RefusedRow) -> str:
        return f"{self._tag_name(one.tag_id) if one.kind != 'message' else one.kind} = {one.value}"

    async def _need(self, actor: Actor, what: str) -> None:
        if not actor.role.allows(Role.ADMIN):
            now_us = self._clock.now_us()
            subject = f"{what} refused entries of the database"
            await self._audit.append(now_us, actor.name, actor.source, "refused", subject, result="failed")
            raise Forbidden("what the database refused needs the role admin")


class StorageFacts:
    """The writer's own state, with what lies in the database: `run` looks every few seconds."""

    def __init__(
        self, own: Callable[[], StorageStatus], refused: RefusedStore, size_bytes: Callable[[], Awaitable[int]], clock: Clock,
        tag_name: Callable[[int], str], written_elsewhere_us: Callable[[], int | None] = lambda: None,
    ) -> None:  # fmt: skip
        """`written_elsewhere_us`: last commit of the ingesters, where the roles run apart."""
        self._own, self._refused, self._ask_size, self._clock, self._tag_name = own, refused, size_bytes, clock, tag_name
        self._written_us = written_elsewhere_us
        self._summary: RefusedSummary | None = None
        self._size_bytes: int | None = None

    def status(self) -> StorageStatus:
        own = self._own()
        written = max((us for us in (own.last_write_us, self._written_us()) if us is not None), default=None)
        return replace(own, size_bytes=self._size_bytes, refused=self._summary, last_write_us=written)

    def take(self, summary: RefusedSummary) -> None:
        """It was just counted."""
        newest = summary.newest
        named = newest is not None and newest.kind != "message"
        self._summary = replace(summary, newest_tag=self._tag_name(newest.tag_id) if newest is not None and named else "")

    async def run(self) -> None:
        """Until cancelled; while the database is away the last known stands."""
        looks = 0
        while True:
            try:
                await self._look(looks)
            except StorageError as exc:
                log.debug("the storage cannot be looked at: %s", exc)
            looks += 1
            await self._clock.sleep(LOOK_S)

    async def _look(self, looks: int) -> None:
        summary = await self._refused.summary()
        if summary.entries > MOST_KEPT:
            gone = await self._refused.shorten(MOST_KEPT)
            log.error("the oldest %d refused entries of the database are discarded: no more than %d are kept", gone, MOST_KEPT)
            summary = await self._refused.summary()
        self.take(summary)
        if looks % SIZE_EVERY == 0:
            self._size_bytes = await self._ask_size()
