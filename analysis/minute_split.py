"""Mean power of a bucket in which a machine changes its state, told to the states by the buckets beside it. Pure, over columns.

A minute that is half idling and half cutting has one mean. Given to both by time alone, idling gets too much of every such
minute, always in the same direction: a machine that changes its state each few minutes has per cents of its energy in the wrong
state. The stretch of a state in the mixed bucket therefore has the power of the whole bucket of the same interval next to it;
what stands between two other states within one bucket has what they leave. All are scaled so that the bucket keeps its energy.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from domain.state import MachineState, StateInterval

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Columns = tuple[Ints, Ints, Floats]


def split_by_states(begin_us: Ints, end_us: Ints, power_kw: Floats, intervals: Sequence[StateInterval]) -> Columns:
    """Stretches (from, to, kW) that tile the buckets [begin, end), which rise and do not overlap; each has one state.

    `intervals` in order of time; where none lies, or no data, a bucket stays as it is. So does one whose states have no whole
    bucket beside them. The result depends on a bucket's neighbours only.
    """
    borders = np.array([us for one, other in pairwise(intervals) for us in (_end_of(one, other), other.from_us)], dtype=np.int64)
    cuts = _inside(np.unique(borders), begin_us, end_us)
    if not len(cuts):
        return begin_us, end_us, power_kw
    begins = np.sort(np.concatenate((begin_us, cuts)))
    bucket = np.searchsorted(begin_us, begins, side="right") - 1
    ends = np.where(np.append(bucket[1:] == bucket[:-1], False), np.append(begins[1:], 0), end_us[bucket])
    owner = _owner(begins, intervals)
    level = _levels(begins, ends, bucket, owner, power_kw)
    return begins, ends, _scaled((ends - begins).astype(np.float64), bucket, level, power_kw)


def _end_of(one: StateInterval, other: StateInterval) -> int:
    return other.from_us if one.to_us is None else one.to_us


def _inside(borders: Ints, begin_us: Ints, end_us: Ints) -> Ints:
    at = np.searchsorted(begin_us, borders, side="right") - 1
    within = (at >= 0) & (borders > begin_us[at]) & (borders < end_us[at])
    return borders[within]


def _owner(begins: Ints, intervals: Sequence[StateInterval]) -> Ints:
    """Number of the interval of each stretch; -1 where there is none, or no data."""
    starts = np.array([interval.from_us for interval in intervals], dtype=np.int64)
    latest = np.iinfo(np.int64).max
    stops = np.array([latest if interval.to_us is None else interval.to_us for interval in intervals], dtype=np.int64)
    told = np.array([interval.state is not MachineState.NO_DATA for interval in intervals], dtype=np.bool_)
    at = np.searchsorted(starts, begins, side="right") - 1
    known = (at >= 0) & (begins < stops[at]) & told[at]
    return np.where(known, at, -1)


def _levels(begins: Ints, ends: Ints, bucket: Ints, owner: Ints, power_kw: Floats) -> Floats:
    """Power of each stretch of a mixed bucket by the whole bucket beside it, NaN where there is none."""
    whole = np.bincount(bucket, minlength=len(power_kw))[bucket] == 1
    level = np.full(len(begins), np.nan)
    own = owner[:-1] == owner[1:]
    joined = own & (owner[1:] >= 0) & (ends[:-1] == begins[1:])
    after, before = joined & whole[1:] & ~whole[:-1], joined & whole[:-1] & ~whole[1:]
    level[1:][before] = power_kw[bucket[:-1][before]]
    level[:-1][after] = power_kw[bucket[1:][after]]
    return level


def _scaled(length: Floats, bucket: Ints, level: Floats, power_kw: Floats) -> Floats:
    """Levels that keep the energy of each bucket; its mean where they are not known well enough."""
    buckets = len(power_kw)
    unknown = np.isnan(level)
    missing = np.bincount(bucket, unknown, buckets)
    whole_us = np.bincount(bucket, length, buckets)
    told = np.bincount(bucket, np.where(unknown, 0.0, level) * length, buckets)
    rest = np.maximum(power_kw * whole_us - told, 0.0)  # of the one stretch in a bucket that is not known
    filled = np.where(unknown, rest[bucket] / length, level)
    total = np.bincount(bucket, filled * length, buckets)
    parts = np.bincount(bucket, minlength=buckets)
    good = (missing <= 1) & (parts > missing) & (total > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = power_kw * whole_us / total
    return np.where(good[bucket], filled * scale[bucket], power_kw[bucket])
