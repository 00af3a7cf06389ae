"""Multivariate anomaly: a robust model fitted once, and a scorer with frozen numbers that costs microseconds a row.

Fit (worker process). Channels are centred by the median and scaled by the MAD (at least half the standard deviation). Rows that
the minimum covariance determinant (P. J. Rousseeuw, K. Van Driessen, Technometrics 41 (1999) 212; scikit-learn) finds farthest
are left out, for the training weeks hold odd hours too. The covariance of the rest gives the weights, with a ridge of half its
mean variance so that directions of mere noise do not rule.

Score. The scaled row is smoothed by an EWMA and weighed by the inverse covariance: Hotelling's T² of a multivariate EWMA chart
(C. A. Lowry et al., Technometrics 34 (1992) 46). The threshold is a quantile of the scores of the training time itself, each
fifth of it scored by a model of the other four (blocked cross-conformal), so that slow changes within it count as normal;
and it is at most three robust deviations of the logarithm above the median, so that odd hours in the training set no threshold.

Contributions: z·A·z = Σ zᵢ(A·z)ᵢ, one term a channel.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RIDGE = 0.5
SMOOTHING = 0.2
FOLDS = 5
LEFT_OUT = 0.025
CLIP = 5.0
BULK_SIGMAS = 3.0  # of the logarithm of the scores
LEAST_ROWS = 200  # fewer tell nothing of a covariance
SEED = 0


@dataclass(frozen=True, slots=True)
class Weights:
    """Frozen numbers: score(x) = z·A·z with z = (x - centre) / scale."""

    centre: Floats
    scale: Floats
    inverse: Floats  # A, channels x channels

    def scaled(self, rows: Floats) -> Floats:
        """z of each row."""
        return np.asarray((rows - self.centre) / self.scale, dtype=np.float64)


def fit_weights(rows: Floats) -> Weights:
    """Of rows x channels without gaps. Deterministic."""
    centre = np.median(rows, axis=0)
    spread = rows.std(axis=0)
    scale = np.maximum(1.4826 * np.median(np.abs(rows - centre), axis=0), 0.5 * spread)
    scale = np.where(scale > 1e-9 * np.maximum(1.0, np.abs(centre)), scale, 1.0)
    z = np.clip((rows - centre) / scale, -CLIP, CLIP)
    kept = z[_believable(z)]
    middle = kept.mean(axis=0)
    covariance = np.atleast_2d(np.cov((kept - middle).T))
    floor = RIDGE * float(np.trace(covariance)) / len(covariance)
    inverse = np.asarray(np.linalg.inv(covariance + max(floor, 1e-6) * np.eye(len(covariance))), dtype=np.float64)
    return Weights(centre + middle * scale, scale, inverse)


def _believable(z: Floats) -> NDArray[np.bool_]:
    """All but the rows that are farthest by the minimum covariance determinant."""
    import warnings  # noqa: PLC0415

    from sklearn.covariance import MinCovDet  # noqa: PLC0415 - heavy: only in the worker

    varying = z[:, z.std(axis=0) > 1e-6]
    if varying.shape[1] == 0:
        return np.ones(len(z), dtype=np.bool_)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that channels depend on each other is the rule here
        distance = MinCovDet(random_state=SEED).fit(varying + _dither(varying.shape)).mahalanobis(varying)
    return np.asarray(distance <= np.quantile(distance, 1 - LEFT_OUT), dtype=np.bool_)


def _dither(shape: tuple[int, int]) -> Floats:
    """A thousandth of a deviation: channels that depend on each other exactly have no determinant."""
    return 1e-3 * np.random.default_rng(SEED).standard_normal(shape)


def smooth(rows: Floats, smoothing: float = SMOOTHING, start: Floats | None = None) -> Floats:
    """EWMA of each channel; `start`: where it stood before (the first row otherwise)."""
    out = np.empty_like(rows)
    state = rows[0] if start is None else start
    for i, row in enumerate(rows):
        state = state + smoothing * (row - state)
        out[i] = state
    return out


def scores(weights: Weights, rows: Floats, smoothing: float = SMOOTHING, start: Floats | None = None) -> Floats:
    """T² of smoothed rows."""
    z = smooth(weights.scaled(rows), smoothing, start)
    found: Floats = np.einsum("ij,jk,ik->i", z, weights.inverse, z)
    return found


def calibrate(rows: Floats, smoothing: float = SMOOTHING, folds: int = FOLDS) -> Floats:
    """Scores of the training rows, each block by a model of the others; sorted."""
    places = np.array_split(np.arange(len(rows)), folds)
    found = []
    for block in places:
        others = np.setdiff1d(np.arange(len(rows)), block)
        found.append(scores(fit_weights(rows[others]), rows[block], smoothing))
    return np.sort(np.concatenate(found))


def conformal_threshold(calibration: Floats, alpha: float) -> float:
    """The ceil((n + 1)(1 - alpha))-th smallest score, the largest where there are too few."""
    place = math.ceil((len(calibration) + 1) * (1 - alpha))
    return float(calibration[min(place, len(calibration)) - 1])


def threshold_of(calibration: Floats, alpha: float) -> float:
    """The conformal one, but not beyond what the bulk of the scores makes likely: odd hours in the training set none."""
    logs = np.log(np.maximum(calibration, 1e-12))
    middle = float(np.median(logs))
    spread = 1.4826 * float(np.median(np.abs(logs - middle)))
    return min(conformal_threshold(calibration, alpha), math.exp(middle + BULK_SIGMAS * spread))


def train(channels: Sequence[str], groups: Mapping[str, Sequence[Sequence[float]]], alpha: float) -> dict[str, Any]:
    """Numbers of a `Scorer`, for JSON: one model a group ("production", "idle") with enough rows. Runs in the worker.

    `above` of a group: share of the training minutes whose score, by a model of the others, lies above the threshold.
    """
    found: dict[str, Any] = {"channels": list(channels), "smoothing": SMOOTHING, "alpha": alpha, "groups": {}}
    for name, given in groups.items():
        rows = np.asarray(given, dtype=np.float64).reshape(len(given), len(channels))
        if len(rows) < LEAST_ROWS:
            continue
        weights, calibration = fit_weights(rows), calibrate(rows)
        threshold = threshold_of(calibration, alpha)
        found["groups"][name] = {
            "centre": weights.centre.tolist(), "scale": weights.scale.tolist(), "inverse": weights.inverse.tolist(),
            "threshold": threshold, "rows": len(rows), "above": float(np.mean(calibration > threshold)),
        }  # fmt: skip
    return found


@dataclass(frozen=True, slots=True)
class Score:
    """`ratio`: score over its threshold, above 1 is an anomaly. `shares` by channel add up to 1."""

    ratio: float
    shares: Mapping[str, float]


class Scorer:
    """Frozen numbers of `train`, fed row by row; keeps an EWMA for each group. No library but numpy."""

    def __init__(self, numbers: Mapping[str, Any]) -> None:
        self.channels: tuple[str, ...] = tuple(numbers["channels"])
        self._smoothing = float(numbers["smoothing"])
        self._weights: dict[str, tuple[Weights, float]] = {}
        for name, group in numbers["groups"].items():
            arrays = (np.asarray(group[key], dtype=np.float64) for key in ("centre", "scale", "inverse"))
            self._weights[name] = (Weights(*arrays), max(float(group["threshold"]), 1e-12))
        self._smoothed: dict[str, Floats] = {}

    @property
    def groups(self) -> tuple[str, ...]:
        return tuple(self._weights)

    def score(self, group: str, row: Sequence[float]) -> Score | None:
        """None for a group without model."""
        known = self._weights.get(group)
        if known is None:
            return None
        weights, threshold = known
        z = (np.asarray(row, dtype=np.float64) - weights.centre) / weights.scale
        before = self._smoothed.get(group)
        smoothed = z if before is None else before + self._smoothing * (z - before)
        self._smoothed[group] = smoothed
        terms = smoothed * (weights.inverse @ smoothed)
        positive = np.maximum(terms, 0.0)
        total = float(positive.sum())
        shares = dict(zip(self.channels, (positive / total).tolist(), strict=True)) if total > 0 else {}
        return Score(float(terms.sum()) / threshold, shares)

    def memory(self) -> dict[str, list[float]]:
        """Where the EWMAs stand."""
        return {name: smoothed.tolist() for name, smoothed in self._smoothed.items()}

    def restore(self, memory: Mapping[str, Sequence[float]]) -> None:
        """Of a memory of the same channels; anything else is left."""
        for name, smoothed in memory.items():
            if name in self._weights and len(smoothed) == len(self.channels):
                self._smoothed[name] = np.asarray(smoothed, dtype=np.float64)
