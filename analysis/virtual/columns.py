"""Columns of values with their qualities, and samples brought onto a fixed grid. Pure; times UTC microseconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domain.quality import FIRST_BAD, Quality

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FRESH_INTERVALS = 1.5  # a poll may be late by half of its interval before its value counts as held
HELD_INTERVALS = 3.0
_HELD, _LOST = int(Quality.HELD), int(Quality.NO_COMMUNICATION)


@dataclass(frozen=True, slots=True)
class Column:
    """`values[i]` is NaN exactly when `qualities[i]` is bad."""

    values: Floats
    qualities: Ints

    def __len__(self) -> int:
        return len(self.values)

    def part(self, begin: int, end: int | None = None) -> Column:
        """Rows [begin, end)."""
        return Column(self.values[begin:end], self.qualities[begin:end])


def joined(first: Column, second: Column) -> Column:
    """One after the other."""
    return Column(np.concatenate((first.values, second.values)), np.concatenate((first.qualities, second.qualities)))


def column_of(values: Sequence[float | None], qualities: Sequence[int]) -> Column:
    """From samples as they travel and are stored."""
    return sealed(np.array(values, dtype=np.float64), np.array(qualities, dtype=np.int64))


def sealed(values: Floats, qualities: Ints) -> Column:
    """Bad ones have no value; a value that is not finite is bad."""
    qualities = np.where((qualities < FIRST_BAD) & ~np.isfinite(values), int(Quality.NO_VALUE), qualities)
    return Column(np.where(qualities >= FIRST_BAD, np.nan, values), qualities)


def graded(values: Floats, qualities: Ints, ages_us: Ints, intervals_us: Ints) -> Column:
    """What samples of these ages are worth: as they are, held (uncertain), or lost after 3 intervals. Negative age: none yet."""
    lost = (ages_us < 0) | (ages_us > HELD_INTERVALS * intervals_us)
    held = (ages_us > FRESH_INTERVALS * intervals_us) & (qualities < FIRST_BAD)
    found = np.where(lost, _LOST, np.where(held, np.maximum(qualities, _HELD), qualities))
    return sealed(values, found)


def aligned(times_us: Ints, samples: Column, grid_us: Ints, interval_us: int) -> tuple[Column, NDArray[np.bool_]]:
    """The last sample at or before each point of the grid, graded; and whether the tag was heard of within 3 intervals."""
    if len(times_us) == 0:
        return sealed(np.full(len(grid_us), np.nan), np.full(len(grid_us), _LOST)), np.zeros(len(grid_us), dtype=bool)
    index = np.searchsorted(times_us, grid_us, side="right") - 1
    taken = np.maximum(index, 0)
    ages = np.where(index < 0, -1, grid_us - times_us[taken])
    intervals = np.full(len(grid_us), interval_us)
    return graded(samples.values[taken], samples.qualities[taken], ages, intervals), heard(ages, intervals)


def heard(ages_us: Ints, intervals_us: Ints) -> NDArray[np.bool_]:
    """Did anything, good or bad, come within 3 intervals?"""
    return (ages_us >= 0) & (ages_us <= HELD_INTERVALS * intervals_us)
