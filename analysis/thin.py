"""Samples that came further apart than the tag's interval says: a longer scan interval in the past, or thinned history. Pure.

States and histograms hold a value for three intervals. Where an hour's samples lie, as a rule, further apart, its values are
repeated in between, so that such an hour is judged as it was measured and not taken for a loss of data.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.states import Timing
from domain.quality import FIRST_BAD

HOUR_US = 3_600_000_000
COARSEST_US = 900_000_000  # no value stands for longer than a quarter of an hour

Columns = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]


def filled(
    times_us: ArrayLike, values: Sequence[float | None] | NDArray[np.float64], qualities: ArrayLike, timing: Timing
) -> Columns:
    """Columns (equal lengths, times rising; None becomes NaN); values are repeated in hours that are coarser than `timing`."""
    times = np.asarray(times_us, dtype=np.int64)
    power = np.array(values, dtype=np.float64)
    quality = np.asarray(qualities, dtype=np.int64)
    usable = ~np.isnan(power) & (quality < FIRST_BAD)
    at = np.flatnonzero(usable)
    if len(at) < 3:
        return times, power, quality
    gaps = np.diff(times[at])
    longest = _longest(times[at], gaps, timing)
    wide = np.flatnonzero((gaps > timing.hold_us) & (gaps <= longest))
    if not len(wide):
        return times, power, quality
    count = (gaps[wide] - 1) // timing.hold_us
    source = np.repeat(at[wide], count)
    step = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count) + 1
    more = times[source] + step * timing.hold_us
    order = np.argsort(np.concatenate((times, more)), kind="stable")
    return (
        np.concatenate((times, more))[order], np.concatenate((power, power[source]))[order],
        np.concatenate((quality, quality[source]))[order],
    )  # fmt: skip


def _longest(times: NDArray[np.int64], gaps: NDArray[np.int64], timing: Timing) -> NDArray[np.int64]:
    """For each gap, how long a value may stand: three of the usual gaps of its hour."""
    hours = times[:-1] // HOUR_US
    longest = np.empty(len(gaps), dtype=np.int64)
    starts = np.flatnonzero(np.diff(hours, prepend=-1))
    for begin, end in zip(starts, [*starts[1:], len(gaps)], strict=True):
        usual = int(np.median(gaps[begin:end]))
        longest[begin:end] = min(3 * usual, COARSEST_US) if usual > timing.hold_us else timing.hold_us
    return longest
