"""The value of one series at one grid time. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Final

from domain.alignment import AlignedSeries, AlignMode, FrameValue

NONE: Final = FrameValue(None, None, "none")
STALE: Final = FrameValue(None, None, "stale")
BAD: Final = FrameValue(None, None, "bad")
LATE: Final = FrameValue(None, None, "late")


def decide(
    series: AlignedSeries, times_us: Sequence[int], values: Sequence[float | None], at_us: int, *, closed: bool
) -> FrameValue | None:
    """What the series is at `at_us`; None: wait, it may still change. `closed`: do not wait any longer.

    `times_us` ascending and each once; a value of None is a sample of bad quality, 0.0 is a value.
    """
    return _RULES[series.mode](times_us, values, at_us, series.tolerance_us, closed)


def _hold(times: Sequence[int], values: Sequence[float | None], at_us: int, tolerance_us: int, closed: bool) -> FrameValue | None:
    if not closed and (not times or times[-1] < at_us):
        return None
    index = bisect_right(times, at_us) - 1
    if index < 0:
        return NONE
    return STALE if at_us - times[index] > tolerance_us else _of(times[index], values[index])


def _wait(times: Sequence[int], values: Sequence[float | None], at_us: int, tolerance_us: int, closed: bool) -> FrameValue | None:
    index = bisect_left(times, at_us)
    if index == len(times):
        return LATE if closed else None
    return LATE if times[index] - at_us > tolerance_us else _of(times[index], values[index])


def _interpolate(
    times: Sequence[int], values: Sequence[float | None], at_us: int, tolerance_us: int, closed: bool
) -> FrameValue | None:
    after = bisect_left(times, at_us)
    if after < len(times) and times[after] == at_us:
        return _of(at_us, values[after])
    if after == len(times) and not closed:
        return None
    before = after - 1
    if before < 0:
        return NONE
    if at_us - times[before] > tolerance_us:
        return STALE
    if after == len(times) or times[after] - at_us > tolerance_us:
        return LATE
    low, high = values[before], values[after]
    if low is None or high is None:
        return BAD
    share = (at_us - times[before]) / (times[after] - times[before])
    closer = times[before] if at_us - times[before] <= times[after] - at_us else times[after]
    return FrameValue(low * (1.0 - share) + high * share, closer, None)


def _nearest(
    times: Sequence[int], values: Sequence[float | None], at_us: int, tolerance_us: int, closed: bool
) -> FrameValue | None:
    first, end = bisect_left(times, at_us - tolerance_us), bisect_right(times, at_us + tolerance_us)
    middle = bisect_right(times, at_us)
    before = next((i for i in range(middle - 1, first - 1, -1) if values[i] is not None), None)
    if before is not None and times[before] == at_us:
        return _of(at_us, values[before])
    after = next((i for i in range(middle, end) if values[i] is not None), None)
    if after is None and end == len(times) and not closed:
        return None
    chosen = [index for index in (before, after) if index is not None]
    if not chosen:
        return BAD if first < end else STALE if first else NONE
    closest = min(chosen, key=lambda index: abs(times[index] - at_us))  # the first of two equally close ones
    return _of(times[closest], values[closest])


def _of(time_us: int, value: float | None) -> FrameValue:
    return BAD if value is None else FrameValue(value, time_us, None)


_RULES: Final = {
    AlignMode.HOLD: _hold, AlignMode.WAIT: _wait, AlignMode.INTERPOLATE: _interpolate, AlignMode.NEAREST: _nearest,
}  # fmt: skip
