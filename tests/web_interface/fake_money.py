"""Energy figures of the invented shop: two machines were left on last night. All is a function of the window."""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from datetime import timedelta

from domain.access import Actor, Role
from domain.errors import ConfigError, Forbidden, NotFound
from domain.figures import (
    Cost,
    CostHour,
    Demand,
    DemandWindow,
    IdleEntry,
    IdleLedger,
    IdleSum,
    LeftOn,
    LoadCurve,
    Peak,
    PowerFactor,
    RunningDemand,
    StandbyAdvice,
    TariffTrial,
    Trust,
    Waster,
    ZoneCost,
)
from domain.idle import IdleNote
from domain.tariff import HourPrice, PricePreview, Standby, Tariff
from tests.web_interface import fake_shop as shop

HOUR = 60 * shop.MIN
DAY_PRICE, NIGHT_PRICE = 9.12, 4.65
TRUST = Trust(0.997, 0.004)
LEFT = (("dmu-50", 3.4, "left_on", 7.8), ("borer-1", 2.2, "left_on", 6.1), ("lathe-2", 1.1, "outside", 1.2), ("haas-vf2", 1.9, "waiting", 0.8))


def price_at(time_us: int) -> tuple[str, float]:
    hour = (time_us // HOUR + 3) % 24
    return ("day", DAY_PRICE) if 7 <= hour < 23 else ("night", NIGHT_PRICE)


class FakeMoney:
    """MoneyService."""

    def __init__(self, clock: shop.ShopClock) -> None:
        self._clock = clock
        self.notes: list[IdleNote] = []
        self.tables: dict[str, Sequence[HourPrice]] = {}

    def _check(self, subject: str) -> None:
        known = ["site", *(t.machine.id for t in shop.TOOLS), *{f"section:{t.machine.section}" for t in shop.TOOLS}]
        if subject not in known:
            raise NotFound("machine", subject, tuple(difflib.get_close_matches(subject, known, n=5, cutoff=0.3)))

    def _kw(self, subject: str, time_us: int) -> float:
        if subject == "site":
            return shop.power_kw("main", time_us)
        tools = [t for t in shop.TOOLS if subject in {t.machine.id, f"section:{t.machine.section}"}]
        return sum(shop.power_kw(t.machine.meter or "", time_us) for t in tools)

    async def cost(self, subject: str, from_us: int, to_us: int) -> Cost:
        self._check(subject)
        end = min(to_us, self._clock.now_us())
        sums = {"day": [0.0, 0.0], "night": [0.0, 0.0]}
        for at in range(from_us, end, HOUR):
            hours = min(HOUR, end - at) / HOUR
            zone = price_at(at)[0]
            sums[zone][0] += self._kw(subject, at) * hours
            sums[zone][1] += hours
        prices = {"day": DAY_PRICE, "night": NIGHT_PRICE}
        zones = tuple(ZoneCost(z, e, e * prices[z], h, prices[z]) for z, (e, h) in sums.items() if h)
        total = sum(z.energy_kwh for z in zones)
        return Cost(
            subject, from_us, to_us, total, sum(z.cost or 0.0 for z in zones), 0.0, zones,
            Trust(0.997, 0.004, to_us > self._clock.now_us()), (), total * 0.35, "invented", total * 0.000123, "invented",
        )  # fmt: skip

    async def costs(self, by: str, from_us: int, to_us: int) -> Sequence[Cost]:
        names = {"machine": [t.machine.id for t in shop.TOOLS], "site": ["site"]}.get(
            by, list(dict.fromkeys(f"section:{t.machine.section}" for t in shop.TOOLS))
        )
        return sorted([await self.cost(name, from_us, to_us) for name in names], key=lambda c: -(c.cost or 0.0))

    async def cost_hours(self, subject: str, from_us: int, to_us: int) -> Sequence[CostHour]:
        self._check(subject)
        found = []
        for at in range(from_us // HOUR * HOUR, min(to_us, self._clock.now_us()), HOUR):
            zone, price = price_at(at)
            kwh = self._kw(subject, at)
            found.append(CostHour(at, kwh, kwh * price, zone))
        return found

    async def demand(self, from_us: int, to_us: int) -> Demand:
        half, now = HOUR // 2, self._clock.now_us()
        windows = [
            DemandWindow(at, at + half, self._kw("site", at + half // 2) * (1 + 0.1 * math.sin(at / half)), at + half <= now, at + half > now)
            for at in range(from_us // half * half, min(to_us, now), half)
        ]
        top = sorted((w for w in windows if w.complete), key=lambda w: -(w.demand_kw or 0.0))[:5]
        made = sorted(((t.machine.id, t.kw) for t in shop.TOOLS), key=lambda p: -p[1])
        return Demand(from_us, to_us, 30, 160.0, "main_meter", windows, [Peak(w, made) for w in top], 0, TRUST)

    def running_demand(self) -> RunningDemand | None:
        now = self._clock.now_us()
        begin = now // (HOUR // 2) * (HOUR // 2)
        return RunningDemand(begin, begin + HOUR // 2, 24.6, 142.0, 139.4, 160.0)

    async def power_factor(self, subject: str, from_us: int, to_us: int) -> PowerFactor:
        self._check(subject)
        kwh = (await self.cost(subject, from_us, to_us)).energy_kwh or 0.0
        half = HOUR // 2
        windows = [(at, 0.42 + 0.12 * math.sin(at / HOUR)) for at in range(from_us, min(to_us, self._clock.now_us()), half)]
        return PowerFactor(subject, from_us, to_us, kwh, kwh * 0.44, 0.44, 0.915, 0.47, 0.35, 14.6, None, "counter", windows, TRUST)

    async def load_curves(self, by: str, from_us: int, to_us: int) -> Sequence[LoadCurve]:
        found = []
        for cost in await self.costs(by, from_us, to_us):
            tool = next((t for t in shop.TOOLS if t.machine.id == cost.subject), None)
            rated = tool.machine.rated_kw if tool else None
            mean, peak = (cost.energy_kwh or 0.0) * HOUR / (to_us - from_us), 1.6 * (cost.energy_kwh or 0.0) * HOUR / (to_us - from_us)
            share = mean / rated if rated else None
            found.append(
                LoadCurve(
                    cost.subject, from_us, to_us, cost.energy_kwh, rated, mean, mean * 1.2, peak, mean * 1.1, share,
                    share * 1.2 if share else None, share * 1.6 if share else None, 1.6, 1.1, 0.625, 5.0, 0.58, TRUST,
                )
            )
        return found

    async def idle_ledger(self, from_us: int, to_us: int) -> IdleLedger:
        end = min(to_us, self._clock.now_us())
        entries = []
        for machine, kw, reason, hours in LEFT:
            length = min(round(hours * HOUR), end - from_us)
            if length <= 0:
                continue
            kwh = kw * length / HOUR
            note = next((n for n in reversed(self.notes) if n.machine_id == machine), None)
            entries.append(
                IdleEntry(
                    machine, from_us + 8 * shop.MIN, from_us + 8 * shop.MIN + length, reason, "2", shop.TODAY - timedelta(days=1), kwh,
                    0.0, kwh * price_at(from_us)[1], note.text if note else "", note.author if note else "",
                )
            )
        sums = [IdleSum(e.machine_id, e.shift, e.reason, e.seconds / 3600, e.energy_kwh or 0.0, e.cost, 1) for e in entries]
        total = sum(s.energy_kwh for s in sums)
        worst = None
        if entries:
            first = entries[0]
            worst = Waster(
                first.machine_id, first, first.seconds / 3600, first.energy_kwh or 0.0, first.cost,
                (first.energy_kwh or 0.0) / total, {first.reason: first.energy_kwh or 0.0},
            )  # fmt: skip
        cost = sum(s.cost or 0.0 for s in sums)
        return IdleLedger(from_us, to_us, sums, entries, worst, sum(s.hours for s in sums), total, cost, TRUST)

    async def left_on(self) -> Sequence[LeftOn]:
        now = self._clock.now_us()
        return [LeftOn("borer-1", now - 3 * HOUR, "left_on", 2.2, 2.2 * DAY_PRICE, 6.6, 6.6 * DAY_PRICE)]

    async def add_idle_note(self, machine_id: str, from_us: int, to_us: int, text: str, actor: Actor) -> IdleNote:
        if not actor.role.allows(Role.OPERATOR):
            raise Forbidden("noting a reason needs the role operator")
        self._check(machine_id)
        if not text.strip():
            raise ConfigError("text: expected 1 to 500 characters")
        self.notes.append(IdleNote(len(self.notes) + 1, machine_id, from_us, to_us, text, actor.name, self._clock.now_us()))
        return self.notes[-1]

    async def standby(self) -> Sequence[StandbyAdvice]:
        return [await self.standby_of(t.machine.id) for t in shop.TOOLS]

    async def standby_of(self, machine_id: str) -> StandbyAdvice:
        self._check(machine_id)
        facts = Standby(1.2, 10.0, 0.1, 2.4)
        now = self._clock.now_us()
        tool = next(t for t in shop.TOOLS if t.machine.id == machine_id)
        if tool.state.value != "idle":
            return StandbyAdvice(machine_id, facts, frozenset({"off_kw"}), 31.3, None, None, 42, "none")
        return StandbyAdvice(
            machine_id, facts, frozenset({"off_kw"}), 31.3, now - tool.minutes * shop.MIN, 74.0, 42, "switch_off", 1.64, 14.9
        )

    async def price_tables(self) -> Sequence[tuple[str, int, int, int]]:
        return [(name, p[0].time_us, p[-1].time_us, len(p)) for name, p in self.tables.items()]

    async def try_tariff(self, tariff: Tariff) -> TariffTrial:
        now_us = self._clock.now_us()
        kwh = {"day": 31_000.0, "night": 9_000.0}
        prices = {zone.name: zone.price_per_kwh for zone in tariff.zones} or {"single": tariff.price_per_kwh or 0.0}
        zones = tuple(
            ZoneCost(name, energy, energy * price, 400.0, price)
            for (name, price), energy in zip(prices.items(), kwh.values(), strict=False)
        )
        name, price = next(iter(prices.items()))
        cost = sum(zone.cost or 0.0 for zone in zones)
        return TariffTrial(now_us - 20 * 24 * HOUR, now_us, 40_000.0, name, price, DAY_PRICE, cost, 324_570.0, 0.0, zones)

    async def import_prices(
        self, table: str, name: str, content: bytes, unit: str, actor: Actor, *, keep: bool
    ) -> PricePreview:
        if not actor.role.allows(Role.ENGINEER):
            raise Forbidden("importing prices needs the role engineer")
        if b";" not in content:
            return PricePreview(table, (), "rows", ("no row holds a day, an hour and a price",), 0)
        prices = [HourPrice(shop.START_US // HOUR * HOUR + n * HOUR, 6.0 + n / 10) for n in range(24)]
        if keep:
            self.tables[table] = prices
        return PricePreview(table, prices, "rows", (), 0, kept=keep)
