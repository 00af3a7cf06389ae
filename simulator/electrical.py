"""From the power of three phases to everything a meter shows. Pure; canonical units, standard tag names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.day_profile import Mode
from simulator.grid import Floats, Grid, Times, noise, wave

_FEED_V_PER_KW = 0.13  # 0.03 Ω of cable at 230 V
_ROTATION = np.exp(-2j * np.pi / 3 * np.arange(3))[:, None]


@dataclass(frozen=True, slots=True, eq=False)
class Load:
    """What is metered, at n instants. `power`: kW and kvar, (6, n): P1 P2 P3 Q1 Q2 Q3; `energy`: their counters, kWh and kvarh.

    `night_kwh`: part of the active energy that fell into the night tariff. `parts`: finished parts. `mode`: see Mode.
    """

    power: Floats
    energy: Floats
    night_kwh: Floats
    parts: Floats
    mode: NDArray[np.int64]


def total_of(loads: Sequence[Load]) -> Load:
    """The sum of several loads at the same instants; what is fed is always producing."""
    first = loads[0]
    return Load(
        np.sum([x.power for x in loads], axis=0), np.sum([x.energy for x in loads], axis=0),
        np.sum([x.night_kwh for x in loads], axis=0), np.sum([x.parts for x in loads], axis=0),
        np.full(first.mode.shape, int(Mode.PRODUCTION), dtype=np.int64),
    )  # fmt: skip


def measure(load: Load, grid: Grid, times_us: Times, peak_kw: float, seed: int) -> Mapping[str, Floats]:
    """All values of a meter. `peak_kw` scales what only depends on how busy the machine is (spindle, temperature, THD of I)."""
    p, q = load.power[:3], load.power[3:]
    s = np.hypot(p, q)
    u = grid.voltages(times_us) - _FEED_V_PER_KW * p * (grid.nominal_v / 230.0)
    i = 1e3 * s / u
    values: dict[str, Floats] = {}
    total_p, total_q = p.sum(axis=0), q.sum(axis=0)
    total_s = np.hypot(total_p, total_q)
    for name, rows, total in (
        ("active_power", p, total_p), ("reactive_power", q, total_q), ("apparent_power", s, total_s),
        ("power_factor", _ratio(p, s), _ratio(total_p, total_s)), ("voltage", u, u.mean(axis=0)), ("current", i, i.mean(axis=0)),
        ("phase_angle", np.degrees(np.arctan2(q, p)), np.degrees(np.arctan2(total_q, total_p))),
    ):  # fmt: skip
        _phases(values, name, rows, total)
    for name, a, b in (("voltage_l12", 0, 1), ("voltage_l23", 1, 2), ("voltage_l31", 2, 0)):
        values[name] = np.sqrt(u[a] ** 2 + u[b] ** 2 + u[a] * u[b])  # 120° apart
    for number, (name, degrees) in enumerate((("l12", 120.0), ("l13", 240.0), ("l23", 120.0))):
        values[f"voltage_angle_{name}"] = degrees + 0.2 * wave(times_us, 571.0 + 60.0 * number, number)
    values["current_n"] = np.abs((1e3 * (p - 1j * q) / u * _ROTATION).sum(axis=0))
    values["frequency"] = grid.frequency(times_us)
    _energies(values, load)
    _machine(values, load, total_p / peak_kw, times_us, seed)
    return values


def _ratio(p: Floats, s: Floats) -> Floats:
    """P/S; 1 where nothing flows."""
    return np.divide(p, s, out=np.ones_like(p), where=s > 0)


def _phases(values: dict[str, Floats], name: str, rows: Floats, total: Floats) -> None:
    values[name] = total
    for phase, row in enumerate(rows, 1):
        values[f"{name}_l{phase}"] = row


def _energies(values: dict[str, Floats], load: Load) -> None:
    active, reactive = load.energy[:3], load.energy[3:]
    _phases(values, "energy_import", active, active.sum(axis=0))
    _phases(values, "reactive_energy_import", reactive, reactive.sum(axis=0))
    zero = np.zeros_like(load.night_kwh)
    _phases(values, "energy_export", np.zeros_like(active), zero)
    _phases(values, "reactive_energy_export", np.zeros_like(active), zero)
    values["apparent_energy_import"] = np.hypot(values["energy_import"], values["reactive_energy_import"])
    values["apparent_energy_export"] = zero
    values["energy_import_t1"], values["energy_import_t2"] = values["energy_import"] - load.night_kwh, load.night_kwh
    share = _ratio(load.night_kwh, values["energy_import"])
    values["reactive_energy_import_t2"] = values["reactive_energy_import"] * share
    values["reactive_energy_import_t1"] = values["reactive_energy_import"] - values["reactive_energy_import_t2"]
    for tariff in (3, 4):
        values[f"energy_import_t{tariff}"] = values[f"reactive_energy_import_t{tariff}"] = zero


def _machine(values: dict[str, Floats], load: Load, busy: Floats, times_us: Times, seed: int) -> None:
    """What a control shows beside the meter, following the same load."""
    producing = load.mode == int(Mode.PRODUCTION)
    busy = np.clip(busy, 0.0, 1.2)
    values["mode"] = values["execution_state"] = load.mode.astype(np.float64)
    values["part_count"] = load.parts
    values["spindle_load"] = np.where(producing, 100.0 * busy, 0.0)
    values["spindle_speed"] = np.where(producing, np.rint(600.0 + 2400.0 * busy + 15.0 * noise(times_us, seed)), 0.0)
    values["feed_rate"] = np.where(producing, np.rint(80.0 + 420.0 * busy), 0.0)
    values["temperature"] = 24.0 + 38.0 * busy + 1.5 * wave(times_us, 3011.0, seed % 6)
    thd_u = 1.9 + 0.3 * wave(times_us, 907.0, 0.4)
    _phases(values, "thd_voltage", np.array([thd_u, thd_u + 0.1, thd_u - 0.1]), thd_u)
    thd_i = 6.0 + 18.0 * (1.0 - np.minimum(busy, 1.0)) + 0.5 * noise(times_us, seed + 1)
    _phases(values, "thd_current", np.array([thd_i, thd_i + 0.6, thd_i - 0.4]), thd_i)
