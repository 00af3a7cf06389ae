"""Keeps sessions where the next process finds them: after an update, or when another `web` takes over, people stay signed in.

What is kept is the digest of a session's id, never the id. Memory decides who is signed in; the store follows: a session that
begins or ends within the call, the times of use every CONFIRM_S. A store that is away is tried again, and what it was not told
in time is not believed: a session that nobody has confirmed for FRESH_S has ended. What ends is written to this machine's disk
first: a process that is killed before the store could be told leaves it to the next one of its folder.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Collection, Mapping, Sequence

from domain.access import KeptSession, User
from domain.errors import StorageError
from domain.ports import Clock
from domain.stores import EndedSessions, SessionStore
from web_interface.auth.sessions import Session, Sessions

log = logging.getLogger(__name__)

CONFIRM_S = 20.0
FRESH_S = 300.0
AHEAD_S = 60.0  # clocks of two machines differ by less; a time further in the future is no time


class KeptSessions:
    """`sessions` with their records in `store`; `spool`: those that ended and that the store was not told of."""

    def __init__(self, sessions: Sessions, store: SessionStore, clock: Clock, spool: EndedSessions | None = None) -> None:
        self._sessions, self._store, self._clock, self._spool = sessions, store, clock, spool
        self._begun: set[str] = set()
        self._ended: set[str] = set()
        self._confirmed: float | None = None
        self._told = False
        self._spooled: set[str] = set()
        self._spool_trouble = False
        self._writing, self._spooling = asyncio.Lock(), asyncio.Lock()
        sessions.on_gone.append(self._ended.add)

    async def restore(self, users: Mapping[int, User]) -> None:
        """What an earlier process left, before anybody is served; who has changed since is signed out. Raises StorageError."""
        now, now_us = self._clock.monotonic(), self._clock.now_us()
        kept_ones = await self._store.kept()
        over = await self._ended_before(kept_ones)
        for kept in kept_ones:
            user, ended = users.get(kept.user_id), kept.digest in over
            if ended or user is None or not user.enabled or user.role is not kept.role or not _believable(kept, now_us):
                self._ended.add(kept.digest)
                continue
            begun, used = (now - max(0, now_us - us) / 1e6 for us in (kept.begun_us, kept.used_us))
            self._sessions.take_over(Session("", kept.digest, user, kept.password_mark, begun, used))
        self._sessions.end_overdue()
        if live := len(self._sessions.live()):
            log.info("%d people stay signed in", live)

    async def begin(self, session: Session) -> None:
        """A new one; while the store is away it goes on without."""
        self._begun.add(session.digest)
        await self.settle()

    async def settle(self) -> None:
        """Tell the store what began and ended; when that cannot be, the next call does."""
        await self._spool_ended()  # before the store is asked: it may be away without saying so
        try:
            await self._settle()
        except StorageError as exc:
            if not self._told:
                log.warning("sessions cannot be kept now: %s", exc)
            self._told = True
        else:
            self._told = False

    async def end_of_user(self, user_id: int) -> None:
        """Also those that this process does not know of, as a command beside the running product."""
        try:
            await self._store.end_of_user(user_id)
        except StorageError as exc:
            log.warning("kept sessions of an account cannot be ended now: %s", exc)

    async def _settle(self) -> None:
        async with self._writing:
            now = self._clock.monotonic()
            due = self._confirmed is None or now - self._confirmed >= CONFIRM_S
            live = {session.digest: self._record(session) for session in self._sessions.live()}
            ended, new = set(self._ended), set(self._begun)
            begun = [live[digest] for digest in new if digest in live]
            going_on = [record for digest, record in live.items() if digest not in new] if due else []
            if begun or going_on or ended:
                await self._store.settle(begun, going_on, ended)
            self._ended -= ended
            self._begun -= new
            await self._clear_spool(ended)
            if due:
                self._confirmed = now

    async def _ended_before(self, kept: Sequence[KeptSession]) -> Collection[str]:
        """Those that an earlier process of this folder ended without the store's knowledge; all, where that cannot be told."""
        if self._spool is None:
            return frozenset()
        try:
            found = await asyncio.to_thread(self._spool.load)
        except OSError as exc:
            log.error("which sessions have ended cannot be read, everybody signs in again: %s", exc)
            return {one.digest for one in kept}
        self._spooled.update(found)
        self._ended.update(found)
        return found

    async def _spool_ended(self) -> None:
        if self._spool is None:
            return
        async with self._spooling:
            new = self._ended - self._spooled
            if not new:
                return
            try:
                await asyncio.to_thread(self._spool.append, new)
            except OSError as exc:
                if not self._spool_trouble:
                    log.error("ended sessions cannot be written down here, only the database is told: %s", exc)
                self._spool_trouble = True
            else:
                self._spooled |= new
                self._spool_trouble = False

    async def _clear_spool(self, told: Collection[str]) -> None:
        """Once nothing is in it that the store does not know: what it knows and is told again changes nothing."""
        if self._spool is None:
            return
        async with self._spooling:
            if self._spooled.isdisjoint(told):
                return
            self._spooled.difference_update(told)
            if not self._spooled:
                with contextlib.suppress(OSError):
                    await asyncio.to_thread(self._spool.clear)

    def _record(self, session: Session) -> KeptSession:
        now, now_us = self._clock.monotonic(), self._clock.now_us()
        begun_us, used_us = (now_us - int((now - at) * 1e6) for at in (session.begun, session.used))
        user = session.user
        return KeptSession(session.digest, user.id, user.role, session.password_mark, begun_us, used_us, now_us)


def _believable(kept: KeptSession, now_us: int) -> bool:
    """Somebody confirmed it lately, and no time of it lies ahead: after a step of the clock its limits could not be told."""
    ahead_us = now_us + AHEAD_S * 1e6
    return now_us - kept.confirmed_us <= FRESH_S * 1e6 and max(kept.begun_us, kept.used_us, kept.confirmed_us) <= ahead_us
