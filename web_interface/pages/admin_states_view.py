"""The histogram of a machine's power with its borders, as numbers for the page. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from domain.state import MachineState, StateThresholds
from domain.state_rule import HistogramBin, Rehearsal
from web_interface.format import Format
from web_interface.locale import t

BARS, STEPS = 84, 1000  # bars of the histogram; places of a border along it
_DECADES = (0.001, 0.01, 0.1, 1.0, 10.0, 100.0, 1000.0, 10_000.0)


@dataclass(frozen=True, slots=True)
class Scale:
    """A logarithmic axis of power [low_kw, high_kw]."""

    low_kw: float
    high_kw: float

    @staticmethod
    def of(bins: Sequence[HistogramBin], thresholds: StateThresholds | None) -> Scale:
        """Over everything that was drawn and both borders."""
        known = [edge for b in bins for edge in (b.from_kw, b.to_kw) if edge > 0]
        if thresholds is not None:
            known += [thresholds.idle_above_kw, thresholds.production_above_kw]
        if not known:
            return Scale(0.01, 100.0)
        return Scale(min(known) / 1.3, max(known) * 1.3)

    def place(self, kw: float) -> float:
        """0..1."""
        return min(1.0, max(0.0, math.log(max(kw, 1e-6) / self.low_kw) / math.log(self.high_kw / self.low_kw)))

    def kw(self, place: float) -> float:
        """To three digits."""
        kw = self.low_kw * math.exp(place * math.log(self.high_kw / self.low_kw))
        return round(kw, 2 - math.floor(math.log10(kw)))

    def ticks(self) -> list[tuple[float, float]]:
        """(place, kW): decades, and 2 and 5 between them where there are few."""
        inner = [kw for kw in _DECADES if self.low_kw <= kw <= self.high_kw]
        if len(inner) < 3:
            inner = [m * kw for kw in _DECADES for m in (1, 2, 5) if self.low_kw <= m * kw <= self.high_kw]
        return [(self.place(kw), kw) for kw in inner]


def bars(bins: Sequence[HistogramBin], scale: Scale) -> list[float]:
    """Heights 0..1 of `BARS` bars: square root of the share, so that a short mode beside a long one is seen."""
    seconds = [0.0] * BARS
    for b in bins:
        begin, end = scale.place(max(b.from_kw, scale.low_kw)) * BARS, scale.place(b.to_kw) * BARS
        first, last = min(int(begin), BARS - 1), min(max(math.ceil(end), int(begin) + 1), BARS)
        for n in range(first, last):
            part = (min(end, n + 1) - max(begin, n)) / (end - begin) if end > begin else 1.0
            seconds[n] += b.seconds * max(0.0, part)
    highest = max(seconds) or 1.0
    return [math.sqrt(s / highest) for s in seconds]


def shares(bins: Sequence[HistogramBin], thresholds: StateThresholds) -> Mapping[MachineState, float]:
    """Share of the time on each side of the borders, without hysteresis and dwell; sums to 1 where there is any time."""
    total = sum(b.seconds for b in bins) or 1.0
    found = {MachineState.OFF: 0.0, MachineState.IDLE: 0.0, MachineState.PRODUCTION: 0.0}
    for b in bins:
        middle = math.sqrt(max(b.from_kw, 1e-6) * b.to_kw)
        side = (
            MachineState.PRODUCTION if middle >= thresholds.production_above_kw
            else MachineState.IDLE if middle >= thresholds.idle_above_kw else MachineState.OFF
        )  # fmt: skip
        found[side] += b.seconds / total
    return found


def confidence_key(confidence: float) -> str:
    """high from 0.75 on, medium from 0.45, else low."""
    return "high" if confidence >= 0.75 else "medium" if confidence >= 0.45 else "low"


def rehearsal_rows(found: Rehearsal, fmt: Format) -> list[list[str]]:
    """State, time now, time then, changed minutes, kWh now, kWh then, changed kWh; states that occur."""
    rows = []
    for state in MachineState:
        now_s, then_s = found.now.seconds.get(state, 0.0), found.then.seconds.get(state, 0.0)
        if not now_s and not then_s:
            continue
        now_kwh, then_kwh = found.now.energy_kwh.get(state, 0.0), found.then.energy_kwh.get(state, 0.0)
        rows.append([
            t(f"state.{state.value}", fmt.lang), fmt.duration(now_s, coarse=True), fmt.duration(then_s, coarse=True),
            fmt.signed((then_s - now_s) / 60, 0), fmt.number(now_kwh, 1), fmt.number(then_kwh, 1),
            fmt.signed(then_kwh - now_kwh, 1),
        ])  # fmt: skip
    return rows
