"""The tags of one loop brought onto the instants of its process value. Pure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analysis.loops.series import Floats
from domain.ports import RawSeries

Ints = npt.NDArray[np.int64]


def columns_of(series: RawSeries) -> tuple[Ints, Floats]:
    """Instants (µs) and values, NaN where a sample is bad. A value of exactly 0.0 is a value."""
    values = np.array([np.nan if value is None else value for value in series.values], dtype=np.float64)
    return np.asarray(series.times_us, dtype=np.int64), values


def held(times_us: Ints, series: RawSeries, max_age_us: int) -> Floats:
    """At each instant the newest value, if it is not bad and not older than `max_age_us`; NaN else.

    A set point and an output stand until the next sample says otherwise, so the older of two neighbours holds.
    """
    known_us, values = columns_of(series)
    if not len(known_us):
        return np.full(len(times_us), np.nan)
    at = np.searchsorted(known_us, times_us, "right") - 1
    usable = (at >= 0) & (times_us - known_us[np.maximum(at, 0)] <= max_age_us)
    return np.where(usable, values[np.maximum(at, 0)], np.nan)
