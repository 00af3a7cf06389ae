"""Energy of a meter in quarter hours: the base of cost, demand, load curve and power factor.

From the counter's roll-ups (consumption of 15 min, minutes at ragged borders), so sums equal the counter's differences; where a
device has no counter the mean power of the bucket stands in, all of it estimated. A year of one meter is 35 040 rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.energy import Floats, Ints
from domain.figures import Trust
from domain.plant import Tag
from domain.ports import History, RollupRow, Step

QUARTER_US = 900_000_000
MINUTE_US = 60_000_000
US_PER_HOUR = 3.6e9


@dataclass(frozen=True, slots=True)
class Quarters:
    """Consecutive stretches of at most 15 min on the clock's grid that tile a window (minutes where it begins or ends ragged).

    `seconds`: elapsed length; `energy`: kWh (kvarh for a reactive meter), NaN unknown; `estimated`: part of it.
    `source`: counter | integrated_power | none.
    """

    times_us: Ints
    seconds: Floats
    energy: Floats
    estimated: Floats
    source: str

    @property
    def total(self) -> float | None:
        """Sum of what is known; None when nothing is."""
        known = ~np.isnan(self.energy)
        return float(self.energy[known].sum()) if known.any() else None

    @property
    def completeness(self) -> float:
        """Share of the elapsed time whose energy is known and measured, 0..1."""
        elapsed = float(self.seconds.sum())
        if elapsed <= 0:
            return 0.0
        known = ~np.isnan(self.energy)
        share = np.ones(len(self.energy))
        if self.source == "counter":
            positive = known & (self.energy > 0)
            share[positive] = 1.0 - np.minimum(self.estimated[positive] / self.energy[positive], 1.0)
        return float((self.seconds * share)[known].sum()) / elapsed

    @property
    def estimated_share(self) -> float:
        """Share of the energy that is estimated, 0..1."""
        total = self.total
        if not total:
            return 0.0
        known = ~np.isnan(self.energy)
        return min(1.0, float(self.estimated[known].sum()) / total)

    def part(self, mask: NDArray[np.bool_]) -> Quarters:
        """Only the stretches chosen by a mask."""
        return Quarters(self.times_us[mask], self.seconds[mask], self.energy[mask], self.estimated[mask], self.source)

    def hourly_kw(self) -> dict[int, float]:
        """Mean power of each whole hour whose energy is known, by its begin."""
        hours = self.times_us // (4 * QUARTER_US)
        found = {}
        for hour in np.unique(hours):
            mine = hours == hour
            seconds = float(self.seconds[mine].sum())
            if seconds >= 3599.0 and not np.isnan(self.energy[mine]).any():
                found[int(hour) * 4 * QUARTER_US] = float(self.energy[mine].sum()) / (seconds / 3600.0)
        return found


def grid(from_us: int, to_us: int) -> Ints:
    """Begins of the stretches of [from_us, to_us) cut at quarter hours."""
    if to_us <= from_us:
        return np.array([], dtype=np.int64)
    inner = np.arange((from_us // QUARTER_US + 1) * QUARTER_US, to_us, QUARTER_US, dtype=np.int64)
    return np.concatenate([np.array([from_us], dtype=np.int64), inner])


async def load_quarters(
    history: History, counter: Tag | None, power: Tag | None, from_us: int, to_us: int, now_us: int
) -> Quarters:
    """Of one meter; what lies ahead of `now_us` is left out. `power` serves where there is no counter."""
    end_us = min(to_us, now_us)
    times = grid(from_us, end_us)
    ends = np.append(times[1:], max(end_us, from_us)) if len(times) else times
    seconds = (ends - times) / 1e6
    tag = counter or power
    energy, estimated = np.full(len(times), np.nan), np.zeros(len(times))
    if tag is None or not len(times):
        return Quarters(times, seconds, energy, estimated, "none")
    counted = counter is not None
    whole_from, whole_to = -(-from_us // QUARTER_US) * QUARTER_US, end_us // QUARTER_US * QUARTER_US
    if whole_from < whole_to:
        rows = (await history.rollup(tag.id, Step.M15, whole_from, whole_to)).rows
        known = [(row.time_us, *value) for row in rows if (value := _value(row, QUARTER_US, counted)) is not None]
        if known:
            at, kwh, doubt = zip(*known, strict=True)
            place = np.searchsorted(times, at)
            energy[place], estimated[place] = kwh, doubt
    for edge in sorted({0, len(times) - 1}):
        begin, end = int(times[edge]), int(ends[edge])
        if begin < whole_from or end > whole_to:
            ragged = await _ragged(history, tag, begin, end, counted, running=end == now_us)
            if ragged is not None:
                energy[edge], estimated[edge] = ragged
    return Quarters(times, seconds, energy, estimated, "counter" if counted else "integrated_power")


async def _ragged(
    history: History, tag: Tag, begin: int, end: int, counted: bool, *, running: bool
) -> tuple[float, float] | None:
    """A stretch that is no whole quarter, from minutes; a cut minute gives its share of time, the running one all it has."""
    first = begin // MINUTE_US * MINUTE_US
    rows = (await history.rollup(tag.id, Step.M1, first, end)).rows
    parts = []
    for row in rows:
        value = _value(row, MINUTE_US, counted)
        share = (min(row.time_us + MINUTE_US, end) - max(row.time_us, begin)) / MINUTE_US
        if value is not None and share > 0:
            weight = 1.0 if running and begin <= row.time_us and row.time_us + MINUTE_US > end else share
            parts.append((value[0] * weight, value[1] * weight))
    return (sum(p[0] for p in parts), sum(p[1] for p in parts)) if parts else None


def _value(row: RollupRow, width_us: int, counted: bool) -> tuple[float, float] | None:
    """(energy, estimated part) of a bucket."""
    if counted:
        return None if row.consumption is None else (row.consumption, row.estimated or 0.0)
    if row.mean is None:
        return None
    energy = row.mean * min(row.covered_us or width_us, width_us) / US_PER_HOUR
    return energy, energy


def summed(columns: Sequence[Quarters], *, whole: bool = True) -> Quarters:
    """Of several meters over one window. `whole`: a stretch is known where all are (demand); else what is known adds up."""
    first = columns[0]
    if len(columns) == 1:
        return first
    energies = np.array([c.energy for c in columns])
    lacking = np.isnan(energies).any(axis=0) if whole else np.isnan(energies).all(axis=0)
    energy = np.where(lacking, np.nan, np.nansum(energies, axis=0))
    estimated = np.sum([np.where(np.isnan(c.energy), 0.0, c.estimated) for c in columns], axis=0)
    sources = {c.source for c in columns}
    source = "counter" if sources == {"counter"} else "none" if sources == {"none"} else "integrated_power"
    return Quarters(first.times_us, first.seconds, energy, estimated, source)


def trust_of(columns: Sequence[Quarters], *, running: bool = False) -> Trust:
    """Of the sum: mean completeness of its meters, estimated part of all the energy."""
    if not columns:
        return Trust(0.0, 0.0, running)
    known = [c.total or 0.0 for c in columns]
    estimated = sum(total * c.estimated_share for total, c in zip(known, columns, strict=True))
    share = min(1.0, estimated / sum(known)) if sum(known) > 0 else 0.0
    return Trust(sum(c.completeness for c in columns) / len(columns), share, running)
