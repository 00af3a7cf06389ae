"""CO2 and conventional fuel of energy by dated factors. Pure; the factors are data of the plant, see docs/formulas.md."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from domain.tariff import Factor, valid_on


def by_factor(days_kwh: Iterable[tuple[date, float]], factors: Sequence[Factor]) -> tuple[float | None, str]:
    """(Σ energy · factor of its day, sources); None when a day with energy has no factor."""
    total, sources = 0.0, dict[str, None]()
    for day, energy_kwh in days_kwh:
        factor = valid_on(factors, day)
        if factor is None:
            if energy_kwh:
                return None, ""
            continue
        total += energy_kwh * factor.value
        sources[factor.source] = None
    return (total, "; ".join(sources)) if sources else (None, "")


def co2_kg(days_kwh: Iterable[tuple[date, float]], factors: Sequence[Factor]) -> tuple[float | None, str]:
    """kg CO2; factors in kg per kWh."""
    return by_factor(days_kwh, factors)


def fuel_t(days_kwh: Iterable[tuple[date, float]], factors: Sequence[Factor]) -> tuple[float | None, str]:
    """t of conventional fuel (t u.t.); factors in t per MWh."""
    found, sources = by_factor(days_kwh, factors)
    return (None if found is None else found / 1000.0), sources
