"""Shift accounts in the store: the running shift each minute, closed ones until their last word, again when late samples come."""

from __future__ import annotations

import logging

from analysis.accounting import EnergyAccounting
from domain.energy import ShiftWindow
from domain.errors import StorageError
from domain.ports import Clock
from domain.stores import EnergyStore

log = logging.getLogger(__name__)

PERIOD_S = 60.0
RETRY_S = 10.0
MINUTE_US = 60_000_000
AT_START_US = 48 * 60 * MINUTE_US  # shifts that closed while the product was stopped
LAST_WORD_US = 15 * MINUTE_US  # after its end: the counter reading behind the border, samples from the journal
MAX_MARKED = 1000


class ShiftKeeper:
    """`run` as one supervised task; `mark` when the past changed."""

    def __init__(self, accounting: EnergyAccounting, store: EnergyStore, clock: Clock) -> None:
        self._accounting, self._store, self._clock = accounting, store, clock
        self._open: dict[tuple[str, int, int], ShiftWindow] = {}
        self._seen_us: int | None = None

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
        now_us = self._clock.now_us()
        seen_us = now_us - AT_START_US if self._seen_us is None else min(self._seen_us, now_us)
        for window in self._accounting.shifts(seen_us, now_us):
            self._open.setdefault(_key(window), window)
        for key, window in sorted(self._open.items(), key=lambda item: item[1].from_us):
            accounts = await self._accounting.accounts_of(window)
            if accounts:
                await self._store.save_shift_energy(window, accounts)
            if window.to_us + LAST_WORD_US <= now_us:
                self._open.pop(key, None)
        self._seen_us = now_us


def _key(window: ShiftWindow) -> tuple[str, int, int]:
    return window.name, window.from_us, window.to_us
