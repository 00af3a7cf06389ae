"""Physical quantities, their canonical units and the conversion from the unit on the wire.

Canonical units: kW, kvar, kVA, V, A, Hz, kWh, kvarh, °C, 1 (power factor, ratios); see docs/devices.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """How values of a quantity are summarised: a gauge is averaged over time, a counter is differenced, a state is held."""

    GAUGE = "gauge"
    COUNTER = "counter"
    STATE = "state"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class UnitScale:
    """canonical = wire * factor."""

    factor: float


class Quantity(Enum):
    """(symbol, canonical unit, kind). The value is the name used in profiles, plant files and the API."""

    ACTIVE_POWER = "active_power"
    REACTIVE_POWER = "reactive_power"
    APPARENT_POWER = "apparent_power"
    VOLTAGE = "voltage"
    CURRENT = "current"
    FREQUENCY = "frequency"
    POWER_FACTOR = "power_factor"
    PHASE_ANGLE = "phase_angle"
    THD = "thd"
    ENERGY_IMPORT = "energy_import"
    ENERGY_EXPORT = "energy_export"
    REACTIVE_ENERGY_IMPORT = "reactive_energy_import"
    REACTIVE_ENERGY_EXPORT = "reactive_energy_export"
    TEMPERATURE = "temperature"
    COUNT = "count"
    STATE = "state"
    SPEED = "speed"
    FEED_RATE = "feed_rate"
    LOAD = "load"
    DURATION = "duration"
    PRESSURE = "pressure"
    FLOW = "flow"
    RATIO = "ratio"
    TEXT = "text"
    OTHER = "other"

    @property
    def symbol(self) -> str:
        """The letter an electrical engineer writes, e.g. P, Q, U."""
        return _FACTS[self][0]

    @property
    def unit(self) -> str:
        """The canonical unit, e.g. "kW"; "1" for a bare ratio, "" for text and other."""
        return _FACTS[self][1]

    @property
    def kind(self) -> Kind:
        return _FACTS[self][2]


_G, _C = Kind.GAUGE, Kind.COUNTER
_FACTS: dict[Quantity, tuple[str, str, Kind]] = {
    Quantity.ACTIVE_POWER: ("P", "kW", _G),
    Quantity.REACTIVE_POWER: ("Q", "kvar", _G),
    Quantity.APPARENT_POWER: ("S", "kVA", _G),
    Quantity.VOLTAGE: ("U", "V", _G),
    Quantity.CURRENT: ("I", "A", _G),
    Quantity.FREQUENCY: ("f", "Hz", _G),
    Quantity.POWER_FACTOR: ("PF", "1", _G),
    Quantity.PHASE_ANGLE: ("φ", "°", _G),
    Quantity.THD: ("THD", "%", _G),
    Quantity.ENERGY_IMPORT: ("E_import", "kWh", _C),
    Quantity.ENERGY_EXPORT: ("E_export", "kWh", _C),
    Quantity.REACTIVE_ENERGY_IMPORT: ("Eq_import", "kvarh", _C),
    Quantity.REACTIVE_ENERGY_EXPORT: ("Eq_export", "kvarh", _C),
    Quantity.TEMPERATURE: ("T", "°C", _G),
    Quantity.COUNT: ("N", "1", _C),
    Quantity.STATE: ("state", "1", Kind.STATE),
    Quantity.SPEED: ("n", "1/min", _G),
    Quantity.FEED_RATE: ("vf", "mm/min", _G),
    Quantity.LOAD: ("load", "%", _G),
    Quantity.DURATION: ("t", "s", _G),
    Quantity.PRESSURE: ("p", "bar", _G),
    Quantity.FLOW: ("q", "m³/h", _G),
    Quantity.RATIO: ("k", "1", _G),
    Quantity.TEXT: ("text", "", Kind.TEXT),
    Quantity.OTHER: ("x", "", _G),
}

_ENERGY = {"Wh": 1e-3, "kWh": 1.0, "MWh": 1e3}
_REACTIVE_ENERGY = {"varh": 1e-3, "kvarh": 1.0, "Mvarh": 1e3}
_TO_CANONICAL: dict[Quantity, dict[str, float]] = {
    Quantity.ACTIVE_POWER: {"W": 1e-3, "kW": 1.0, "MW": 1e3},
    Quantity.REACTIVE_POWER: {"var": 1e-3, "kvar": 1.0, "Mvar": 1e3},
    Quantity.APPARENT_POWER: {"VA": 1e-3, "kVA": 1.0, "MVA": 1e3},
    Quantity.VOLTAGE: {"mV": 1e-3, "V": 1.0, "kV": 1e3},
    Quantity.CURRENT: {"mA": 1e-3, "A": 1.0, "kA": 1e3},
    Quantity.FREQUENCY: {"mHz": 1e-3, "Hz": 1.0},
    Quantity.POWER_FACTOR: {"1": 1.0, "%": 1e-2},
    Quantity.PHASE_ANGLE: {"°": 1.0},
    Quantity.THD: {"%": 1.0, "1": 1e2},
    Quantity.ENERGY_IMPORT: _ENERGY,
    Quantity.ENERGY_EXPORT: _ENERGY,
    Quantity.REACTIVE_ENERGY_IMPORT: _REACTIVE_ENERGY,
    Quantity.REACTIVE_ENERGY_EXPORT: _REACTIVE_ENERGY,
    Quantity.TEMPERATURE: {"°C": 1.0},
    Quantity.COUNT: {"1": 1.0},
    Quantity.STATE: {"1": 1.0},
    Quantity.SPEED: {"1/min": 1.0, "1/s": 60.0},
    Quantity.FEED_RATE: {"mm/min": 1.0, "m/min": 1e3, "mm/s": 60.0},
    Quantity.LOAD: {"%": 1.0, "1": 1e2},
    Quantity.DURATION: {"s": 1.0, "ms": 1e-3, "min": 60.0, "h": 3600.0},
    Quantity.PRESSURE: {"bar": 1.0, "kPa": 1e-2, "MPa": 10.0, "Pa": 1e-5},
    Quantity.FLOW: {"m³/h": 1.0, "l/min": 0.06},
    Quantity.RATIO: {"1": 1.0, "%": 1e-2},
}


def units_of(quantity: Quantity) -> tuple[str, ...]:
    """The units a profile may name for `quantity`; empty for text and other, which take any."""
    return tuple(_TO_CANONICAL.get(quantity, {}))


def canonical_factor(quantity: Quantity, unit: str) -> float:
    """Factor from `unit` on the wire to the canonical unit. Raises ValueError if `unit` does not measure `quantity`."""
    table = _TO_CANONICAL.get(quantity)
    if table is None:
        return 1.0
    if unit not in table:
        raise ValueError(f"unit {unit!r} does not measure {quantity.value}; expected one of {', '.join(table)}")
    return table[unit]


def canonical_unit(quantity: Quantity, wire_unit: str) -> str:
    """The unit values come out in: the quantity's own, or the wire's for `other`."""
    return wire_unit if quantity is Quantity.OTHER else quantity.unit
