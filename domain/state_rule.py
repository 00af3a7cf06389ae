"""The rule by which a machine's states are judged, its fingerprint, and the past being judged anew under it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from domain.plant import Machine
from domain.production import ControlSignals
from domain.state import MachineState, StateThresholds

JUDGEMENT_VERSION = 1  # of the code that judges; a change of it that changes states makes every rule a new one


@dataclass(frozen=True, slots=True)
class StateRule:
    """Borders and signals of one machine. `id`: the same for the same content, 12 hexadecimal digits."""

    machine_id: str
    thresholds: StateThresholds | None
    control: ControlSignals | None

    @staticmethod
    def of(machine: Machine) -> StateRule | None:
        """None for a machine whose states nobody judges."""
        control = machine.control if machine.control is not None and machine.control.execution is not None else None
        if machine.states is None and control is None:
            return None
        return StateRule(machine.id, machine.states, control)

    @property
    def control_fields(self) -> Mapping[str, object]:
        """What of the signals decides a state, as plain data; empty without."""
        c = self.control
        if c is None:
            return {}
        fields: dict[str, object] = {
            "execution": c.execution, "running": sorted(c.running), "idle": sorted(c.idle), "alarm": sorted(c.alarm),
            "connected": c.connected,
        }  # fmt: skip
        return fields if c.alarm_active is None else {**fields, "alarm_active": c.alarm_active}

    @property
    def id(self) -> str:
        t = self.thresholds
        borders = None if t is None else [t.idle_above_kw, t.production_above_kw, t.min_dwell_s, t.hysteresis_kw]
        content = json.dumps([JUDGEMENT_VERSION, borders, self.control_fields], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:12]


class RecomputeStatus(Enum):
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Recompute:
    """The past [from_us, to_us) of a machine judged anew under `rule`; up to `done_us` it is done."""

    machine_id: str
    rule: str
    from_us: int
    to_us: int
    done_us: int
    status: RecomputeStatus
    started_us: int
    ended_us: int | None = None

    @property
    def progress(self) -> float:
        """0..1."""
        span = self.to_us - self.from_us
        return 1.0 if span <= 0 else (self.done_us - self.from_us) / span


@dataclass(frozen=True, slots=True)
class HistogramBin:
    """Seconds at P in [from_kw, to_kw)."""

    from_kw: float
    to_kw: float
    seconds: float


@dataclass(frozen=True, slots=True)
class LearnedBorders:
    """What a machine's own power of [from_us, to_us) shows. `thresholds` None where it shows no borders.

    `confidence` 0..1; `reasons`: keys, see analysis.state_learning. `modes`: median levels of the power's modes, kW, with
    their s.
    """

    machine_id: str
    from_us: int
    to_us: int
    bins: Sequence[HistogramBin]
    modes: Sequence[tuple[float, float]]
    thresholds: StateThresholds | None
    confidence: float
    reasons: tuple[str, ...]
    covered_s: float


@dataclass(frozen=True, slots=True)
class StateTotals:
    """s and kWh (integrated power) by state."""

    seconds: Mapping[MachineState, float] = field(default_factory=dict)
    energy_kwh: Mapping[MachineState, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """The past judged by the present borders and by proposed ones, with the same code. `moved_s`: time whose state would change,
    by (state now, state then)."""

    machine_id: str
    from_us: int
    to_us: int
    proposed: StateThresholds
    now: StateTotals
    then: StateTotals
    moved_s: Mapping[tuple[MachineState, MachineState], float]

    @property
    def changed_s(self) -> float:
        return sum(self.moved_s.values())
