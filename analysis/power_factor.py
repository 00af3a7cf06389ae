"""tg φ and cos φ from energies, and the capacitors a limit asks for. Pure; source: docs/formulas.md, reactive power and price."""

from __future__ import annotations

import math


def tg_phi(active_kwh: float | None, reactive_kvarh: float | None) -> float | None:
    """tg φ = W_Q / W_P over an interval; None without active energy."""
    if active_kwh is None or reactive_kvarh is None or active_kwh <= 0:
        return None
    return reactive_kvarh / active_kwh


def cos_phi(tangent: float | None) -> float | None:
    """cos φ = 1 / √(1 + tg² φ)."""
    return None if tangent is None else 1.0 / math.sqrt(1.0 + tangent * tangent)


def power_factor_percent(active_kwh: float, reactive_kvarh: float) -> float | None:
    """100 · W_P / √(W_P² + W_Q²); None when both are 0."""
    apparent = math.hypot(active_kwh, reactive_kvarh)
    return None if apparent == 0 else 100.0 * active_kwh / apparent


def required_kvar(active_kw: float | None, tangent: float | None, limit: float | None) -> float | None:
    """Q_c = P · (tg φ − tg φ limit), never below 0."""
    if active_kw is None or tangent is None or limit is None:
        return None
    return max(0.0, active_kw * (tangent - limit))


def over_limit_kvarh(active_kwh: float | None, reactive_kvarh: float | None, limit: float | None) -> float | None:
    """Reactive energy above what the limit allows for the active energy."""
    if active_kwh is None or reactive_kvarh is None or limit is None:
        return None
    return max(0.0, reactive_kvarh - limit * active_kwh)
