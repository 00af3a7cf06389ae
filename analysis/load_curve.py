"""Coefficients of the load curve. Pure; source: docs/formulas.md, load-curve coefficients.

Ratios are made of sums: of a section or the site they come from the summed curve, never from the machines' ratios.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.energy import Floats, Ints

WINDOW_US = 1_800_000_000  # the half hour of P_max


@dataclass(frozen=True, slots=True)
class Coefficients:
    """See domain.figures.LoadCurve. kW, h, 1."""

    mean_kw: float | None
    mean_on_kw: float | None
    max_kw: float | None
    rms_kw: float | None
    use: float | None
    load: float | None
    demand: float | None
    maximum: float | None
    form: float | None
    load_factor: float | None
    t_max_h: float | None


def ratio(numerator: float | None, denominator: float | None) -> float | None:
    """None where either is unknown or the denominator is 0."""
    return None if numerator is None or not denominator else numerator / denominator


def coefficients(
    times_us: Ints, seconds: Floats, energy_kwh: Floats, *, rated_kw: float | None, on_kwh: float | None = None,
    on_hours: float | None = None, on_rated_kwh: float | None = None,
) -> Coefficients:
    """From energies of consecutive stretches (NaN unknown). `on_kwh`, `on_hours`: energy and time in which it was switched on.

    `on_rated_kwh`: Σ P_nom · time on, for several machines; of one it is rated_kw · on_hours.
    """
    if on_rated_kwh is None and rated_kw is not None and on_hours is not None:
        on_rated_kwh = rated_kw * on_hours
    known = ~np.isnan(energy_kwh) & (seconds > 0)
    hours, energy = float(seconds[known].sum()) / 3600.0, float(energy_kwh[known].sum())
    mean = ratio(energy, hours) if known.any() else None
    power = energy_kwh[known] / (seconds[known] / 3600.0)
    rms = float(np.sqrt(np.average(power**2, weights=seconds[known]))) if known.any() else None
    highest = greatest_mean_kw(times_us, seconds, energy_kwh, WINDOW_US)
    mean_on = ratio(on_kwh, on_hours)
    return Coefficients(
        mean, mean_on, highest, rms, ratio(mean, rated_kw), ratio(on_kwh, on_rated_kwh), ratio(highest, rated_kw),
        ratio(highest, mean), ratio(rms, mean), ratio(mean, highest), ratio(energy, highest),
    )  # fmt: skip


def greatest_mean_kw(times_us: Ints, seconds: Floats, energy_kwh: Floats, window_us: int) -> float | None:
    """Greatest mean power of a whole window on the clock's grid; windows with a hole do not count."""
    groups = times_us // window_us
    found: float | None = None
    for group in np.unique(groups):
        mine = groups == group
        if np.isnan(energy_kwh[mine]).any() or seconds[mine].sum() < window_us / 1e6 - 1.0:
            continue
        mean = float(energy_kwh[mine].sum()) / (window_us / 3.6e9)
        found = mean if found is None else max(found, mean)
    return found
