"""Shift accounts in the store: the running shift each minute, closed ones until their last word, again when late samples come."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence

from analysis.accounting import EnergyAccounting
from domain.energy import EnergyAccount, ShiftWindow
from domain.errors import StorageError
from domain.ports import Clock
from domain.stores import EnergyStore

log = logging.getLogger(__name__)

PERIOD_S = 60.0
RETRY_S = 10.0
MINUTE_US = 60_000_000
AT_START_US = 48 * 60 * MINUTE_US  # shifts that closed while the product was stopped
AT_FIRST_US = 35 * 1440 * MINUTE_US  # at the first start over samples that are there already (an import, a restore)
LAST_WORD_US = 15 * MINUTE_US  # after its end, or two readings of the slowest counter: the reading behind the border is needed
MAX_MARKED = 1000
Kept = Callable[[ShiftWindow, Sequence[EnergyAccount]], Awaitable[None]]


class ShiftKeeper:
    """`run` as one supervised task; `mark` when the past changed.

    `waiting_since` gives the time of the oldest sample that is kept but not yet in the tables, None when there is none: after
    an outage of the database a shift is not over before its samples are there.
    """

    def __init__(
        self, accounting: EnergyAccounting, store: EnergyStore, clock: Clock,
        waiting_since: Callable[[], int | None] = lambda: None,
        first_sample: Callable[[], Awaitable[int | None]] | None = None,
    ) -> None:
        """`first_sample`: time of the oldest sample, None when there is none; asked once."""
        self._first_sample = first_sample
        self._accounting, self._store, self._clock, self._waiting_since = accounting, store, clock, waiting_since
        self._open: dict[tuple[str, int, int], ShiftWindow] = {}
        self._seen_us: int | None = None
        self._listeners: list[Kept] = []

    def on_kept(self, listener: Kept) -> None:
        """`listener(window, accounts)` whenever a shift was stored; what it raises keeps the shift open."""
        self._listeners.append(listener)

    def mark(self, from_us: int, to_us: int, machine_id: str | None = None) -> None:
        """Samples or states of that time changed: its shifts are computed again (all machines; one account is cheap)."""
        del machine_id
        now_us = self._clock.now_us()
        for window in self._accounting.shifts(max(from_us, now_us - 400 * 1440 * MINUTE_US), min(to_us, now_us)):
            if len(self._open) < MAX_MARKED:
                self._open[_key(window)] = window

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.keep()
            except (StorageError, OSError) as exc:
                log.warning("shift energy waits for the store: %s", exc)
                await self._clock.sleep(RETRY_S)
                continue
            await self._clock.sleep(PERIOD_S)

    async def keep(self) -> None:
        """Store what is open now. Raises StorageError; what was not stored stays open."""
        now_us, waiting_us = self._clock.now_us(), self._waiting_since()
        last_word_us = max(LAST_WORD_US, 2 * self._accounting.slowest_reading_us)
        seen_us = await self._not_kept_since(now_us) if self._seen_us is None else min(self._seen_us, now_us)
        for window in self._accounting.shifts(seen_us, now_us):
            self._open.setdefault(_key(window), window)
        for key, window in sorted(self._open.items(), key=lambda item: item[1].from_us):
            accounts = await self._accounting.accounts_of(window)
            if accounts:
                await self._store.save_shift_energy(window, accounts)
                for listener in self._listeners:
                    await listener(window, accounts)
            if window.to_us + last_word_us <= now_us and (waiting_us is None or waiting_us > window.to_us + LAST_WORD_US):
                self._open.pop(key, None)
        self._seen_us = now_us


    async def _not_kept_since(self, now_us: int) -> int:
        """At a start: two days back, or to the first sample; where nothing was ever kept, five weeks at most."""
        recent_us = now_us - AT_START_US
        if self._first_sample is None:
            return recent_us
        first_us = await self._first_sample()
        if first_us is None or first_us >= recent_us:
            return now_us if first_us is None else first_us
        oldest_us = max(first_us, now_us - AT_FIRST_US)
        days = self._accounting.calendar.day_of(oldest_us), self._accounting.calendar.day_of(recent_us - AT_START_US)
        return recent_us if await self._store.shift_energy(*days) else oldest_us


def _key(window: ShiftWindow) -> tuple[str, int, int]:
    return window.name, window.from_us, window.to_us
