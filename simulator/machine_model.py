"""A machine with its meter: every electrical value at any time, as a function of (seed, machine, time) alone.

The past and the present come from the same function, so counters of a made-up history join the live ones without a step.
Identities that hold to rounding: per phase S² = P² + Q² and I = S/U; the totals P, Q, E are the sums of their phases,
S = √(P² + Q²), PF = P/S; counters are the exact integral of the power.

Values are in canonical units (kW, kvar, kVA, V, A, Hz, kWh, kvarh), named by the standard tag names.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from simulator.character import Character
from simulator.day_profile import DayProfile, Mode, build_day
from simulator.electrical import Load, measure, total_of
from simulator.grid import Floats, Grid, Times
from simulator.shop_calendar import US, Day, ShopCalendar

VARIANTS = 8  # different days of one kind; which comes when is drawn
_KEPT_DAYS = 2
_FOR_GOOD_US = 1 << 62
_NIGHT_SHARE, _REACTIVE_SHARE = 0.3, 0.4  # of what the counters showed on the first day

Series = Mapping[str, Floats]
_DayKey = tuple[Day, int, tuple[bool, bool]]


@dataclass(frozen=True, slots=True)
class MachineSample:
    """Everything at one instant. `mode`: what the machine really does."""

    time_us: int
    mode: Mode
    values: Mapping[str, float]

    def __getitem__(self, tag: str) -> float:
        return self.values[tag]


class Model(Protocol):
    """What a simulated meter measures."""

    def series(self, times_us: Times) -> Series:
        """Values at UTC microseconds, by standard tag name. Raises ValueError before shop_calendar.FIRST_DAY."""
        ...

    def at(self, time_us: int) -> MachineSample: ...


class _Instants(ABC):
    """Single instants from `series`; asking twice for the same instant costs nothing."""

    def __init__(self) -> None:
        self._last: MachineSample | None = None

    @abstractmethod
    def series(self, times_us: Times) -> Series: ...

    def at(self, time_us: int) -> MachineSample:
        last = self._last
        if last is None or last.time_us != time_us:
            values = {tag: float(column[0]) for tag, column in self.series(np.array([time_us], dtype=np.int64)).items()}
            last = self._last = MachineSample(time_us, Mode(int(values["mode"])), values)
        return last


@dataclass(frozen=True, slots=True)
class Disturbance:
    """Power times `factor` in [from_us, to_us)."""

    factor: float
    from_us: int
    to_us: int


@dataclass(frozen=True, slots=True)
class _DayTotals:
    """A day's kWh and kvarh by phase (6), its kWh before 23:00, its kWh in the night tariff, its parts."""

    energy: Floats
    before_eleven: float
    night: float
    parts: int


