"""Energy of any window: accounts, by any dimension, against plans, baselines and other meters."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Protocol

from domain.access import Actor
from domain.balance import BalanceFinding, BalanceReport
from domain.baseline import Baseline, BaselineDefinition, BaselineDraft, PeriodRow, Savings
from domain.cube import CubeAnswer, Dimension
from domain.energy import Efficiency, EnergyAccount, ShiftWindow
from domain.plan import PlanFact, PlanInterval
from domain.state import StateInterval


class EnergyService(Protocol):
    """Energy, states and efficiency for any window."""

    def shifts(self, from_us: int, to_us: int) -> Sequence[ShiftWindow]: ...
    def shift_at(self, time_us: int) -> ShiftWindow | None: ...
    def shifts_of_day(self, day: date) -> Sequence[ShiftWindow]: ...
    async def states(self, machine_id: str, from_us: int, to_us: int) -> Sequence[StateInterval]: ...
    async def account(self, machine_id: str, from_us: int, to_us: int) -> EnergyAccount: ...
    async def efficiency(self, machine_id: str, from_us: int, to_us: int) -> Efficiency: ...
    async def energy(self, by: str, from_us: int, to_us: int) -> Sequence[EnergyAccount]:
        """`by`: shift | day | hour; one account per machine and interval that begins in the window."""
        ...


class CubeService(Protocol):
    """Energy and time by any of shift, state, machine, section, day, hour, crew, break."""

    async def ask(
        self, from_us: int, to_us: int, by: Sequence[Dimension], machines: Sequence[str] = (), sections: Sequence[str] = ()
    ) -> CubeAnswer:
        """Of the elapsed part of the window. Raises NotFound."""
        ...


class PlanFactService(Protocol):
    """Plan against fact."""

    async def facts(self, interval: PlanInterval, from_us: int, to_us: int) -> Sequence[PlanFact]:
        """Every plan in force in each interval that overlaps the window and has begun."""


class BaselineService(Protocol):
    """Energy baselines in versions, and savings against them."""

    async def all(self) -> Sequence[Baseline]: ...
    async def get(self, baseline_id: int) -> Baseline:
        """Raises NotFound."""
        ...

    async def draft(self, definition: BaselineDefinition) -> BaselineDraft:
        """Fitted, not stored. Raises ConfigError that names the field."""
        ...

    async def create(self, definition: BaselineDefinition, actor: Actor) -> Baseline:
        """Raises Forbidden (below engineer), ConfigError, BaselineRefused (no model), Conflict (name taken)."""
        ...

    async def fit_anew(self, baseline_id: int, definition: BaselineDefinition, actor: Actor) -> Baseline:
        """The next version of that name; the stored one stays. Raises as `create`, NotFound."""
        ...

    async def delete(self, baseline_id: int, actor: Actor) -> None: ...
    async def training(self, baseline_id: int) -> Sequence[PeriodRow]: ...
    async def savings(self, baseline_id: int, from_us: int, to_us: int) -> Savings:
        """Raises NotFound, ConfigError (a source is gone)."""
        ...


class BalanceService(Protocol):
    """Meters against each other."""

    async def report(self, from_us: int, to_us: int) -> BalanceReport:
        """As the samples stand now. Raises ConfigError when the window is too long."""
        ...

    async def findings(self, from_us: int, to_us: int) -> Sequence[BalanceFinding]:
        """What the daily runs found, newest first."""
