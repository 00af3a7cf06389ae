"""Energy figures and money, put together: the service behind /energy and its routes, and the tasks that keep it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from analysis.accounting import EnergyAccounting
from analysis.alerts import AlertEngine
from analysis.demand_watch import DemandWatch
from analysis.energy_figures import EnergyFigures
from analysis.engine import AnalysisEngine
from analysis.idle_ledger import IdleAccounts
from analysis.money_explain import FAMILIES, MoneyExplains
from analysis.prices import Prices
from analysis.standby_adviser import StandbyAdviser
from application.price_file import read_prices, span_words
from database import Database
from domain.access import Actor, Role
from domain.errors import Forbidden
from domain.explain import Explainer
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
from domain.plant import Plant, Tag
from domain.ports import Clock, History
from domain.tariff import PricePreview, Tariff


@dataclass(frozen=True, slots=True)
class Money:
    """Implements web_interface.services.MoneyService: each question goes to the part that answers it."""

    energy: EnergyFigures
    idle: IdleAccounts
    adviser: StandbyAdviser
    watch: DemandWatch
    database: Database
    plant: Callable[[], Plant]
    clock: Clock

    async def cost(self, subject: str, from_us: int, to_us: int) -> Cost:
        return await self.energy.cost(subject, from_us, to_us)

    async def costs(self, by: str, from_us: int, to_us: int) -> Sequence[Cost]:
        return await self.energy.costs(by, from_us, to_us)

    async def cost_hours(self, subject: str, from_us: int, to_us: int) -> Sequence[CostHour]:
        return await self.energy.cost_hours(subject, from_us, to_us)

    async def demand(self, from_us: int, to_us: int) -> Demand:
        return await self.energy.demand(from_us, to_us)

    def running_demand(self) -> RunningDemand | None:
        return self.watch.latest

    async def power_factor(self, subject: str, from_us: int, to_us: int) -> PowerFactor:
        return await self.energy.power_factor(subject, from_us, to_us)

    async def load_curves(self, by: str, from_us: int, to_us: int) -> Sequence[LoadCurve]:
        return await self.energy.load_curves(by, from_us, to_us)

    async def idle_ledger(self, from_us: int, to_us: int) -> IdleLedger:
        return await self.idle.ledger(from_us, to_us)

    async def left_on(self) -> Sequence[LeftOn]:
        return await self.idle.left_on()

    async def add_idle_note(self, machine_id: str, from_us: int, to_us: int, text: str, actor: Actor) -> IdleNote:
        return await self.idle.add_note(machine_id, from_us, to_us, text, actor)

    async def standby(self) -> Sequence[StandbyAdvice]:
        return await self.adviser.all()

    async def standby_of(self, machine_id: str) -> StandbyAdvice:
        return await self.adviser.of(machine_id)

    async def price_tables(self) -> Sequence[tuple[str, int, int, int]]:
        return await self.database.prices.price_tables()

    async def try_tariff(self, tariff: Tariff) -> TariffTrial:
        return await self.energy.try_tariff(tariff)

    async def import_prices(
        self, table: str, name: str, content: bytes, unit: str, actor: Actor, *, keep: bool
    ) -> PricePreview:
        """Read a file of hourly prices; kept when asked for and nothing is wrong. Raises ConfigError, Forbidden."""
        now_us, audit = self.clock.now_us(), self.database.audit
        if not actor.role.allows(Role.ENGINEER):
            await audit.append(now_us, actor.name, actor.source, "refused", f"hourly prices {table}", result="failed")
            raise Forbidden("importing prices needs the role engineer")
        zone = ZoneInfo(self.plant().site.timezone)
        preview = await asyncio.to_thread(read_prices, name, content, table, unit, zone)
        if not keep or preview.problems:
            return preview
        await audit.append(now_us, actor.name, actor.source, "price_import", table, new=span_words(preview, zone))
        await self.database.prices.save_prices(table, preview.prices)
        return PricePreview(
            table, preview.prices, preview.layout, preview.problems, preview.missing_hours, kept=True
        )


@dataclass(frozen=True, slots=True)
class MoneyParts:
    """What the composition root connects."""

    service: Money
    jobs: Mapping[str, Callable[[], Awaitable[None]]]


def build_money(
    plant: Callable[[], Plant], tags: Callable[[], Sequence[Tag]], history: History, accounting: EnergyAccounting,
    analysis: AnalysisEngine, alerts: AlertEngine, explainer: Explainer, database: Database, clock: Clock,
    machine_kw: Callable[[str], float | None], site_kw: Callable[[], float | None], prices: Prices,
) -> MoneyParts:
    """`machine_kw`, `site_kw`: power now."""
    energy = EnergyFigures(plant, tags, history, accounting, prices, clock)
    idle = IdleAccounts(plant, accounting, database.states, database.idle, prices, database.audit, clock, machine_kw)
    adviser = StandbyAdviser(plant, accounting, database.states, prices, clock, analysis.current)
    watch = DemandWatch(plant, energy, clock, site_kw, alerts.raise_alert, alerts.return_alert)
    analysis.on_recomputed(idle.mark)
    analysis.on_recomputed(energy.forget)
    explains = MoneyExplains(plant, energy, idle, adviser)
    for family in FAMILIES:
        explainer.register(family, explains)
    service = Money(energy, idle, adviser, watch, database, plant, clock)
    return MoneyParts(service, {"idle-ledger": idle.run, "demand": watch.run})
