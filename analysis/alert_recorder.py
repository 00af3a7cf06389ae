"""Transitions on their way to the store: in order, each once, told to the outside when stored.

While the store is away they wait in memory and, where there is a spool, in a file that survives the process; the outside is
told at once without waiting, and again with the alert's number when it is stored.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from domain.alert import Alert, AlertState
from domain.errors import StorageError
from domain.stores import AlertStore

log = logging.getLogger(__name__)

MAX_WAITING = 20_000  # transitions that wait for the store; beyond it the oldest of what is over goes, counted and logged
MOST_AT_ONCE = 500  # in one transaction of the store


class AlertSpool(Protocol):
    """Keeps transitions in a file while the store is away. Raises OSError."""

    def append(self, alerts: Sequence[Alert]) -> None: ...
    def load(self) -> Sequence[Alert]:
        """What an earlier process left, oldest first."""
        ...

    def clear(self) -> None: ...


@dataclass(slots=True, eq=False)
class Occurrence:
    """One alert that is not over (or was until a while ago). `alert.id` is 0 until stored. `since_us`: since when it waits."""

    alert: Alert
    since_us: int
    raises_us: deque[int]


@dataclass(slots=True, eq=False)
class _Waiting:
    """A transition that is not stored yet. `told`: the outside heard of it without a number; `quiet`: it need not hear."""

    occurrence: Occurrence
    snapshot: Alert
    quiet: bool = False
    told: bool = False
    refusals: int = 0


class AlertRecorder:
    """`put` from the event loop; `flush` stores what waits."""

    def __init__(self, store: AlertStore, tell: Callable[[Alert], None], spool: AlertSpool | None = None) -> None:
        self._store, self._tell, self._spool = store, tell, spool
        self._waiting: deque[_Waiting] = deque()
        self._spooled = False
        self._storing = asyncio.Lock()
        self.work = asyncio.Event()
        self.ready = False  # nothing is stored before it is known what stood
        self.lost = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, occurrence: Occurrence, snapshot: Alert, *, quiet: bool = False) -> None:
        """A transition to be stored and told; never waits."""
        self._waiting.append(_Waiting(occurrence, snapshot, quiet))
        if len(self._waiting) > MAX_WAITING:
            self._shed()
        self.work.set()

    async def replay(self) -> None:
        """Store what an earlier process could not. Raises StorageError; then it is tried again later."""
        if self._spool is None:
            return
        try:
            left = await asyncio.to_thread(self._spool.load)
        except OSError as exc:
            log.error("transitions of alerts that an earlier run left cannot be read: %s", exc)
            return
        if not left:
            return
        log.warning("%d transitions of alerts that an earlier run could not store are stored now", len(left))
        for at in range(0, len(left), MOST_AT_ONCE):
            await self._replay_some(left[at : at + MOST_AT_ONCE])
        await asyncio.to_thread(self._spool.clear)

    async def _replay_some(self, alerts: Sequence[Alert]) -> None:
        """The store knows an occurrence by its key and begin, and a transition by its number: what it has, it keeps."""
        try:
            await self._store.save_all(alerts)
        except (StorageError, OSError):
            raise
        except Exception:
            if len(alerts) == 1:
                log.exception("a transition that an earlier run left is refused: %s", alerts[0].key)
                self.lost += 1
                return
            for alert in alerts:
                await self._replay_some([alert])

    def forget(self, occurrence: Occurrence, state: AlertState) -> None:
        """The transition to `state` is stored already, by an earlier process."""
        self._waiting = deque(w for w in self._waiting if w.occurrence is not occurrence or w.snapshot.state is not state)

    async def flush(self) -> bool:
        """Store what waits; False when the store cannot take it now."""
        async with self._storing:
            while self._waiting and self.ready:
                if not await self._store_some():
                    return False
            if self._spooled and self._spool is not None and not self._waiting:
                self._spooled = False
                await asyncio.to_thread(self._spool.clear)
        return self.ready

    async def _store_some(self) -> bool:
        entries = [self._waiting[i] for i in range(min(len(self._waiting), MOST_AT_ONCE))]
        try:
            stored = await self._store.save_all([replace(e.snapshot, id=e.occurrence.alert.id) for e in entries])
        except (StorageError, OSError) as exc:
            await self.tell_unstored(exc)
            return False
        except Exception:  # noqa: BLE001 - one of them is refused: one by one
            return await self._store_first()
        for entry, alert in zip(entries, stored, strict=True):
            self._stored(entry, alert)
        return True

    async def _store_first(self) -> bool:
        entry = self._waiting[0]
        try:
            stored = await self._store.save(replace(entry.snapshot, id=entry.occurrence.alert.id))
        except (StorageError, OSError) as exc:
            await self.tell_unstored(exc)
            return False
        except Exception:  # noqa: BLE001 - whatever one record holds, it must not stop the others: three tries, then out
            return self._refused(entry)
        self._stored(entry, stored)
        return True

    def _stored(self, entry: _Waiting, stored: Alert) -> None:
        if self._waiting and self._waiting[0] is entry:
            self._waiting.popleft()
        if entry.occurrence.alert.id == 0:
            entry.occurrence.alert = replace(entry.occurrence.alert, id=stored.id)
        if not entry.quiet:
            self._tell(stored)

    def _refused(self, entry: _Waiting) -> bool:
        """The store failed in a way that is no outage. True when the record is given up."""
        entry.refusals += 1
        log.exception("the store refuses alert %s (%s)", entry.snapshot.key, entry.snapshot.state.value)
        if entry.refusals < 3:
            return False
        self.lost += 1
        self._waiting = deque(w for w in self._waiting if w is not entry)
        self._tell(entry.snapshot)
        return True

    async def tell_unstored(self, exc: BaseException) -> None:
        """A person must hear of it although it cannot be stored: told now, kept in the spool, and told again when stored."""
        new = [entry for entry in self._waiting if not entry.told]
        for entry in new:
            entry.told = True
            log.warning("alert %s (%s) waits for the store: %s", entry.snapshot.key, entry.snapshot.state.value, exc)
            if not entry.quiet:
                self._tell(entry.snapshot)
        if new and self._spool is not None:
            try:
                self._spooled = True
                await asyncio.to_thread(self._spool.append, [replace(e.snapshot, id=e.occurrence.alert.id) for e in new])
            except OSError as wrong:
                log.error("transitions of alerts wait in memory only: %s", wrong)

    def _shed(self) -> None:
        """The store is away for long and alerts flap: keep the last word on each, and no more than half of what may wait."""
        last: dict[int, _Waiting] = {id(entry.occurrence): entry for entry in self._waiting}
        kept = [entry for entry in self._waiting if last[id(entry.occurrence)] is entry]
        spare = len(kept) - MAX_WAITING // 2
        for entry in list(kept):
            never_stored = entry.occurrence.alert.id == 0 and entry.snapshot.state is AlertState.CLEARED
            if spare > 0 and never_stored:
                kept.remove(entry)
                spare -= 1
        self.lost += len(self._waiting) - len(kept)
        log.error("%d transitions of alerts could not be kept: the store is away for too long", self.lost)
        self._waiting = deque(kept)
