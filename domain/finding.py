"""Findings: stretches in which a machine or the supply behaved inefficiently or unusually, with the evidence for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from domain.alert import Priority


class Severity(Enum):
    """How much it matters; a lasting finding becomes an alert of that priority."""

    LOW = "low"
    MEDIUM = "medium"

    @property
    def priority(self) -> Priority:
        return Priority.MEDIUM if self is Severity.MEDIUM else Priority.LOW


@dataclass(frozen=True, slots=True)
class Evidence:
    """One measured fact of a finding: `name` is a key of the catalogues; `limit` what it was compared with, in the same unit."""

    name: str
    value: float
    unit: str
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class Contribution:
    """How much one tag ("power", "current_l1" ...) has to do with an anomaly: shares of a finding add up to 1."""

    tag: str
    share: float


@dataclass(frozen=True, slots=True)
class WasteSpan:
    """`energy_kwh` of a finding's waste fell evenly on [from_us, to_us), UTC microseconds: mostly within one quarter hour."""

    from_us: int
    to_us: int
    energy_kwh: float


@dataclass(frozen=True, slots=True)
class Finding:
    """Identity is (rule, subject, from_us); `to_us` None while it lasts.

    `subject` is a machine id, or "site" for the supply as a whole. `version` is that of the rule. `waste_kwh` and `waste_cost`
    are what the condition itself cost, None where that cannot be told; energies come from integrated power.
    `waste_spans` tell when it was wasted, for pricing; they are not stored.
    """

    rule: str
    version: int
    subject: str
    from_us: int
    to_us: int | None
    severity: Severity
    evidence: tuple[Evidence, ...] = ()
    waste_kwh: float | None = None
    waste_cost: float | None = None
    contributions: tuple[Contribution, ...] = ()
    detail: str = ""  # name of the program, or the model's version
    waste_spans: tuple[WasteSpan, ...] = field(default=(), compare=False, repr=False)

    @property
    def key(self) -> str:
        """One condition of one subject."""
        return f"{self.rule}:{self.subject}"


@dataclass(frozen=True, slots=True)
class AnomalyModel:
    """A fitted multivariate model of a machine in one kind of state. Plain numbers only: nothing executable is stored.

    `numbers` are the frozen parameters of analysis.anomaly.Scorer; `rows` minutes of [from_us, to_us) trained it.
    """

    machine_id: str
    version: int
    trained_us: int
    from_us: int
    to_us: int
    rows: int
    trained_by: str
    numbers: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class FindingRehearsal:
    """What a detector would have told over [from_us, to_us): from the same code that runs live.

    `minutes`: total length of the findings. `busiest_day_us`: begin (UTC) of the day with the most, None without findings.
    `examples`: the longest ones. `known_minutes`: minutes of the window that could be judged.
    """

    rule: str
    machine_id: str
    from_us: int
    to_us: int
    count: int
    minutes: float
    waste_kwh: float | None
    busiest_day_us: int | None
    busiest_day_count: int
    known_minutes: int
    examples: tuple[Finding, ...] = ()


class TrainingState(Enum):
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


class TrainingStage(Enum):
    """What a training is at: reading the good period, fitting in the worker process, trying the model on the last days."""

    READING = "reading"
    LEARNING = "learning"
    TRYING = "trying"


@dataclass(frozen=True, slots=True)
class AnomalyTraining:
    """A model being learned from the minutes of [from_us, to_us). `progress` 0..1; `error` when failed, a service's sentence.

    `keep`: it is stored and used once it is made. `model` and `rehearsal` when done.
    """

    id: str
    machine_id: str
    from_us: int
    to_us: int
    keep: bool
    state: TrainingState = TrainingState.RUNNING
    stage: TrainingStage = TrainingStage.READING
    progress: float = 0.0
    model: AnomalyModel | None = None
    rehearsal: FindingRehearsal | None = None
    error: str = ""


class FindingStore(Protocol):
    """What the detectors keep."""

    async def save_findings(self, findings: Sequence[Finding]) -> None:
        """Insert or update; identity is (rule, subject, from_us)."""
        ...

    async def findings(
        self, from_us: int, to_us: int, *, subject: str | None = None, rule: str | None = None, limit: int = 1000
    ) -> Sequence[Finding]:
        """Those that overlap the window, newest first."""
        ...

    async def save_memory(self, memory: Mapping[str, str]) -> None:
        """State of the detectors as JSON by detector key."""
        ...

    async def memory(self) -> Mapping[str, str]: ...
    async def save_model(self, model: AnomalyModel) -> None:
        """A new version; older ones stay readable."""
        ...

    async def models(self, machine_id: str | None = None) -> Sequence[AnomalyModel]:
        """All versions, newest first."""
        ...
