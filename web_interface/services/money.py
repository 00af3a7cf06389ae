"""What energy costs, and what idling costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from domain.access import Actor
from domain.figures import (
    Cost,
    CostHour,
    Demand,
    IdleLedger,
    LeftOn,
    LoadCurve,
    PowerFactor,
    RunningDemand,
    StandbyAdvice,
    TariffTrial,
)
from domain.idle import IdleNote
from domain.tariff import PricePreview, Tariff


class MoneyService(Protocol):
    """Energy figures and money. `subject`: a machine id, "section:<name>" or "site"; raises NotFound for others."""

    async def cost(self, subject: str, from_us: int, to_us: int) -> Cost: ...
    async def costs(self, by: str, from_us: int, to_us: int) -> Sequence[Cost]:
        """`by` machine | section | site, the dearest first."""
        ...

    async def cost_hours(self, subject: str, from_us: int, to_us: int) -> Sequence[CostHour]: ...
    async def demand(self, from_us: int, to_us: int) -> Demand: ...
    def running_demand(self) -> RunningDemand | None: ...
    async def power_factor(self, subject: str, from_us: int, to_us: int) -> PowerFactor: ...
    async def load_curves(self, by: str, from_us: int, to_us: int) -> Sequence[LoadCurve]: ...
    async def idle_ledger(self, from_us: int, to_us: int) -> IdleLedger: ...
    async def left_on(self) -> Sequence[LeftOn]:
        """Machines that idle outside their shifts now, the most expensive first."""
        ...

    async def add_idle_note(self, machine_id: str, from_us: int, to_us: int, text: str, actor: Actor) -> IdleNote:
        """Why it idled. Raises NotFound, ConfigError, Forbidden (below operator)."""
        ...

    async def standby(self) -> Sequence[StandbyAdvice]: ...
    async def standby_of(self, machine_id: str) -> StandbyAdvice: ...
    async def price_tables(self) -> Sequence[tuple[str, int, int, int]]:
        """(name, first hour, last hour, count) of each table of hourly prices."""
        ...

    async def try_tariff(self, tariff: Tariff) -> TariffTrial:
        """What the site's energy of this month so far costs by that tariff, as if it held all the month. Nothing is stored."""
        ...

    async def import_prices(
        self, table: str, name: str, content: bytes, unit: str, actor: Actor, *, keep: bool
    ) -> PricePreview:
        """Look into a file of hourly prices (`unit` kWh | MWh); kept with `keep` when nothing is wrong.

        Raises ConfigError, Forbidden (below engineer).
        """
        ...
