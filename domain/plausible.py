"""Which values of a point are believable, in canonical units: the one rule for the live stream, rehearsals and pages."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from domain.profile import Point
from domain.quantity import Kind, Quantity, canonical_factor

LARGEST = sys.float_info.max


def plausible_range(point: Point, options: Mapping[str, object]) -> tuple[float, float]:
    """The range in canonical, primary units, both ends included; everything finite where none is known.

    A point before the transformers (`secondary`) is checked only when the device names its ratio: the one the meter holds
    itself is not known here, and a wrong range would spoil right values.
    """
    if point.plausible is None or point.kind is Kind.TEXT:
        return -LARGEST, LARGEST
    ratio = _ratio(point, options)
    if ratio is None:
        return -LARGEST, LARGEST
    factor = canonical_factor(point.quantity, point.unit) * ratio
    low, high = point.plausible
    slack = 1e-9 * max(abs(low), abs(high)) * factor  # a value on the border stays inside after the conversion
    return low * factor - slack, high * factor + slack


def _ratio(point: Point, options: Mapping[str, object]) -> float | None:
    if not point.secondary:
        return 1.0
    ct, vt = options.get("ct_ratio"), options.get("vt_ratio", 1)
    if point.quantity is Quantity.VOLTAGE:
        return float(vt) if isinstance(vt, (int, float)) and "vt_ratio" in options else None
    if not isinstance(ct, (int, float)) or not isinstance(vt, (int, float)):
        return None
    return float(ct) if point.quantity is Quantity.CURRENT else float(ct) * float(vt)


def noise_floor(point: Point, options: Mapping[str, object]) -> float:
    """Of the spike filter: 0.1 % of the plausible span; 0 where there is none (then 1 % of the median alone is the floor)."""
    low, high = plausible_range(point, options)
    return 0.001 * (high - low) if high < LARGEST and low > -LARGEST else 0.0
