"""Figures of production: energy per part and program, times and their ratios after ISO 22400-2."""

from __future__ import annotations

from dataclasses import dataclass

KPIS = ("availability", "utilisation", "allocation", "effectiveness", "quality", "oee")


@dataclass(frozen=True, slots=True)
class TimeElements:
    """Sums over machines and intervals; a sum stays a sum, so figures of groups are quotients of sums.

    `pri_pq_s`: Σ PRI · PQ. None: unknown. `parts_share`, `completeness`: 0..1.
    """

    apt_s: float | None
    aubt_s: float | None
    pbt_s: float | None
    idle_s: float = 0.0
    pri_pq_s: float | None = None
    produced: int | None = None
    good: float | None = None
    completeness: float = 1.0


@dataclass(frozen=True, slots=True)
class TimeKpis:
    """Ratios 0..1 (effectiveness may pass 1 where the ideal time is set too long); None: an element is unknown or 0."""

    availability: float | None  # APT / PBT
    utilisation: float | None  # APT / AUBT
    allocation: float | None  # AUBT / PBT
    effectiveness: float | None  # PRI · PQ / APT
    quality: float | None  # GQ / PQ
    oee: float | None  # availability · effectiveness · quality
    time_share: float | None  # k_t = t_prod / t_plan
    idle_time_share: float | None  # t_idle / (t_prod + t_idle)


@dataclass(frozen=True, slots=True)
class GroupKpis:
    """Machines of a group in one window. `reasons`: (machine, key) of what a machine cannot tell."""

    group: str
    from_us: int
    to_us: int
    elements: TimeElements
    kpis: TimeKpis
    members: tuple[str, ...]
    reasons: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class SpecificEnergy:
    """Energy per part of a machine in a window, or of one program in it. kWh and s; `parts` None: none are counted.

    `program` None with `by` "program": the time in which the program is not known. `norm_kwh_per_part` from the settings.
    """

    machine_id: str
    from_us: int
    to_us: int
    program: str | None
    seconds: float
    energy_kwh: float | None
    estimated_kwh: float
    parts: int | None
    kwh_per_part: float | None
    completeness: float
    norm_kwh_per_part: float | None = None
    stretches: int = 1
