"""Uncertainty of an energy figure. Pure. Source: docs/formulas.md, section 6."""

from __future__ import annotations

import math

from domain.efficiency import Accuracy

RECTANGULAR = math.sqrt(3)
LOW_CURRENT = 0.05  # of the transformer's primary current: below it the error of its class grows


def limit_of_error(accuracy: Accuracy, gap_share: float = 0.0) -> float | None:
    """u_rel(E) ≈ √(δ_meter² + δ_CT² + δ_VT² + δ_gap²), a share of the value: limits of error.

    `gap_share`: estimated energy over all energy, as if all of it could be wrong. None while the meter's class is unknown; a
    transformer without a class counts as not there.
    """
    if accuracy.meter_percent is None:
        return None
    parts = (accuracy.meter_percent, accuracy.ct_percent or 0.0, accuracy.vt_percent or 0.0, gap_share * 100.0)
    return math.hypot(*parts) / 100.0


def standard_uncertainty(limit: float) -> float:
    """Of limits of error, under a rectangular distribution: limit / √3."""
    return limit / RECTANGULAR


def ratio_uncertainty(above: float | None, below: float | None, *, common: bool) -> float | None:
    """Limit of error of a quotient. `common`: one meter measured both, so its class cancels and only what differs is left."""
    if above is None or below is None:
        return None
    return abs(above - below) if common else math.hypot(above, below)


def below_ct_range(current_a: float, ct_primary_a: float) -> bool:
    """Does the machine idle where its current transformer is inexact (under 5 % of its primary current)?"""
    return ct_primary_a > 0 and current_a < LOW_CURRENT * ct_primary_a
