"""What a machine is like: how much it draws in which state, how its cycles look, when it works.

Derived from the machine of the plant file (name, rated power, thresholds), so that any plant can be simulated, not only the demo.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from domain.plant import Machine

Range = tuple[float, float]
_ALL_PARTS = frozenset({"day", "evening", "night"})


@dataclass(frozen=True, slots=True)
class Habit:
    """How machines of one kind behave. Times in s, powers as shares.

    `shape`: (place in the part cycle 0..1, level 0..1 between dip and peak); `peak`: share of the rated power.
    `works`: in which parts of the day. `overload`: one phase takes far more now and then. `long_stop`: chance of a
    long switch-off in place of a pause. `always_on`: no schedule at all.
    """

    kind: str
    words: tuple[str, ...]  # found in the machine's name
    shape: tuple[tuple[float, float], ...]
    peak: float
    cycle_s: float
    block_s: Range
    pause_s: Range
    warm_up_s: Range
    cos_idle: float
    cos_load: float
    noise: float
    works: frozenset[str] = _ALL_PARTS
    lunch: bool = True
    overload: bool = False
    long_stop: float = 0.03
    parts: bool = True
    always_on: bool = False


HABITS = (
    Habit(
        "furnace", ("печь", "furnace", "oven", "сно", "kiln"), ((0, 1), (0.7, 1), (0.72, 0.6), (0.8, 0.6), (0.82, 1), (1, 1)),
        peak=0.94, cycle_s=1500, block_s=(2700, 5400), pause_s=(480, 1200), warm_up_s=(120, 300), cos_idle=0.97, cos_load=0.995,
        noise=0.004, lunch=False, overload=True, long_stop=0.0, parts=False,
    ),
    Habit(
        "compressor", ("компрессор", "compressor"), ((0, 0.7), (0.85, 1), (0.92, 0.6), (1, 0.7)),
        peak=0.9, cycle_s=210, block_s=(540, 1200), pause_s=(240, 540), warm_up_s=(60, 120), cos_idle=0.42, cos_load=0.88,
        noise=0.012, lunch=False, long_stop=0.0, parts=False,
    ),
    Habit(
        "cnc", ("ф2", "ф3", "ф4", "гф", "dmg", "dmu", "haas", "ctx", "mazak", "okuma", "hurco", "чпу", "cnc"),
        (
            (0, 0), (0.06, 0.15), (0.08, 0.95), (0.42, 1), (0.46, 0.1), (0.5, 0.75), (0.8, 0.85), (0.83, 0.1), (0.86, 0.6),
            (1, 0.5),
        ),
        peak=0.74, cycle_s=540, block_s=(1200, 3600), pause_s=(300, 1080), warm_up_s=(420, 900), cos_idle=0.62, cos_load=0.955,
        noise=0.018,
    ),
    Habit(
        "manual", (),
        (
            (0, 0.1), (0.1, 0.1), (0.13, 1), (0.38, 0.9), (0.4, 0.35), (0.45, 0.85), (0.7, 0.75), (0.75, 0.3), (0.8, 0.6),
            (1, 0.5),
        ),
        peak=0.76, cycle_s=330, block_s=(700, 2000), pause_s=(300, 1020), warm_up_s=(180, 420), cos_idle=0.38, cos_load=0.84,
        noise=0.025, works=frozenset({"day", "evening"}), long_stop=0.06,
    ),
)  # fmt: skip
BUILDING = Habit(
    "building", (), ((0, 0.2), (0.28, 0.2), (0.3, 1), (0.62, 0.9), (0.95, 0.5), (1, 0.2)), peak=1.0, cycle_s=86_400,
    block_s=(0, 0), pause_s=(0, 0), warm_up_s=(0, 0), cos_idle=0.9, cos_load=0.93, noise=0.01, parts=False, always_on=True,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Character:
    """One machine: its habit, its powers in kW, its cycle in s, the shares of P and Q on L1, L2, L3 (each sums to 1)."""

    habit: Habit
    off_kw: float
    idle_kw: float
    dip_kw: float
    peak_kw: float
    idle_band: Range  # P stays within while idle
    production_band: Range  # P stays within while producing
    cycle_s: float
    shares_p: tuple[float, float, float]
    shares_q: tuple[float, float, float]
    base_kwh: float  # what the meter showed on the first day
    key: int  # of the machine's own random numbers


def character_of(machine: Machine, seed: int) -> Character:
    """Character of a machine of the plant; always the same for the same (machine, seed)."""
    name = machine.name.casefold()
    habit = next((h for h in HABITS if any(word in name for word in h.words)), HABITS[-1])
    idle_above, production_above, rated = _levels(machine)
    rng, key = _random(machine.id, seed)
    idle = idle_above + float(rng.uniform(0.52, 0.64)) * (production_above - idle_above)
    return Character(
        habit, off_kw=min(0.03, 0.15 * idle_above) * float(rng.uniform(0.3, 1.0)), idle_kw=idle, dip_kw=1.2 * production_above,
        peak_kw=max(habit.peak * rated, 1.4 * production_above),
        idle_band=(1.25 * idle_above, idle_above + 0.85 * (production_above - idle_above)),
        production_band=(1.12 * production_above, max(1.5 * production_above, 1.05 * rated)),
        cycle_s=habit.cycle_s * float(rng.uniform(0.8, 1.25)), shares_p=_shares(rng), shares_q=_shares(rng),
        base_kwh=float(rng.uniform(400, 900)) * max(rated, 1.0), key=key,
    )  # fmt: skip


def building(device_id: str, mean_kw: float, seed: int) -> Character:
    """Lighting, offices, fans: a load without states, about `mean_kw`. For what no machine explains."""
    rng, key = _random(device_id, seed)
    low, high = 0.6 * mean_kw, 1.35 * mean_kw
    return Character(
        BUILDING, off_kw=0.0, idle_kw=low, dip_kw=low, peak_kw=high, idle_band=(0.0, high),
        production_band=(0.3 * mean_kw, 2 * mean_kw),
        cycle_s=BUILDING.cycle_s, shares_p=_shares(rng), shares_q=_shares(rng), base_kwh=1500.0 * mean_kw, key=key,
    )  # fmt: skip


def _random(name: str, seed: int) -> tuple[np.random.Generator, int]:
    key = zlib.crc32(name.encode())
    return np.random.default_rng([seed, key]), key


def _shares(rng: np.random.Generator) -> tuple[float, float, float]:
    """A slight imbalance: three shares that sum to exactly 1 within rounding."""
    drift = rng.normal(0.0, 0.004, 3)
    first, second = (float(1 / 3 + d) for d in (drift - drift.mean())[:2])
    return first, second, 1.0 - first - second


def _levels(machine: Machine) -> tuple[float, float, float]:
    """(idle_above, production_above, rated) in kW, guessed from one another where the plant file gives none."""
    states, rated = machine.states, machine.rated_kw
    if rated is None:
        rated = 3.2 * states.production_above_kw if states is not None else 10.0
    if states is None:
        return 0.03 * rated, 0.3 * rated, rated
    return states.idle_above_kw, states.production_above_kw, rated
