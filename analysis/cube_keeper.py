"""The stored cube: slots as they settle, again when the past changes, and days of the past that are not there yet."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import date

from analysis.accounting import EnergyAccounting
from analysis.cube_query import DAY_US, RECOMPUTABLE_US, DayRules, days_before
from domain.cube import CubeCell, CubeStore, KeptDay, Slot
from domain.errors import NotFound, StorageError
from domain.ports import Clock

log = logging.getLogger(__name__)

PERIOD_S = 60.0
RETRY_S = 10.0
MINUTE_US = 60_000_000
LAST_WORD_US = 15 * MINUTE_US  # after a slot's end, or two readings of the slowest counter: then it is kept
REACH_US = 3 * MINUTE_US
AT_ONCE_US = 4 * 60 * MINUTE_US  # measured in one piece, so that no piece holds the event loop
AT_START_DAYS = 2  # what changed while the product was stopped, or just before
EMPTY_DAYS = 14  # so many days without any energy end the search for older ones
DAYS_A_PASS = 20


class CubeKeeper:
    """`run` as one supervised task; `mark` when the past changed.

    `waiting_since`: time of the oldest sample that is kept but not yet in the tables, None when there is none.
    """

    def __init__(
        self, machines: Callable[[], Sequence[str]], accounting: EnergyAccounting, store: CubeStore, clock: Clock,
        rules: DayRules, waiting_since: Callable[[], int | None] = lambda: None,
    ) -> None:
        self._machines, self._accounting, self._store, self._clock = machines, accounting, store, clock
        self._rules, self._waiting_since = rules, waiting_since
        self._dirty: dict[tuple[str, date], int] = {}  # made again from that time on
        self._reached: dict[str, date] = {}  # the oldest day that may still grow, by machine
        self._looked: dict[str, date] = {}  # the oldest day looked for, by machine
        self._empty: dict[str, int] = {}
        self._calendar: object = None

    def mark(self, from_us: int, to_us: int, machine_id: str | None = None) -> None:
        """Samples or states of that time changed; what held or was interpolated up to there changes with them."""
        now_us = self._clock.now_us()
        before_us = max(REACH_US, 2 * self._accounting.slowest_reading_us)
        begin_us, end_us = max(from_us - before_us, now_us - RECOMPUTABLE_US), min(to_us + before_us, now_us)
        machines = self._machines() if machine_id is None else [machine_id]
        for window in self._accounting.calendar.overlapping("day", begin_us, end_us):
            for machine in machines:
                key = machine, window.day
                self._dirty[key] = min(self._dirty.get(key, window.to_us), max(begin_us, window.from_us))

    @property
    def waiting(self) -> int:
        """Days of machines that are to be made again."""
        return len(self._dirty)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.keep()
            except (StorageError, OSError) as exc:
                log.warning("the energy cube waits for the store: %s", exc)
                await self._clock.sleep(RETRY_S)
                continue
            await self._clock.sleep(PERIOD_S if not self._dirty else 1.0)

    async def keep(self) -> None:
        """Store what has settled since the last call, then some of what is to be made again. Raises StorageError."""
        now_us = self._clock.now_us()
        today = self._accounting.calendar.day_of(now_us)
        if self._accounting.calendar is not self._calendar:
            await self._find_outdated(today)
            self._calendar = self._accounting.calendar
        for machine_id in self._machines():
            if machine_id not in self._looked:
                self._looked[machine_id] = days_before(today, AT_START_DAYS)[-1]
                for day in (today, *days_before(today, AT_START_DAYS)):
                    slots, _ = self._rules.of(day)
                    if not await self._nothing_before(machine_id, slots[-1].to_us):
                        self._dirty.setdefault((machine_id, day), slots[0].from_us)
            await self._extend(machine_id, today)
        for key in sorted(self._dirty, key=lambda k: k[1], reverse=True)[:DAYS_A_PASS]:
            since_us = self._dirty[key]
            await self._make(*key, since_us)
            if self._dirty.get(key) == since_us:
                del self._dirty[key]
        if not self._dirty:
            await self._look_further()

    async def _find_outdated(self, today: date) -> None:
        """After a start, or with another calendar: days that were kept in part, or under other rules, are made again."""
        machines, now_us = list(self._machines()), self._clock.now_us()
        for kept in await self._store.kept(now_us - RECOMPUTABLE_US, now_us, machines):
            if kept.day == today:
                continue
            if not self._rules.valid(kept, now_us):
                self._dirty[kept.machine_id, kept.day] = kept.from_us
            elif kept.kept_us < kept.to_us:
                self._dirty.setdefault((kept.machine_id, kept.day), kept.kept_us)

    async def _extend(self, machine_id: str, today: date) -> None:
        """Slots of today, and of the days since it was last done, that have settled since they were stored."""
        yesterday = days_before(today, 1)[0]
        first = min(self._reached.get(machine_id, yesterday), yesterday)
        self._reached[machine_id] = yesterday
        begin_us, end_us = self._rules.of(first)[0][0].from_us, self._rules.of(today)[0][-1].to_us
        kept = {day.day: day for day in await self._store.kept(begin_us, end_us, [machine_id])}
        for day in reversed((today, *days_before(today, (today - first).days))):
            if (machine_id, day) in self._dirty:
                continue
            known = kept.get(day)
            slots, rule = self._rules.of(day)
            since_us = known.kept_us if known is not None and known.rule == rule else slots[0].from_us
            if any(since_us <= slot.from_us for slot in self._settled(slots)):
                await self._make(machine_id, day, since_us)

    def _settled(self, slots: Sequence[Slot]) -> list[Slot]:
        """Those that can no longer change, but for late samples."""
        until_us = self._clock.now_us() - max(LAST_WORD_US, 2 * self._accounting.slowest_reading_us)
        waiting_us = self._waiting_since()
        if waiting_us is not None:
            until_us = min(until_us, waiting_us - LAST_WORD_US)
        return [slot for slot in slots if slot.to_us <= until_us]

    async def _make(self, machine_id: str, day: date, since_us: int, *, searching: bool = False) -> bool:
        """Measure and store the day from the slot on that holds `since_us`; False when nothing is known of it.

        `searching`: a day without any energy is not stored.
        """
        slots, rule = self._rules.of(day)
        settled = self._settled(slots)
        begin_us = slots[0].from_us
        stored = [k for k in await self._store.kept(begin_us, slots[-1].to_us, [machine_id]) if k.day == day]
        if not stored or stored[0].rule != rule:  # nothing to go on from
            since_us = begin_us
        elif stored[0].kept_us < since_us:
            since_us = stored[0].kept_us
        wanted = [slot for slot in settled if slot.to_us > since_us]
        if not wanted:
            return False
        cells = await self._measured(machine_id, wanted)
        if cells is None:
            return False
        known = any(cell.energy_kwh is not None for cell in cells)
        if known or stored or not searching:
            kept = KeptDay(machine_id, day, begin_us, slots[-1].to_us, settled[-1].to_us, rule)
            await self._store.replace(kept, cells, wanted[0].from_us)
        return known

    async def _nothing_before(self, machine_id: str, time_us: int) -> bool:
        try:
            return await self._accounting.empty_before(machine_id, time_us)
        except NotFound:  # gone from the plant meanwhile
            return True

    async def _measured(self, machine_id: str, slots: Sequence[Slot]) -> list[CubeCell] | None:
        """In pieces; None when the machine is gone from the plant."""
        longest_us = AT_ONCE_US if self._accounting.has_samples(slots[0].from_us) else DAY_US * 2
        cells: list[CubeCell] = []
        piece: list[Slot] = []
        try:
            for slot in slots:
                if piece and slot.to_us - piece[0].from_us > longest_us:
                    cells += await self._accounting.cube(machine_id, piece)
                    piece = []
                piece.append(slot)
            cells += await self._accounting.cube(machine_id, piece)
        except NotFound:
            return None
        return cells

    async def _look_further(self) -> None:
        """One day further into the past of each machine, until nothing was found for long."""
        today = self._accounting.calendar.day_of(self._clock.now_us())
        for machine_id in self._machines():
            day = days_before(self._looked.get(machine_id, today), 1)[0]
            old = (today - day).days * DAY_US > RECOMPUTABLE_US
            if self._empty.get(machine_id, 0) >= EMPTY_DAYS or old:
                continue
            self._looked[machine_id] = day
            slots, _ = self._rules.of(day)
            if await self._nothing_before(machine_id, slots[-1].to_us):
                self._empty[machine_id] = EMPTY_DAYS
                continue
            kept = await self._store.kept(slots[0].from_us, slots[-1].to_us, [machine_id])
            there = any(k.kept_us >= k.to_us and self._rules.valid(k, self._clock.now_us()) for k in kept)
            if there or await self._make(machine_id, day, slots[0].from_us, searching=True):
                self._empty[machine_id] = 0
            else:
                self._empty[machine_id] = self._empty.get(machine_id, 0) + 1
