"""Borders of a machine's states learned from its own power. Pure.

A machine tool draws power in modes: next to nothing while off, steady levels while it waits, higher and restless ones while it
works. Over two weeks the modes are peaks of the histogram of log P; the borders lie in the valleys between them:

1. Seconds by log P (60 bins a decade), smoothed; valleys that are shallow, or hold too little beside them, are no valleys.
2. Off is the lowest mode, if the next one draws at least `OFF_RATIO` times as much and it at most `OFF_SHARE` of the highest.
3. Of the rest, the valley that parts waiting from working is the one with the largest between-class variance of log P (Otsu, IEEE
   Trans. SMC 9 (1979) 62), raised by how much more restless the upper side is: work comes in cycles, waiting is steady.
4. Each border is put where the valley is lowest; in an empty one, in its geometric middle.

The confidence is what the weakest of these tells: amount of data, depth of the valleys, share of time near a border.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.states import SPIKE, Timing
from domain.quality import FIRST_BAD
from domain.state import StateThresholds

Floats = NDArray[np.float64]

BINS_A_DECADE = 60
LOWEST_KW, DECADES = 1e-3, 7  # below a watt is off, whatever it is; up to 10 MW
BINS = BINS_A_DECADE * DECADES
SMOOTH_BINS = 1.2
SHALLOW = 0.5  # a valley higher than this share of its lower neighbour is none
LEAST_SHARE = 0.004  # of the time: a mode holds at least that
LEAST_MODE_S = 600.0
OFF_RATIO, OFF_SHARE = 2.5, 0.12
ENOUGH_S = 5 * 86400.0  # with that much data the amount no longer lowers the confidence
LITTLE_S = 8 * 3600.0
RESTLESS_BLOCK_US = 60_000_000
DOUBT = 0.6  # a border whose valley tells less is named

TOO_LITTLE_DATA, ONE_MODE, MODES_OVERLAP, NEVER_OFF, NO_PRODUCTION = (
    "too_little_data", "one_mode", "modes_overlap", "never_off", "two_modes",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class PowerHistogram:
    """`seconds[i]`: time at P in [edges_kw[i], edges_kw[i + 1]); `restless[i]`: that time's sum of s times relative spread of P
    within its minute. `low_s`: time below the lowest edge (also P <= 0)."""

    seconds: Floats = field(default_factory=lambda: np.zeros(BINS))
    restless: Floats = field(default_factory=lambda: np.zeros(BINS))
    low_s: float = 0.0

    @property
    def total_s(self) -> float:
        return float(self.seconds.sum()) + self.low_s

    def plus(self, other: PowerHistogram) -> PowerHistogram:
        """Of both."""
        return PowerHistogram(self.seconds + other.seconds, self.restless + other.restless, self.low_s + other.low_s)


EDGES_KW: Floats = LOWEST_KW * 10.0 ** (np.arange(BINS + 1) / BINS_A_DECADE)
_CENTRES_LOG: Floats = np.log(np.sqrt(EDGES_KW[:-1] * EDGES_KW[1:]))


def histogram_of(
    times_us: ArrayLike, values: Sequence[float | None] | Floats, qualities: ArrayLike, timing: Timing
) -> PowerHistogram:
    """Of samples in time order (equal lengths): each holds until the next, at most for `timing.hold_us`; bad ones and spikes are
    as if they had not come."""
    times = np.asarray(times_us, dtype=np.int64)
    power = np.array(values, dtype=np.float64)  # None becomes NaN
    quality = np.asarray(qualities, dtype=np.int64)
    keep = ~np.isnan(power) & (quality < FIRST_BAD) & (quality != SPIKE)
    times, power = times[keep], power[keep]
    if not len(times):
        return PowerHistogram()
    gaps = np.diff(times, append=times[-1] + timing.interval_us)
    held = np.where(gaps > timing.hold_us, timing.interval_us, gaps) / 1e6
    return _binned(power, held, _spread(times, power))


def histogram_of_means(mean_kw: ArrayLike, covered_s: ArrayLike) -> PowerHistogram:
    """Of buckets (a minute each): their means and how much of them is covered. What happens within is not seen."""
    power, held = np.asarray(mean_kw, dtype=np.float64), np.asarray(covered_s, dtype=np.float64)
    return _binned(power, held, np.zeros(len(power)))


def _binned(power: Floats, held_s: Floats, spread: Floats) -> PowerHistogram:
    low = power < LOWEST_KW
    place = np.clip(np.searchsorted(EDGES_KW, power, side="right") - 1, 0, BINS - 1)[~low]
    seconds: Floats = np.bincount(place, weights=held_s[~low], minlength=BINS).astype(np.float64)
    restless: Floats = np.bincount(place, weights=(held_s * spread)[~low], minlength=BINS).astype(np.float64)
    return PowerHistogram(seconds, restless, float(held_s[low].sum()))


def _spread(times: NDArray[np.int64], power: Floats) -> Floats:
    """Relative standard deviation of P within its minute, for each sample."""
    starts = np.flatnonzero(np.diff(times // RESTLESS_BLOCK_US, prepend=-1))
    count = np.diff(np.append(starts, len(times)))
    mean = np.add.reduceat(power, starts) / count
    square = np.add.reduceat(np.square(power), starts) / count
    deviation = np.sqrt(np.maximum(square - np.square(mean), 0.0))
    return np.repeat(np.minimum(deviation / np.maximum(np.abs(mean), LOWEST_KW), 2.0), count)


@dataclass(frozen=True, slots=True)
class PowerMode:
    """A peak of the histogram between its valleys [from_kw, to_kw]. kW, s. `restless`: mean relative spread within a minute."""

    from_kw: float
    to_kw: float
    level_kw: float  # median
    seconds: float
    restless: float


@dataclass(frozen=True, slots=True)
class Learned:
    """`thresholds` None where the data show no borders. `confidence` 0..1; `reasons` are keys: too_little_data, one_mode,
    two_modes (which of them is production cannot be told), modes_overlap, never_off."""

    thresholds: StateThresholds | None
    confidence: float
    reasons: tuple[str, ...]
    modes: tuple[PowerMode, ...]
    total_s: float


def learn(histogram: PowerHistogram, timing: Timing | None = None) -> Learned:
    """The borders the histogram shows."""
    total = histogram.total_s
    if total <= 0:
        return Learned(None, 0.0, (TOO_LITTLE_DATA,), (), 0.0)
    density = _smooth(histogram.seconds)
    if histogram.low_s:
        density[0] += histogram.low_s
    cuts = _valleys(density, max(LEAST_SHARE * total, min(LEAST_MODE_S, 0.02 * total)))
    modes = _modes(histogram, density, cuts)
    reasons = [TOO_LITTLE_DATA] if total < LITTLE_S else []
    if len(modes) < 2:
        return Learned(None, 0.0, (*reasons, ONE_MODE), modes, total)
    off = modes[1].level_kw >= OFF_RATIO * modes[0].level_kw and modes[0].level_kw <= OFF_SHARE * modes[-1].level_kw
    working = modes[1:] if off else modes
    amount = min(1.0, total / ENOUGH_S) ** 0.5
    if len(working) < 2:
        return _two_modes(modes, density, cuts, amount, (*reasons, NO_PRODUCTION), total)
    split = _split(working) + (1 if off else 0)  # between modes[split] and modes[split + 1]
    production = _border(density, *cuts[split])
    idle = _border(density, *cuts[0]) if off else _round(0.5 * modes[0].level_kw)
    told = [_clear(density, cuts[split])] + ([_clear(density, cuts[0])] if off else [0.8])
    if not off:
        reasons.append(NEVER_OFF)
    if min(told) < DOUBT:
        reasons.append(MODES_OVERLAP)
    dwell_s = 10.0 if timing is None else max(10.0, 2 * timing.interval_us / 1e6)
    return Learned(StateThresholds(idle, production, dwell_s), round(amount * min(told), 3), tuple(reasons), modes, total)


def idle_split(histogram: PowerHistogram, thresholds: StateThresholds) -> float | None:
    """The clearest valley between two levels of waiting, kW; None where one level is seen."""
    inside = (EDGES_KW[:-1] >= thresholds.idle_above_kw) & (EDGES_KW[1:] <= thresholds.production_above_kw)
    density = _smooth(np.where(inside, histogram.seconds, 0.0))
    total = float(density.sum())
    cuts = _valleys(density, max(0.05 * total, LEAST_MODE_S)) if total > 0 else []
    clear = [(told, cut) for cut in cuts if (told := _clear(density, cut)) >= DOUBT]
    return _border(density, *max(clear)[1]) if clear else None


def _two_modes(
    modes: tuple[PowerMode, ...], density: Floats, cuts: list[tuple[int, int]], amount: float, reasons: tuple[str, ...],
    total: float,
) -> Learned:  # fmt: skip
    """Off and one more: a restless one is production, with idle unseen below it; a steady one is idle, with production above."""
    idle = _border(density, *cuts[0])
    upper = modes[1]
    production = upper.from_kw if upper.restless > 0.1 else upper.to_kw * 1.2
    production = _round(max(production, 1.5 * idle))
    told = min(0.4, _clear(density, cuts[0]))
    return Learned(StateThresholds(idle, production), round(amount * told, 3), reasons, modes, total)


def _smooth(seconds: Floats) -> Floats:
    reach = np.arange(-4, 5)
    kernel = np.exp(-0.5 * np.square(reach / SMOOTH_BINS))
    return np.convolve(seconds, kernel / kernel.sum(), mode="same")


def _valleys(density: Floats, least_s: float) -> list[tuple[int, int]]:
    """Peaks parted by valleys: for each valley the bins of the peaks left and right of it. Small and shallow ones are merged."""
    padded = np.concatenate(([0.0], density, [0.0]))
    rising, falling = padded[1:-1] > padded[:-2], padded[1:-1] >= padded[2:]
    peaks = [int(i) for i in np.flatnonzero(rising & falling & (density > 0))]
    while len(peaks) > 1:
        bottoms = [a + int(np.argmin(density[a : b + 1])) for a, b in pairwise(peaks)]
        borders = [0, *bottoms, len(density)]
        weights = [float(density[a:b].sum()) for a, b in pairwise(borders)]
        lightest = int(np.argmin(weights))
        if weights[lightest] < least_s:
            peaks.pop(lightest)
            continue
        sides = zip(peaks, bottoms, peaks[1:], strict=False)
        depths = [float(density[v]) / float(min(density[a], density[b])) for a, v, b in sides]
        shallow = int(np.argmax(depths))
        if depths[shallow] <= SHALLOW:
            break
        peaks.pop(shallow if density[peaks[shallow]] < density[peaks[shallow + 1]] else shallow + 1)
    return list(pairwise(peaks))


def _modes(histogram: PowerHistogram, density: Floats, cuts: list[tuple[int, int]]) -> tuple[PowerMode, ...]:
    bottoms = [_middle(density, a, b) for a, b in cuts]
    found = []
    for a, b in zip([0, *bottoms], [*bottoms, BINS], strict=True):
        seconds = histogram.seconds[a:b].copy()
        if a == 0:
            seconds[0] += histogram.low_s
        total = float(seconds.sum())
        if total <= 0:
            continue
        there = np.flatnonzero(seconds)
        median = a + int(np.searchsorted(np.cumsum(seconds), 0.5 * total))
        level_kw = float(np.exp(_CENTRES_LOG[median]))
        span = float(EDGES_KW[a + there[0]]), float(EDGES_KW[a + there[-1] + 1])
        found.append(PowerMode(*span, level_kw, total, float(histogram.restless[a:b].sum() / total)))
    return tuple(found)


def _split(modes: Sequence[PowerMode]) -> int:
    """After which mode waiting ends: largest between-class variance of log level, weighted by the contrast of restlessness."""
    weight = np.array([mode.seconds for mode in modes])
    level = np.log([mode.level_kw for mode in modes])
    restless = np.array([mode.restless for mode in modes])
    scores = []
    for cut in range(1, len(modes)):
        below, above = weight[:cut].sum(), weight[cut:].sum()
        low, high = np.average(level[:cut], weights=weight[:cut]), np.average(level[cut:], weights=weight[cut:])
        calm, busy = np.average(restless[:cut], weights=weight[:cut]), np.average(restless[cut:], weights=weight[cut:])
        contrast = (busy + 0.01) / (calm + busy + 0.02)
        scores.append(float(below * above * (high - low) ** 2 * contrast))
    return int(np.argmax(scores))


def _middle(density: Floats, left: int, right: int) -> int:
    """The bin of the border: where the valley is lowest; the middle of an empty or flat stretch."""
    between = density[left : right + 1]
    floor = float(between.min())
    low = np.flatnonzero(between <= floor + 1e-3 * float(min(density[left], density[right])))
    runs = np.split(low, np.flatnonzero(np.diff(low) > 1) + 1)
    longest = max(runs, key=len)
    return left + (int(longest[0]) + int(longest[-1]) + 1) // 2


def _border(density: Floats, left: int, right: int) -> float:
    return _round(float(EDGES_KW[_middle(density, left, right)]))


def _clear(density: Floats, cut: tuple[int, int]) -> float:
    """How well a valley parts its sides, 0..1: 1 when nothing lies in it."""
    left, right = cut
    lowest = float(density[left : right + 1].min())
    depth = 1.0 - lowest / float(min(density[left], density[right]))
    at = _middle(density, left, right)
    near = float(density[max(0, at - 1) : at + 2].sum()) / float(density.sum())  # within 4 % of the border
    return max(0.0, depth * (1.0 - min(1.0, 20.0 * near)))


def _round(kw: float) -> float:
    """To three digits, as people write borders."""
    digits = 2 - int(np.floor(np.log10(kw)))
    return round(kw, digits)
