"""Energy accounts, states and efficiency of any window, from what was kept. The service behind pages, API and reports.

A window is measured in chunks on a fixed UTC grid, so that a refresh of the running shift measures only its last minutes and two
windows that share an hour share its figures. Chunks that can no longer change are remembered. Spans over 26 h use minutes of
the roll-ups instead of single samples to share energy among the states; totals come from the counter readings either way. Where
samples may be deleted already the finest roll-ups that are kept stand in (analysis/kept_tiers.py).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from analysis.calendar import Calendar
from analysis.cube import StateColumns, fill, slot_borders
from analysis.efficiency import Inputs, evaluate
from analysis.energy import Chunk, CounterColumns, PowerTrace, counts, measure, merge
from analysis.kept_tiers import KEPT_DAYS, Way, as_samples, buckets, counter_of, power_of, way_of
from analysis.meter import Meter, Meters
from analysis.states import states_of, tile
from domain.counter import increments
from domain.cube import CubeCell, Slot
from domain.efficiency import DEFAULT_CARD
from domain.energy import Efficiency, EnergyAccount, ShiftWindow
from domain.plant import Plant, Tag
from domain.ports import Clock, History, RawSeries
from domain.ports import Step as Resolution
from domain.sample import TagId
from domain.state import StateInterval
from domain.stores import StateStore

MINUTE_US = 60_000_000
SHORT_GRID_US, LONG_GRID_US = 15 * MINUTE_US, 60 * MINUTE_US
LONG_SPAN_US = 26 * 60 * MINUTE_US
LOAD_US = 24 * 60 * MINUTE_US  # at most that much of one machine is in memory at once
REMEMBERED = 10_000  # chunks, about 1.5 kB each
SETTLE_US = 3 * MINUTE_US  # until then samples, roll-ups and states of a stretch may still be on their way
FRESH_US = 2_000_000  # a chunk that may still change is measured again after that time
HOLED_FRESH_US = MINUTE_US  # one of the past with holes: a journal may still fill them
OVERDUE_US = 10 * MINUTE_US  # after that an unsettled one is of the past too
WHOLE = 0.98


_Key = tuple[str, int, int, Way]  # machine, begin, end, how it was measured


@dataclass(frozen=True, slots=True)
class _Loaded:
    """Columns of one machine that cover a stretch of chunks."""

    intervals: Sequence[StateInterval]
    counter: CounterColumns | None
    power: PowerTrace
    power_last_us: int | None


class EnergyAccounting:
    """Implements the energy service. `plant` and `tags` give the current ones; a change is noticed by itself."""

    def __init__(
        self,
        plant: Callable[[], Plant],
        tags: Callable[[], Sequence[Tag]],
        history: History,
        states: StateStore,
        clock: Clock,
        begins_after: Callable[[TagId, int], Awaitable[bool]] | None = None,
        kept_days: Mapping[Resolution, int] = KEPT_DAYS,
    ) -> None:
        """`begins_after`: is it certain that nothing of a tag is older? Without it nothing is taken for certain.

        `kept_days`: days that each tier of the history is kept; one that is not named is kept for good.
        """
        self._plant, self._history, self._states, self._clock = plant, history, states, clock
        self._begins_after, self._kept_days = begins_after, kept_days
        self._meters = Meters(plant, tags)
        self._calendar: tuple[Plant, Calendar] | None = None
        self._chunks: OrderedDict[_Key, Chunk] = OrderedDict()
        self._fresh: OrderedDict[_Key, tuple[int, int, Chunk]] = OrderedDict()  # measured at, good until

    # -- calendar --------------------------------------------------------------------------------------------------

    @property
    def calendar(self) -> Calendar:
        """Of the plant as it is now."""
        plant = self._plant()
        if self._calendar is None or self._calendar[0] is not plant:
            self._calendar = (plant, Calendar.of(plant))
        return self._calendar[1]

    def shifts(self, from_us: int, to_us: int) -> Sequence[ShiftWindow]:
        """Shifts that overlap the window, in order of time."""
        return self.calendar.overlapping("shift", from_us, to_us)

    def shift_at(self, time_us: int) -> ShiftWindow | None:
        """The shift that runs at that time."""
        return self.calendar.shift_at(time_us)

    def shifts_of_day(self, day: date) -> Sequence[ShiftWindow]:
        """Shifts that begin on that day of the site."""
        return self.calendar.shifts_of_day(day)

    @property
    def slowest_reading_us(self) -> int:
        """The longest time between two counter readings of a machine."""
        return max((meter.reading_us for meter in self._meters.all().values()), default=0)

    # -- figures ---------------------------------------------------------------------------------------------------

    async def account(self, machine_id: str, from_us: int, to_us: int) -> EnergyAccount:
        """Energy of the window; of one that runs, up to now (its `to_us` stays). Raises NotFound."""
        return await self._account(self._meters.of(machine_id), from_us, to_us, "", to_us - from_us > LONG_SPAN_US)

    async def efficiency(self, machine_id: str, from_us: int, to_us: int) -> Efficiency:
        """Card K1 of the window. Raises NotFound."""
        return evaluate(DEFAULT_CARD, Inputs(await self.account(machine_id, from_us, to_us)))

    async def states(self, machine_id: str, from_us: int, to_us: int, *, coarse: bool = False) -> Sequence[StateInterval]:
        """Intervals that tile the elapsed part of the window, with their energies; the one that runs now has no end.

        `coarse`: share energy among the states by minutes, as over a long span, also over a short one.
        """
        meter = self._meters.of(machine_id)
        now_us = self._clock.now_us()
        end_us = min(to_us, now_us)
        chunks = await self._measured(meter, from_us, end_us, coarse or to_us - from_us > LONG_SPAN_US)
        joined: list[StateInterval] = []
        for chunk in chunks:
            for piece in chunk.pieces:
                energy = piece.energy_kwh if chunk.any_energy else None
                last = joined[-1] if joined else None
                if last is not None and last.state is piece.state:
                    total = energy if last.energy_kwh is None else last.energy_kwh + (energy or 0.0)
                    joined[-1] = replace(
                        last, to_us=piece.to_us, energy_kwh=total, estimated_kwh=last.estimated_kwh + piece.uncertain_kwh
                    )
                else:
                    joined.append(
                        StateInterval(machine_id, piece.state, piece.from_us, piece.to_us, energy, piece.uncertain_kwh)
                    )
        if joined and to_us >= now_us:
            joined[-1] = replace(joined[-1], to_us=None)
        return joined

    async def energy(self, by: str, from_us: int, to_us: int) -> Sequence[EnergyAccount]:
        """`by` shift | day | hour: one account per machine and interval that begins in the window and has begun by now."""
        now_us = self._clock.now_us()
        long = to_us - from_us > LONG_SPAN_US
        windows = self.calendar.windows(by, from_us, min(to_us, now_us))
        accounts: list[EnergyAccount] = []
        for meter in self._meters.all().values():
            if windows:  # in large stretches first, then cut into windows from what is remembered
                await self._measured(meter, windows[0].from_us, min(windows[-1].to_us, now_us), long)
            accounts += [await self._account(meter, w.from_us, w.to_us, w.name, long) for w in windows]
        return sorted(accounts, key=lambda account: account.from_us)

    async def accounts_of(self, window: ShiftWindow) -> Sequence[EnergyAccount]:
        """Every machine in one window, labelled with its name."""
        long = window.to_us - window.from_us > LONG_SPAN_US
        meters = self._meters.all().values()
        return [await self._account(meter, window.from_us, window.to_us, window.name, long) for meter in meters]

    async def cube(self, machine_id: str, slots: Sequence[Slot]) -> Sequence[CubeCell]:
        """Cells of slots that tile a stretch of the past; from minutes where single samples may be deleted already. NotFound."""
        meter, now_us = self._meters.of(machine_id), self._clock.now_us()
        found: list[CubeCell] = []
        for group in _groups([(slot.from_us, slot.to_us) for slot in slots]):
            begin, end = group[0][0], group[-1][1]
            mine = [slot for slot in slots if begin <= slot.from_us < end]
            way = self._way(begin, now_us)
            loaded = await self._load(meter, begin, end, now_us, way)
            columns = fill(
                slot_borders(mine), StateColumns.of(tile(machine_id, loaded.intervals, begin, end)), loaded.counter, loaded.power,
                grid_us=SHORT_GRID_US if way.samples else LONG_GRID_US, longest_normal_us=_longest_normal_us(meter),
                tail_until_us=_tail_until_us(meter, loaded.counter, now_us), states_matter=meter.judged,
            )  # fmt: skip
            found += columns.cells(machine_id, mine)
        return found

    def has_samples(self, time_us: int) -> bool:
        """Is that time measured from single samples, not from roll-ups alone?"""
        return self._way(time_us, self._clock.now_us()).samples

    async def empty_before(self, machine_id: str, time_us: int) -> bool:
        """Is it certain that nothing of the machine was kept before that time? Raises NotFound."""
        meter = self._meters.of(machine_id)
        told = (meter.power, meter.energy, meter.control.execution if meter.control is not None else None)
        tags = [tag for tag in told if tag is not None]
        if self._begins_after is None or not tags:
            return False
        return all([await self._begins_after(tag.id, time_us) for tag in tags])

    def invalidate(self, from_us: int, to_us: int, machine_id: str | None = None) -> None:
        """Samples or states of that time changed afterwards: forget what was measured from them."""
        for key in [k for k in self._chunks if (machine_id is None or k[0] == machine_id) and k[2] > from_us and k[1] < to_us]:
            del self._chunks[key]
        self._fresh.clear()

    async def _account(self, meter: Meter, from_us: int, to_us: int, label: str, long: bool) -> EnergyAccount:
        now_us = self._clock.now_us()
        chunks = await self._measured(meter, from_us, min(to_us, now_us), long)
        return merge(
            meter.machine.id, chunks, from_us, to_us,
            source=meter.source, running=to_us > now_us, label=label, with_states=meter.judged,
        )  # fmt: skip

    # -- measuring -------------------------------------------------------------------------------------------------

    async def _measured(self, meter: Meter, from_us: int, to_us: int, long: bool) -> list[Chunk]:
        """Chunks that tile [from_us, to_us)."""
        now_us = self._clock.now_us()
        found: list[Chunk] = []
        missing: dict[Way, list[tuple[int, int]]] = {}
        for begin, end in _grid(from_us, to_us, LONG_GRID_US if long else SHORT_GRID_US):
            way = self._way(begin, now_us, long=long)
            chunk = self._remembered((meter.machine.id, begin, end, way), now_us)
            if chunk is None:
                missing.setdefault(way, []).append((begin, end))
            else:
                found.append(chunk)
        for way, chunks in missing.items():
            for group in _groups(chunks):
                found += await self._measure_group(meter, group, now_us, way)
        return sorted(found, key=lambda chunk: chunk.from_us)

    def _remembered(self, key: _Key, now_us: int) -> Chunk | None:
        chunk = self._chunks.get(key)
        if chunk is not None:
            self._chunks.move_to_end(key)
            return chunk
        fresh = self._fresh.get(key)
        return fresh[2] if fresh is not None and fresh[0] <= now_us < fresh[1] else None

    def _way(self, begin_us: int, now_us: int, *, long: bool = False) -> Way:
        return way_of(begin_us, now_us, long=long, kept_days=self._kept_days)

    async def _measure_group(self, meter: Meter, group: Sequence[tuple[int, int]], now_us: int, way: Way) -> list[Chunk]:
        loaded = await self._load(meter, group[0][0], group[-1][1], now_us, way)
        longest_us, counter = _longest_normal_us(meter), loaded.counter
        tail_until_us = _tail_until_us(meter, counter, now_us)
        found = []
        for begin, end in group:
            chunk = measure(
                begin, end, tile(meter.machine.id, _overlapping(loaded.intervals, begin, end), begin, end), counter, loaded.power,
                longest_normal_us=longest_us, tail_until_us=tail_until_us, states_matter=meter.judged,
            )  # fmt: skip
            found.append(chunk)
            self._remember((meter.machine.id, begin, end, way), chunk, self._settled(meter, loaded, end, now_us), now_us)
        return found

    def _remember(self, key: _Key, chunk: Chunk, settled: bool, now_us: int) -> None:
        whole = chunk.known_us >= WHOLE * (chunk.to_us - chunk.from_us) or now_us - chunk.to_us > LONG_SPAN_US
        if settled and whole:
            self._chunks[key] = chunk
            while len(self._chunks) > REMEMBERED:
                self._chunks.popitem(last=False)
        else:
            past = settled or now_us - chunk.to_us > OVERDUE_US
            self._fresh[key] = (now_us, now_us + (HOLED_FRESH_US if past else FRESH_US), chunk)
            self._fresh.move_to_end(key)
            while len(self._fresh) > REMEMBERED:
                self._fresh.popitem(last=False)

    @staticmethod
    def _settled(meter: Meter, loaded: _Loaded, end_us: int, now_us: int) -> bool:
        """Can it no longer change? The reading after its end is there, and so is the last word on its states."""
        dwell_us = round(meter.machine.states.min_dwell_s * 1e6) if meter.machine.states is not None else 0
        if now_us - end_us < SETTLE_US + meter.timing.hold_us + 2 * dwell_us:
            return False
        last_us = loaded.power_last_us if loaded.counter is None else loaded.counter.last_us
        return last_us is not None and last_us >= end_us

    async def _load(self, meter: Meter, from_us: int, to_us: int, now_us: int, way: Way) -> _Loaded:
        counter = await self._load_counter(meter, from_us, to_us, way)
        around_us = 0 if way.power is Resolution.RAW else way.width_us  # the neighbours of a bucket tell what is within it
        near = await self._states.states(meter.machine.id, from_us - around_us, to_us + around_us) if meter.judged else ()
        stored = _overlapping(near, from_us, to_us)
        rebuild = meter.machine.states is not None and not stored
        if meter.power is None:
            return _Loaded(stored, counter, PowerTrace.of_samples((), (), (), 0, 0, to_us), None)
        samples, timing = RawSeries(TagId(0), [], [], []), meter.timing
        if way.samples and (rebuild or way.power is Resolution.RAW):
            samples = await self._history.raw(meter.power.id, from_us, to_us, edges=True)
        if way.power is Resolution.RAW:
            power = PowerTrace.of_samples(
                samples.times_us, samples.values, samples.qualities, timing.interval_us, timing.hold_us, max(now_us, to_us)
            )
            last_us = samples.times_us[-1] if len(samples.times_us) else None
        else:
            slow_us = timing.hold_us if timing.interval_us > way.width_us else way.width_us
            rows = await buckets(self._history, meter.power.id, way, from_us, to_us, slow_us)
            power, last_us = power_of(rows, way.width_us, timing, near)
            if rebuild and not len(samples.times_us):
                samples, timing = as_samples(meter.power.id, rows), way.timing(timing)
        if rebuild and meter.machine.states is not None and len(samples.times_us):
            begin_us = min(from_us, samples.times_us[0])
            stored = states_of(
                meter.machine.id, samples.times_us, samples.values, samples.qualities,
                meter.machine.states, timing, begin_us, min(to_us, now_us),
            )  # fmt: skip
        return _Loaded(stored, counter, power, last_us)

    async def _load_counter(self, meter: Meter, from_us: int, to_us: int, way: Way) -> CounterColumns | None:
        """Of a counter that is read slowly single readings cost no more than roll-ups, as long as they are there."""
        if meter.energy is None:
            return None
        quick = meter.reading_us < MINUTE_US // 2
        if way.power is not Resolution.RAW and (quick or not way.samples):
            around_us = max(_longest_normal_us(meter), 0 if way.samples else LONG_GRID_US)
            return counter_of(await buckets(self._history, meter.energy.id, way, from_us, to_us, around_us), way.width_us)
        series = await self._history.raw(meter.energy.id, from_us, to_us, edges=True)
        good = [
            (time_us, value)
            for time_us, value, quality in zip(series.times_us, series.values, series.qualities, strict=True)
            if value is not None and counts(quality)
        ]
        steps = increments([row[0] for row in good], [row[1] for row in good], meter.counter_spec)
        return CounterColumns.of(steps, good[-1][0] if good else None)


def _longest_normal_us(meter: Meter) -> int:
    """An increment longer than that is a gap."""
    return max(3 * meter.reading_us, 3 * MINUTE_US)


def _tail_until_us(meter: Meter, counter: CounterColumns | None, now_us: int) -> int:
    """Up to when the power stands in for the next reading of the counter; 0 when that is overdue."""
    longest_us = _longest_normal_us(meter) + meter.timing.hold_us
    alive = counter is not None and counter.last_us is not None and now_us - counter.last_us <= longest_us
    return now_us if alive else 0


def _grid(from_us: int, to_us: int, width_us: int) -> Iterator[tuple[int, int]]:
    """[from_us, to_us) cut at the multiples of the width."""
    begin = from_us
    while begin < to_us:
        end = min((begin // width_us + 1) * width_us, to_us)
        yield begin, end
        begin = end


def _groups(chunks: Sequence[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    """Neighbouring chunks together, at most LOAD_US long."""
    group: list[tuple[int, int]] = []
    for begin, end in chunks:
        if group and (group[-1][1] != begin or end - group[0][0] > LOAD_US):
            yield group
            group = []
        group.append((begin, end))
    if group:
        yield group


def _overlapping(intervals: Sequence[StateInterval], from_us: int, to_us: int) -> list[StateInterval]:
    return [i for i in intervals if i.from_us < to_us and (i.to_us is None or i.to_us > from_us)]


