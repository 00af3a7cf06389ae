"""Quality models: documents learned from good items, and the judgement of one item by them. Pure.

A model is plain data (JSON), so it can be kept, shown and compared; judging needs no library. Three kinds:
`limits`     each feature between borders; source: the usual tolerance of a drawing.
`distance`   robust Mahalanobis distance; median and MAD, covariance of the nearer items, shrunk; source: P. J. Rousseeuw,
             K. van Driessen, "A fast algorithm for the minimum covariance determinant estimator" (1999), its idea simplified.
`forest`     isolation forest; source: F. T. Liu, K. M. Ting, Z.-H. Zhou, "Isolation Forest" (2008); grown by scikit-learn, whose
             trees are kept as arrays.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from domain.errors import ConfigError
from domain.inspection import Outcome
from domain.inspection_reason import Reason

Floats = NDArray[np.float64]
Document = Mapping[str, Any]
Judgement = tuple[Outcome, float, tuple[Reason, ...]]
KINDS: Final = ("limits", "distance", "forest")
LEAST_ITEMS: Final = 10
PICTURE, WITHOUT, PICTURE_FEATURE = "picture", "without", "picture_"
"""In a document: the reference of pictures, the model for items without one. How features of pictures begin."""
_SHRINK, _NEARER, _ROUNDS = 0.1, 0.75, 3
_UNSURE_Z, _REJECT_Z = 2.326, 3.719  # standard normal: 1 % and 0.01 % of good items lie beyond
_EULER: Final = 0.5772156649015329
_TREES, _SAMPLE = 100, 256
_REASONS: Final = 3


def train(kind: str, items: Sequence[Mapping[str, float]], features: Sequence[str] = ()) -> Document:
    """A model of good items. `features`: those to use; empty: all that every item has and that differ. Raises ConfigError."""
    if kind not in KINDS:
        raise ConfigError(f"there is no model {kind!r}; expected one of {', '.join(KINDS)}")
    if len(items) < LEAST_ITEMS:
        raise ConfigError(f"{len(items)} good items are too few; at least {LEAST_ITEMS} are needed")
    names = _names(items, features)
    rows = np.array([[item[name] for name in names] for item in items], dtype=np.float64)
    learn = {"limits": _limits, "distance": _distance, "forest": _forest}[kind]
    return {"kind": kind, "features": names, "items": len(items), **learn(rows)}


def judge(model: Document, item: Mapping[str, float]) -> Judgement:
    """(outcome, score 0 to 1 with 0.5 at the border to reject, reasons). An item that lacks a feature is unsure.

    A model that looks at pictures judges an item without one by what else it has learned (`without`).
    """
    if PICTURE in model and not any(name.startswith(PICTURE_FEATURE) for name in item):
        if model.get(WITHOUT) is None:
            return Outcome.UNSURE, 0.5, ()
        model = model[WITHOUT]
    missing = [name for name in model["features"] if not math.isfinite(item.get(name, math.nan))]
    if missing:
        return Outcome.UNSURE, 0.5, tuple(Reason("missing", name) for name in missing[:_REASONS])
    row = np.array([item[name] for name in model["features"]], dtype=np.float64)
    return {"limits": _by_limits, "distance": _by_distance, "forest": _by_forest}[model["kind"]](model, row)


def _names(items: Sequence[Mapping[str, float]], wanted: Sequence[str]) -> list[str]:
    known = set(items[0]).intersection(*items[1:])
    lacking = [name for name in wanted if name not in known]
    if lacking:
        raise ConfigError(f"not every item has {', '.join(lacking)}")
    names = list(wanted) or sorted(name for name in known if len({item[name] for item in items}) > 1)
    if not names:
        raise ConfigError("the items have no feature in common that differs between them")
    return names


# ---- limits ----


def _limits(rows: Floats) -> dict[str, Any]:
    """Good: within what good items showed; unsure: up to half their range beyond."""
    low, high = rows.min(axis=0), rows.max(axis=0)
    return {"low": low.tolist(), "high": high.tolist(), "margin": (0.5 * (high - low)).tolist()}


def _by_limits(model: Document, row: Floats) -> Judgement:
    low, high, margin = (np.array(model[name]) for name in ("low", "high", "margin"))
    beyond = np.maximum(np.maximum(low - row, row - high), 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(beyond > 0, np.where(margin > 0, beyond / margin, np.inf), 0.0)
    worst = float(share.max())
    outcome = Outcome.GOOD if worst == 0 else Outcome.UNSURE if worst <= 1 else Outcome.REJECT
    order = [i for i in np.argsort(-share)[:_REASONS] if share[i] > 0]
    reasons = tuple(_beyond(model["features"][i], float(row[i]), float(low[i]), float(high[i])) for i in order)
    return outcome, 1.0 if math.isinf(worst) else worst / (1.0 + worst), reasons


def _beyond(feature: str, value: float, low: float, high: float) -> Reason:
    return Reason("below", feature, value, low) if value < low else Reason("above", feature, value, high)


# ---- distance ----


def _distance(rows: Floats) -> dict[str, Any]:
    centre = np.median(rows, axis=0)
    scale = 1.4826 * np.median(np.abs(rows - centre), axis=0)
    spread = rows.std(axis=0)
    scale = np.where(scale > 1e-12, scale, np.where(spread > 1e-12, spread, 1.0))
    z = (rows - centre) / scale
    kept = np.clip(z, -6.0, 6.0)
    for _ in range(_ROUNDS):
        mean, inverse = _shape(kept)
        squared = _squared(z - mean, inverse)
        kept = z[np.argsort(squared)[: max(LEAST_ITEMS, int(_NEARER * len(z)))]]
    mean, inverse = _shape(kept)
    squared = _squared(z - mean, inverse)
    size = rows.shape[1]
    # the nearer items understate the spread: their median is brought to that of the chi-squared distribution
    factor = max(float(np.median(squared)) / _chi_squared(0.0, size), 1e-9)
    inverse /= factor
    usual = float(np.quantile(squared / factor, 0.9))  # of what is called good a tenth may be bad
    return {
        "centre": (centre + mean * scale).tolist(), "scale": scale.tolist(), "inverse": inverse.tolist(),
        "unsure_at": max(_chi_squared(_UNSURE_Z, size), 1.3 * usual),
        "reject_at": max(_chi_squared(_REJECT_Z, size), 2.0 * usual),
    }


def _shape(z: Floats) -> tuple[Floats, Floats]:
    """Mean and inverse covariance, shrunk towards the diagonal so that few items and equal features do no harm."""
    mean = z.mean(axis=0)
    covariance = np.atleast_2d(np.cov(z, rowvar=False))
    diagonal = np.diag(np.maximum(np.diag(covariance), 1e-6))
    inverse = np.linalg.inv((1 - _SHRINK) * covariance + _SHRINK * diagonal + 1e-6 * np.eye(len(mean)))
    return np.asarray(mean, dtype=np.float64), np.asarray(inverse, dtype=np.float64)


def _squared(z: Floats, inverse: Floats) -> Floats:
    found: Floats = np.einsum("ij,jk,ik->i", z, inverse, z)
    return found


def _chi_squared(z: float, degrees: int) -> float:
    """The quantile of the chi-squared distribution where the standard normal one is `z`. Source: Wilson and Hilferty (1931)."""
    share = 2.0 / (9.0 * degrees)
    return float(degrees * (1.0 - share + z * math.sqrt(share)) ** 3)


def _by_distance(model: Document, row: Floats) -> Judgement:
    z = (row - np.array(model["centre"])) / np.array(model["scale"])
    pull = np.array(model["inverse"]) @ z
    squared = max(float(z @ pull), 0.0)
    reject_at, unsure_at = float(model["reject_at"]), float(model["unsure_at"])
    outcome = Outcome.REJECT if squared > reject_at else Outcome.UNSURE if squared > unsure_at else Outcome.GOOD
    share = z * pull
    reasons = [Reason("deviates", model["features"][i], float(z[i])) for i in np.argsort(-share)[:_REASONS] if share[i] > 0]
    return outcome, squared / (squared + reject_at), () if outcome is Outcome.GOOD else tuple(reasons)


# ---- forest ----


def _forest(rows: Floats) -> dict[str, Any]:
    try:
        from sklearn.ensemble import IsolationForest  # noqa: PLC0415 (an optional extra of 100 MiB; only to learn)
    except ImportError as exc:
        raise ConfigError("the model forest needs scikit-learn, which is not installed") from exc
    sample = min(_SAMPLE, len(rows))
    grown = IsolationForest(n_estimators=_TREES, max_samples=sample, random_state=1, n_jobs=1).fit(rows)
    trees = [
        {
            "feature": tree.tree_.feature.tolist(), "threshold": tree.tree_.threshold.tolist(),
            "left": tree.tree_.children_left.tolist(), "right": tree.tree_.children_right.tolist(),
            "size": tree.tree_.n_node_samples.tolist(),
        }
        for tree in grown.estimators_
    ]
    model = {"trees": trees, "sample": sample}
    scores = np.array([_anomaly(model, row) for row in rows])
    return {**model, "unsure_at": float(np.quantile(scores, 0.95)), "reject_at": float(np.quantile(scores, 0.995))}


def _anomaly(model: Document, row: Floats) -> float:
    """0.5 is usual, 1 lies alone."""
    depth = sum(_depth(tree, row) for tree in model["trees"]) / len(model["trees"])
    return float(2.0 ** (-depth / _usual_depth(model["sample"])))


def _depth(tree: Document, row: Floats) -> float:
    node = depth = 0
    left, right, feature, threshold = tree["left"], tree["right"], tree["feature"], tree["threshold"]
    while left[node] != -1:
        # the trees were grown on 32-bit numbers
        node = left[node] if float(np.float32(row[feature[node]])) <= threshold[node] else right[node]
        depth += 1
    return depth + _usual_depth(tree["size"][node])


def _usual_depth(size: int) -> float:
    """Mean length of an unsuccessful search in a binary tree of that many items."""
    if size <= 1:
        return 0.0
    return 1.0 if size == 2 else 2.0 * (math.log(size - 1.0) + _EULER) - 2.0 * (size - 1.0) / size


def _by_forest(model: Document, row: Floats) -> Judgement:
    score = _anomaly(model, row)
    reject_at, unsure_at = float(model["reject_at"]), float(model["unsure_at"])
    outcome = Outcome.REJECT if score > reject_at else Outcome.UNSURE if score > unsure_at else Outcome.GOOD
    if outcome is Outcome.GOOD:
        return outcome, score, ()
    first = [tree["feature"][0] for tree in model["trees"]]
    apart = [f for tree, f in zip(model["trees"], first, strict=True) if _apart(tree, row)]
    alone = sorted(range(len(row)), key=lambda i: -apart.count(i))
    return outcome, score, tuple(Reason("alone", model["features"][i]) for i in alone[:_REASONS])


def _apart(tree: Document, row: Floats) -> bool:
    """Does the tree's first cut put the item on the smaller side?"""
    left, right = tree["left"][0], tree["right"][0]
    if left == -1:
        return False
    goes_left = row[tree["feature"][0]] <= tree["threshold"][0]
    sizes = tree["size"]
    return bool(goes_left == (sizes[left] < sizes[right]))


def rehearse(model: Document, items: Sequence[tuple[Mapping[str, float], Outcome]]) -> dict[str, int]:
    """How a model would have judged labelled items: counts of `true_reject`, `false_reject`, `missed`, `true_good`, `unsure`.

    An unsure item is asked of a person, so it counts as neither.
    """
    counts = dict.fromkeys(("true_reject", "false_reject", "missed", "true_good", "unsure"), 0)
    for item, label in items:
        outcome = judge(model, item)[0]
        if outcome is Outcome.UNSURE:
            counts["unsure"] += 1
        elif outcome is Outcome.REJECT:
            counts["true_reject" if label is Outcome.REJECT else "false_reject"] += 1
        else:
            counts["missed" if label is Outcome.REJECT else "true_good"] += 1
    return counts
