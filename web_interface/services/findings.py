"""What the detectors find, and the models that they learn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from domain.access import Actor
from domain.finding import AnomalyModel, AnomalyTraining, Finding, FindingRehearsal


class AnomalyTrainings(Protocol):
    """Models being learned, and the last ones that were."""

    def jobs(self) -> Sequence[AnomalyTraining]:
        """The newest first."""
        ...

    def job(self, job_id: str) -> AnomalyTraining:
        """Raises NotFound."""
        ...

    async def wait(self, job_id: str, seconds: float) -> AnomalyTraining:
        """The job when it is over, or as it is after so long. Raises NotFound."""
        ...


class FindingService(Protocol):
    """Findings of the detectors, and the models and rehearsals behind them."""

    async def findings(
        self, from_us: int, to_us: int, *, machine: str | None = None, rule: str | None = None, limit: int = 1000
    ) -> Sequence[Finding]:
        """Those that overlap the window, newest first. Raises NotFound for an unknown machine ("site": the supply) or rule."""
        ...

    def running(self) -> Sequence[Finding]:
        """What lasts now, the oldest first."""
        ...

    async def models(self, machine: str | None = None) -> Sequence[AnomalyModel]: ...
    async def train(
        self, machine: str, actor: Actor, *, days: int = 14, keep: bool = True
    ) -> tuple[AnomalyModel, FindingRehearsal]:
        """Raises Forbidden (below engineer), NotFound, Conflict when too little is known of the machine."""
        ...

    async def start_training(
        self, machine: str, from_us: int, to_us: int, actor: Actor, *, keep: bool = True
    ) -> AnomalyTraining:
        """Learn from a good period, as a job. Raises Forbidden, NotFound, ConfigError (the period), Conflict (one runs)."""
        ...

    @property
    def trainings(self) -> AnomalyTrainings: ...
    async def cancel_training(self, job_id: str, actor: Actor) -> AnomalyTraining: ...
    async def rehearse(
        self, rule: str, machine: str, *, days: int = 30, parameters: Mapping[str, float] | None = None
    ) -> FindingRehearsal:
        """What the rule would have told of a machine, or of the supply ("site").

        Raises NotFound, Conflict (unknown parameter, value out of bounds, a rule that does not watch that).
        """
        ...

    async def changes(self, machine: str, channel: str, from_us: int, to_us: int) -> Sequence[tuple[int, float, float]]:
        """(time, mean before, mean after) of changes of level in production. Raises NotFound."""
        ...
