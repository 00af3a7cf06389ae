"""The same rules over what was kept: whole columns at once, every sample known. Pure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from domain.alignment import AlignedSeries, AlignMode

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def grid_between(from_us: int, to_us: int, grid_us: int) -> Ints:
    """Grid times of [from_us, to_us)."""
    first = -(-from_us // grid_us) * grid_us
    return np.arange(first, to_us, grid_us, dtype=np.int64)


def aligned(series: AlignedSeries, times_us: Ints, values: Floats, grid: Ints) -> Floats:
    """The series at each grid time, NaN where it has no value. `times_us` ascending, each once; NaN is a bad sample."""
    if not len(times_us):
        return np.full(len(grid), np.nan)
    if series.mode is AlignMode.NEAREST:
        good = ~np.isnan(values)
        return _nearest(times_us[good], values[good], grid, series.tolerance_us)
    before = np.searchsorted(times_us, grid, "right") - 1
    after = np.searchsorted(times_us, grid, "left")
    low, low_far = _take(times_us, values, before, grid, series.tolerance_us)
    if series.mode is AlignMode.HOLD:
        return np.where(low_far, np.nan, low)
    high, high_far = _take(times_us, values, after, grid, series.tolerance_us)
    if series.mode is AlignMode.WAIT:
        return np.where(high_far, np.nan, high)
    last = len(times_us) - 1
    t0, t1 = times_us[np.clip(before, 0, last)], times_us[np.clip(after, 0, last)]
    share = (grid - t0) / np.maximum(t1 - t0, 1)
    line = np.where(before == after, low, low * (1.0 - share) + high * share)
    return np.where(low_far | high_far, np.nan, line)


def _take(times_us: Ints, values: Floats, index: Ints, grid: Ints, tolerance_us: int) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """(values at `index`, where there is none within the tolerance)."""
    inside = np.clip(index, 0, len(times_us) - 1)
    far = (index < 0) | (index >= len(times_us)) | (np.abs(times_us[inside] - grid) > tolerance_us)
    return values[inside], far


def _nearest(times_us: Ints, values: Floats, grid: Ints, tolerance_us: int) -> Floats:
    if not len(times_us):
        return np.full(len(grid), np.nan)
    after = np.searchsorted(times_us, grid, "left")
    last = len(times_us) - 1
    left, right = np.clip(after - 1, 0, last), np.clip(after, 0, last)
    closer = np.where(np.abs(times_us[right] - grid) < np.abs(grid - times_us[left]), right, left)
    far = np.abs(times_us[closer] - grid) > tolerance_us
    return np.where(far, np.nan, values[closer])
