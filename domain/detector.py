"""The detectors and their parameters: names, defaults, bounds and units. Source of defaults: docs/analysis.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number that may be set in [low, high]; `unit` "" for shares and counts."""

    default: float
    low: float
    high: float
    unit: str = ""


def _minutes(default: float, low: float = 1) -> Parameter:
    return Parameter(default, low, 10_080, "min")


_MEDIUM = Parameter(5.0, 0, 1e6, "kWh")  # from this waste on a finding is of medium severity

RULES: Mapping[str, Mapping[str, Parameter]] = {
    "long_idle": {"min_minutes": _minutes(30), "medium_kwh": _MEDIUM},
    "off_shift": {"min_minutes": _minutes(15), "above_kw": Parameter(0, 0, 1e5, "kW"), "medium_kwh": _MEDIUM},
    "program_power": {
        "quantile": Parameter(0.95, 0.5, 0.999),
        "margin": Parameter(0.15, 0, 5),
        "learn_minutes": Parameter(600, 30, 100_000, "min"),
        "min_minutes": _minutes(15),
        "medium_kwh": _MEDIUM,
    },
    "dry_run": {
        "no_load_kw": Parameter(0, 0, 1e5, "kW"),
        "margin": Parameter(0.1, 0, 1),
        "learn_minutes": Parameter(600, 30, 100_000, "min"),
        "min_minutes": _minutes(10),
        "medium_kwh": _MEDIUM,
    },
    "specific_energy": {
        "block_minutes": Parameter(60, 10, 1440, "min"),
        "learn_blocks": Parameter(40, 10, 1000),
        "k_sigma": Parameter(0.5, 0.1, 3),
        "h_sigma": Parameter(5, 2, 20),
        "medium_kwh": _MEDIUM,
    },
    "voltage_imbalance": {"limit_percent": Parameter(2, 0.5, 20, "%"), "min_minutes": _minutes(20, 10)},
    "current_imbalance": {
        "limit_percent": Parameter(25, 5, 200, "%"),
        "min_current_a": Parameter(5, 0.1, 10_000, "A"),
        "min_minutes": _minutes(20),
    },
    "voltage_range": {
        "nominal_v": Parameter(230, 10, 1e6, "V"),
        "tolerance_percent": Parameter(10, 1, 30, "%"),
        "min_minutes": _minutes(10, 10),
    },
    "voltage_week": {
        "nominal_v": Parameter(230, 10, 1e6, "V"),
        "tolerance_percent": Parameter(10, 1, 30, "%"),
        "share_percent": Parameter(5, 0.1, 50, "%"),
    },
    "frequency_range": {
        "nominal_hz": Parameter(50, 10, 400, "Hz"),
        "tolerance_hz": Parameter(0.4, 0.05, 10, "Hz"),
        "min_minutes": _minutes(1),
    },
    "frequency_week": {
        "nominal_hz": Parameter(50, 10, 400, "Hz"),
        "tolerance_hz": Parameter(0.2, 0.01, 10, "Hz"),
        "share_percent": Parameter(5, 0.1, 50, "%"),
    },
    "low_cos_phi": {
        "limit": Parameter(0.7, 0.1, 1),
        "target": Parameter(0.944, 0.5, 1),
        "min_kw": Parameter(1, 0, 1e5, "kW"),
        "min_minutes": _minutes(30),
    },
    "anomaly": {"alpha": Parameter(0.001, 1e-5, 0.1), "min_minutes": _minutes(10)},
}
"""Rule -> its parameters. Every rule may also be switched off ("enabled: false")."""

SITE_RULES = frozenset({"voltage_imbalance", "voltage_range", "voltage_week", "frequency_range", "frequency_week"})
"""Rules about the supply of the site: a single machine has no say in them."""
ENABLED = "enabled"


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """What the plant file says differently: rule -> parameter -> value, for all machines and for single ones.

    `enabled` is 1 or 0 there. A machine's value wins over the site's.
    """

    site: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    machines: Mapping[str, Mapping[str, Mapping[str, float]]] = field(default_factory=dict)

    def of(self, rule: str, machine_id: str | None = None) -> dict[str, float] | None:
        """All parameters of the rule; None when it is switched off. Raises KeyError for an unknown rule."""
        values = {name: parameter.default for name, parameter in RULES[rule].items()}
        values |= self.site.get(rule, {})
        if machine_id is not None:
            values |= self.machines.get(machine_id, {}).get(rule, {})
        return values if values.pop(ENABLED, 1.0) else None
