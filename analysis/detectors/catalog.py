"""Which detectors watch a machine, by its parameters; and which watch the supply of the site."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from analysis.detectors.drift import SpecificEnergy
from analysis.detectors.episode import Detector
from analysis.detectors.supply import (
    CurrentImbalance,
    FrequencyRange,
    FrequencyWeek,
    LowCosPhi,
    VoltageImbalance,
    VoltageRange,
    VoltageWeek,
)
from analysis.detectors.use import DryRun, LongIdle, OffShift, ProgramPower
from domain.detector import DetectorSettings

SITE = "site"
_SIMPLE: Mapping[str, Callable[[str, Mapping[str, float]], Detector]] = {
    "long_idle": LongIdle,
    "program_power": ProgramPower,
    "dry_run": DryRun,
    "specific_energy": SpecificEnergy,
    "current_imbalance": CurrentImbalance,
    "low_cos_phi": LowCosPhi,
    "voltage_imbalance": VoltageImbalance,
    "voltage_range": VoltageRange,
    "voltage_week": VoltageWeek,
    "frequency_range": FrequencyRange,
    "frequency_week": FrequencyWeek,
}
MACHINE_RULES = (
    "long_idle", "off_shift", "program_power", "dry_run", "specific_energy", "current_imbalance", "low_cos_phi",
)  # fmt: skip
SUPPLY_RULES = ("voltage_imbalance", "voltage_range", "voltage_week", "frequency_range", "frequency_week")


def machine_detectors(machine_id: str, settings: DetectorSettings, idle_above_kw: float | None) -> list[Detector]:
    """Those about the use of a machine, as far as they are switched on."""
    found: list[Detector] = []
    for rule in MACHINE_RULES:
        parameters = settings.of(rule, machine_id)
        if parameters is None:
            continue
        if rule == "off_shift":
            found.append(OffShift(machine_id, parameters, idle_above_kw))
        else:
            found.append(_SIMPLE[rule](machine_id, parameters))
    return found


def supply_detectors(settings: DetectorSettings) -> list[Detector]:
    """Those about the supply, fed from one meter of the site."""
    found: list[Detector] = []
    for rule in SUPPLY_RULES:
        parameters = settings.of(rule)
        if parameters is not None:
            found.append(_SIMPLE[rule](SITE, parameters))
    return found
