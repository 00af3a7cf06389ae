"""Uncertainty of an energy figure. Pure. Source: docs/formulas.md, section 6."""

from __future__ import annotations

import math

from domain.balance import Metering
from domain.plant import Plant

RECTANGULAR = math.sqrt(3)
LOW_CURRENT = 0.05  # of the transformer's primary current: below it the error of its class grows


def limit_of_error(classes: Metering, gap_share: float = 0.0, vt_percent: float = 0.0) -> float | None:
    """u_rel(E) ≈ √(δ_meter² + δ_CT² + δ_VT² + δ_gap²), a share of the value: limits of error.

    `gap_share`: estimated energy over all energy, as if all of it could be wrong. None while the meter's class is unknown; a
    transformer without a class counts as not there.
    """
    if classes.meter_class is None:
        return None
    return math.hypot(classes.meter_class, classes.ct_class or 0.0, vt_percent, gap_share * 100.0) / 100.0


def machine_limit(plant: Plant, machine_id: str, gap_share: float = 0.0) -> float | None:
    """The same for the energy of one machine, by the classes of its meter. None without a meter or its class."""
    meter = plant.machine(machine_id).meter
    device = next((d for d in plant.devices if d.id == meter), None)
    return limit_of_error(device.metering, gap_share) if device is not None else None


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
