"""Samples in, frames out, at the time given: no clock, no waiting, no I/O.

A frame is said as soon as every series is decided, at the latest at its deadline; frames come in order, none twice, none between
two grid times. What comes for a frame that is out is counted. After a clock was set back, frames go on when it has caught up.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import Counter, deque
from typing import Final

from analysis.alignment.decide import decide
from domain.alignment import AlignedSeries, Alignment, AlignmentStatus, Frame, FrameValue, SeriesError

JUMP_US: Final = 60_000_000  # so far behind, the clock was set, or the program stood still: the frames between are left out
BACK_US: Final = 1_000_000
AHEAD_US: Final = 5_000_000  # of a source's clock
MOST_SAMPLES: Final = 20_000  # of a series in memory
LOOKED_AT: Final = 1000  # frames that figures are made of


class _Series:
    """The samples of one series that can still matter."""

    __slots__ = ("ahead", "definition", "errors_us", "late", "missing", "times_us", "used", "values")

    def __init__(self, definition: AlignedSeries) -> None:
        self.definition = definition
        self.times_us: list[int] = []
        self.values: list[float | None] = []
        self.errors_us: deque[int] = deque(maxlen=LOOKED_AT)
        self.missing: Counter[str] = Counter()
        self.used = self.late = self.ahead = 0

    def add(self, time_us: int, value: float | None) -> None:
        times = self.times_us
        if not times or time_us > times[-1]:
            times.append(time_us)
            self.values.append(value)
        else:
            index = bisect_left(times, time_us)
            if times[index] == time_us:
                self.values[index] = value
            else:
                times.insert(index, time_us)
                self.values.insert(index, value)
        if len(times) > MOST_SAMPLES:
            self.forget(len(times) - MOST_SAMPLES)

    def forget(self, count: int) -> None:
        if count > 0:
            del self.times_us[:count], self.values[:count]

    def forget_before(self, next_us: int) -> None:
        """What no frame from `next_us` on can use: older than the tolerance and than the newest before it."""
        if self.times_us and self.times_us[0] < next_us - self.definition.tolerance_us:
            oldest = bisect_left(self.times_us, next_us - self.definition.tolerance_us)
            self.forget(min(oldest, bisect_right(self.times_us, next_us) - 1))

    def note(self, value: FrameValue, at_us: int) -> None:
        if value.reason is not None:
            self.missing[value.reason] += 1
        elif value.sample_us is not None:
            self.used += 1
            self.errors_us.append(abs(value.sample_us - at_us))

    def error(self) -> SeriesError:
        found = sorted(self.errors_us)
        mean = sum(found) / len(found) / 1e3 if found else None
        return SeriesError(
            self.definition, mean, _quantile_ms(found, 0.95), found[-1] / 1e3 if found else None, self.used, dict(self.missing),
            self.late, self.ahead,
        )  # fmt: skip


class Aligner:
    """One alignment from `start_us` on."""

    def __init__(self, alignment: Alignment, start_us: int) -> None:
        self.alignment = alignment
        self._series = [_Series(one) for one in alignment.series]
        self._next_us = -(-start_us // alignment.grid_us) * alignment.grid_us
        self._out_us: int | None = None
        self._now_us = start_us
        self._delays_us: deque[int] = deque(maxlen=LOOKED_AT)
        self._frames = self._complete = self._skipped = self._jumps = 0
        self._last: Frame | None = None

    @property
    def deadline_us(self) -> int:
        """When the next frame is said at the latest."""
        return self._next_us + self.alignment.deadline_us

    def feed(self, index: int, time_us: int, value: float | None, now_us: int) -> None:
        """A sample of series `index`; None: its quality is bad. In any order."""
        series = self._series[index]
        if time_us > now_us + max(AHEAD_US, series.definition.tolerance_us + self.alignment.deadline_us):
            series.ahead += 1
            return
        if self._out_us is not None and time_us <= self._out_us:
            series.late += 1
        series.add(time_us, value if value is not None and math.isfinite(value) else None)

    def frames(self, now_us: int) -> list[Frame]:
        """Those that can be said now, in order."""
        self._mind_the_clock(now_us)
        found = []
        while self._next_us <= now_us:
            at_us = self._next_us
            values = self._values(at_us, closed=now_us >= at_us + self.alignment.deadline_us)
            if values is None:
                break
            found.append(self._say(at_us, values, now_us))
        return found

    def _values(self, at_us: int, *, closed: bool) -> tuple[FrameValue, ...] | None:
        values = []
        for series in self._series:
            value = decide(series.definition, series.times_us, series.values, at_us, closed=closed)
            if value is None:
                return None
            values.append(value)
        return tuple(values)

    def _say(self, at_us: int, values: tuple[FrameValue, ...], now_us: int) -> Frame:
        frame = self._last = Frame(self.alignment.id, at_us, values)
        self._out_us, self._next_us = at_us, at_us + self.alignment.grid_us
        self._frames += 1
        self._complete += frame.complete
        self._delays_us.append(now_us - at_us)
        for series, value in zip(self._series, values, strict=True):
            series.note(value, at_us)
            series.forget_before(self._next_us)
        return frame

    def _mind_the_clock(self, now_us: int) -> None:
        if now_us < self._now_us - BACK_US:
            self._jumps += 1
        if now_us - self.deadline_us > JUMP_US:
            grid_us = self.alignment.grid_us
            wanted = -(-(now_us - self.alignment.deadline_us) // grid_us) * grid_us
            self._skipped += (wanted - self._next_us) // grid_us
            self._jumps += 1
            self._next_us = wanted
            for series in self._series:
                series.forget_before(wanted)
        self._now_us = now_us

    def status(self) -> AlignmentStatus:
        """How it goes."""
        return AlignmentStatus(
            self.alignment, self._frames, self._complete, self._skipped, self._jumps,
            _quantile_ms(sorted(self._delays_us), 0.99), self._last, [series.error() for series in self._series],
        )  # fmt: skip


def _quantile_ms(ordered_us: list[int], share: float) -> float | None:
    """The smallest that at least `share` of them do not exceed."""
    return ordered_us[max(0, math.ceil(share * len(ordered_us)) - 1)] / 1e3 if ordered_us else None