class MachineModel(_Instants):
    """One machine. `calendar` may be shared by all machines of a shop. `left_on`: in the night after day number n."""

    def __init__(
        self, character: Character, calendar: ShopCalendar, grid: Grid, seed: int = 1,
        left_on: Callable[[int], bool] = lambda _number: False,
    ) -> None:
        super().__init__()
        self._left_on = left_on
        self.character, self.calendar, self.grid, self.seed = character, calendar, grid, seed
        self._base = np.array(character.shares_p + character.shares_q) * character.base_kwh
        self._base[3:] *= _REACTIVE_SHARE
        self._disturbances: list[Disturbance] = []
        self._totals: dict[_DayKey, _DayTotals] = {}
        self._profiles: OrderedDict[_DayKey, DayProfile] = OrderedDict()
        self._before = np.zeros((0, 8))  # totals of all days before day n: six energies, night, parts

    def series(self, times_us: Times) -> Series:
        """All values at many instants (in any order), one array a tag."""
        return measure(self.load(times_us), self.grid, times_us, self.character.peak_kw, self.character.key)

    def mode_segments(self, time_us: int) -> list[tuple[int, int, Mode]]:
        """The true states of the day that holds the time: (from, to, mode), UTC microseconds."""
        number = self.calendar.number_of(time_us)
        start = self.calendar.starts_us[number]
        profile = self._profile(number)
        borders = [*profile.mode_starts_s.tolist(), self.calendar.days[number].length_s]
        return [
            (start + round(a * US), start + round(b * US), Mode(int(m)))
            for a, b, m in zip(borders, borders[1:], profile.modes, strict=False)
        ]

    def disturb(self, factor: float, from_us: int, to_us: int | None = None) -> None:
        """A fault of the machine on command: its power times `factor` in [from_us, to_us); 0 is a trip, None lasts for good.

        Counters go on from where they are. It ends what stood before.
        """
        self.calm(from_us)
        self._disturbances.append(Disturbance(factor, from_us, _FOR_GOOD_US if to_us is None else to_us))
        self._last = None

    def calm(self, at_us: int) -> None:
        """End what stands at that time."""
        self._disturbances = [replace(d, to_us=max(d.from_us, min(d.to_us, at_us))) for d in self._disturbances]
        self._last = None

    def load(self, times_us: Times) -> Load:
        """Power and counters at many instants (in any order), disturbances included."""
        plain = self._plain(times_us)
        load = plain
        for d in self._disturbances:
            inside = (times_us >= d.from_us) & (times_us < d.to_us)
            until, since = self._plain(np.clip(times_us, d.from_us, d.to_us)), self._plain(np.array([d.from_us]))
            more = d.factor - 1.0
            load = Load(
                load.power + more * plain.power * inside,
                load.energy + more * (until.energy - since.energy),
                load.night_kwh + more * (until.night_kwh - since.night_kwh),
                load.parts - (until.parts - since.parts if d.factor == 0 else 0.0),
                np.where(inside, int(Mode.OFF), load.mode) if d.factor == 0 else load.mode,
            )
        return load

    def _plain(self, times_us: Times) -> Load:
        count = times_us.size
        found = Load(
            np.empty((6, count)), np.empty((6, count)), np.empty(count), np.empty(count), np.empty(count, dtype=np.int64)
        )
        if not count:
            return found
        first, last = self.calendar.number_of(int(times_us.min())), self.calendar.number_of(int(times_us.max()))
        self._extend(last + 1)
        numbers = np.searchsorted(np.array(self.calendar.starts_us[first : last + 1]), times_us, side="right") - 1
        for offset in range(last - first + 1):
            here = np.flatnonzero(numbers == offset)
            if here.size:
                self._fill(found, here, first + offset, (times_us[here] - self.calendar.starts_us[first + offset]) / US)
        return found

    def _fill(self, found: Load, here: NDArray[np.int64], number: int, seconds: Floats) -> None:
        """Put the values of one day into their places."""
        profile, before, base = self._profile(number), self._before[number], self.character.base_kwh
        found.power[:, here] = profile.power_at(seconds)
        found.energy[:, here] = (self._base + before[:6])[:, None] + profile.energy_at(seconds)
        found.night_kwh[here] = _NIGHT_SHARE * base + before[6] + self._night(number, profile, seconds)
        found.parts[here] = before[7] + np.searchsorted(profile.parts_s, seconds, side="right")
        found.mode[here] = profile.mode_at(seconds)

    def _night(self, number: int, profile: DayProfile, seconds: Floats) -> Floats:
        """kWh since midnight that fall into the night tariff, 23:00 to 07:00."""
        day = self.calendar.days[number]
        totals = self._day_totals(number)
        early = profile.energy_at(np.minimum(seconds, day.night_end_s))[:3].sum(axis=0)
        late = profile.energy_at(np.maximum(seconds, day.night_start_s))[:3].sum(axis=0) - totals.before_eleven
        result: Floats = early + late
        return result

    def _variant(self, number: int) -> int:
        return (number * 2_654_435_761 + self.character.key * 40_503 >> 7) % VARIANTS

    def _key(self, number: int) -> _DayKey:
        return self.calendar.days[number], self._variant(number), (self._left_on(number - 1), self._left_on(number))

    def _profile(self, number: int) -> DayProfile:
        key = self._key(number)
        profile = self._profiles.get(key)
        if profile is None:
            profile = self._profiles[key] = build_day(self.character, self.seed, *key)
            if len(self._profiles) > _KEPT_DAYS:
                self._profiles.popitem(last=False)
        else:
            self._profiles.move_to_end(key)
        return profile

    def _day_totals(self, number: int) -> _DayTotals:
        day, *_ = key = self._key(number)
        totals = self._totals.get(key)
        if totals is None:
            profile = build_day(self.character, self.seed, *key)
            ends = profile.energy_at(np.array([day.night_end_s, day.night_start_s, day.length_s], dtype=np.float64))
            seven, eleven, whole = ends[:3].sum(axis=0)
            night = float(seven + whole - eleven)
            totals = _DayTotals(ends[:, 2].copy(), float(eleven), night, len(profile.parts_s))
            self._totals[key] = totals
        return totals

    def _extend(self, days: int) -> None:
        """Sums of all earlier days, for at least `days` days."""
        have = len(self._before)
        if days <= have:
            return
        rows = np.zeros((days - have, 8))
        for row, number in zip(rows, range(have, days), strict=True):
            if number:
                totals = self._day_totals(number - 1)
                row[:6], row[6], row[7] = totals.energy, totals.night, totals.parts
        summed = np.cumsum(rows, axis=0)
        self._before = np.concatenate([self._before, summed + (self._before[-1] if have else 0.0)])


class SumModel(_Instants):
    """A meter in front of several others: the feed of the shop. Power and counters are the sums, the rest follows from them."""

    def __init__(self, members: Sequence[MachineModel], grid: Grid) -> None:
        super().__init__()
        if not members:
            raise ValueError("a sum needs members")
        self.members, self.grid = tuple(members), grid

    def series(self, times_us: Times) -> Series:
        load = total_of([member.load(times_us) for member in self.members])
        return measure(load, self.grid, times_us, sum(m.character.peak_kw for m in self.members), 1)
