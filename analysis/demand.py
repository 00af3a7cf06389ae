"""Demand: mean power of the windows that are paid for, and where the running one will end. Pure.

P_T = W / T; projection at time t: (W so far + P_now · time left) / T. Source: docs/formulas.md, reactive power and price.
"""

from __future__ import annotations

import numpy as np

from analysis.energy import Floats, Ints
from domain.figures import DemandWindow

US_PER_HOUR = 3.6e9
MINUTE_US = 60_000_000


def window_of(time_us: int, window_min: int) -> tuple[int, int]:
    """Begin and end of the window that holds the time, on the grid of the hour."""
    width = window_min * MINUTE_US
    begin = time_us // width * width
    return begin, begin + width


def projection_kw(so_far_kwh: float, now_kw: float, elapsed_us: int, window_us: int) -> float:
    """Demand the window ends with if the power stays what it is."""
    left_us = max(0, window_us - elapsed_us)
    return (so_far_kwh + now_kw * left_us / US_PER_HOUR) / (window_us / US_PER_HOUR)


def spare_kw(so_far_kwh: float, elapsed_us: int, window_us: int, contract_kw: float) -> float | None:
    """Power that may be drawn until the window's end without passing the contract; None when it is over."""
    left_us = window_us - elapsed_us
    if left_us <= 0:
        return None
    return (contract_kw * window_us / US_PER_HOUR - so_far_kwh) / (left_us / US_PER_HOUR)


def demand_windows(
    times_us: Ints, seconds: Floats, energy_kwh: Floats, window_min: int, now_us: int
) -> list[DemandWindow]:
    """Windows of consecutive stretches, in order of time. One with a hole has the demand of what is known and is incomplete."""
    width = window_min * MINUTE_US
    windows = []
    groups = times_us // width
    for group in np.unique(groups):
        mine = groups == group
        begin = int(group) * width
        known = mine & ~np.isnan(energy_kwh)
        known_s = float(seconds[known].sum())
        running = begin + width > now_us
        whole = known_s >= (min(now_us, begin + width) - begin) / 1e6 - 1.0
        kw = float(energy_kwh[known].sum()) / (known_s / 3600.0) if known_s > 0 else None
        windows.append(DemandWindow(begin, begin + width, kw, whole and not running, running))
    return windows


def highest(windows: list[DemandWindow], count: int) -> list[DemandWindow]:
    """The `count` complete windows of the greatest demand, the greatest first."""
    whole = [w for w in windows if w.complete and w.demand_kw is not None]
    return sorted(whole, key=lambda w: (-(w.demand_kw or 0.0), w.from_us))[:count]
