"""Energy figures and money over a real database: a night with a machine left on, two zones, a contract, a note."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from analysis import idle_ledger
from analysis.accounting import EnergyAccounting
from analysis.energy_figures import EnergyFigures
from analysis.idle_ledger import IdleAccounts
from analysis.money_explain import CURVE, FAMILIES, MoneyExplains
from analysis.prices import Prices
from analysis.standby_adviser import StandbyAdviser
from application.money import Money
from application.price_file import read_prices
from database import Database, open_database
from domain.access import Actor, Role
from domain.errors import ConfigError, Forbidden, NotFound
from domain.explain import Explanation
from domain.plant import Machine, Plant, ShiftPattern, Site, Tag
from domain.sample import Batch
from domain.state import StateThresholds
from domain.tariff import Connection, Factor, MoneyTerms, Standby, Tariff, Zone, ZoneSpan
from tests.analysis.fakes import meter_device
from tests.conftest import FakeClock, eventually

ZONE = ZoneInfo("Europe/Moscow")
S = 1_000_000
HOUR = 3600 * S
EVERY = frozenset(range(7))
OPERATOR, VIEWER = Actor("anna", Role.OPERATOR, "test"), Actor("vera", Role.VIEWER, "test")
ENGINEER = Actor("egor", Role.ENGINEER, "test")


def us(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZONE).astimezone(UTC).timestamp() * 1e6)


BEGIN, NOW = us("2026-11-18T12:00"), us("2026-11-19T09:10")
TERMS = MoneyTerms(
    tariffs=(
        Tariff(
            date(2026, 1, 1), 2, zones=(Zone("day", 10.0, (ZoneSpan(420, 1380),)), Zone("night", 4.0, (ZoneSpan(1380, 420),)))
        ),
    ),
    co2=(Factor(date(2026, 1, 1), 0.35, "S1"),),
    fuel=(Factor(date(2026, 1, 1), 0.123, "S2"),),
    connections=(Connection(date(2026, 1, 1), contract_kw=7.0, demand_window_min=30, tg_limit=0.35),),
)
THRESHOLDS = StateThresholds(0.3, 3.0, 10.0)
PLANT = Plant(
    Site("S", "Europe/Moscow"),
    (ShiftPattern("1", time(7), time(15), EVERY), ShiftPattern("2", time(15), time(23), EVERY)),
    devices=(meter_device("m1", scan_s=60.0), meter_device("m2", scan_s=60.0)),
    machines=(
        Machine("lathe", "Lathe", "turning", "m1", 10.0, THRESHOLDS, standby=Standby(1.2, 10.0, 0.0, 2.0)),
        Machine("mill", "Mill", "milling", "m2", 8.0, THRESHOLDS),
    ),
    money=TERMS,
)


def power(machine: str, at: int) -> float:
    """The lathe works until 22:30 and is left on (2 kW) until 08:00; the mill works until 22:00 and is off."""
    if machine == "m1":
        return 6.0 if at < us("2026-11-18T22:30") or at >= us("2026-11-19T08:00") else 2.0
    return 4.0 if at < us("2026-11-18T22:00") else 0.0


@dataclass
class Shop:
    database: Database
    energy: EnergyFigures
    idle: IdleAccounts
    adviser: StandbyAdviser
    money: Money
    explains: MoneyExplains
    clock: FakeClock


@asynccontextmanager
async def shop(tmp_path: Path, plant: Plant = PLANT) -> AsyncIterator[Shop]:
    clock = FakeClock(NOW)
    async with open_database(f"sqlite+aiosqlite:///{tmp_path / 'e.db'}", tmp_path, clock) as database:
        tags: Sequence[Tag] = await database.plants.save({"site": {"name": "S", "timezone": "Europe/Moscow"}}, plant)
        await database.writer.put_all(_batches(tags))
        accounting = EnergyAccounting(lambda: plant, lambda: tags, database.samples, database.states, clock)
        prices = Prices(lambda: plant, database.prices)
        energy = EnergyFigures(lambda: plant, lambda: tags, database.samples, accounting, prices, clock)
        idle = IdleAccounts(
            lambda: plant, accounting, database.states, database.idle, prices, database.audit, clock, lambda _m: 2.0
        )
        adviser = StandbyAdviser(lambda: plant, accounting, database.states, prices, clock, lambda _m: None)
        money = Money(energy, idle, adviser, None, database, lambda: plant, clock)  # type: ignore[arg-type]
        yield Shop(database, energy, idle, adviser, money, MoneyExplains(lambda: plant, energy, idle, adviser), clock)


def _batches(tags: Sequence[Tag]) -> Any:
    by_name = {tag.name: tag for tag in tags}
    for meter in ("m1", "m2"):
        ids = (by_name[f"{meter}.active_power"].id, by_name[f"{meter}.energy_import"].id)
        energy = 100.0
        for at in range(BEGIN, NOW + S, 60 * S):
            yield Batch(meter, at, ids, [power(meter, at), energy], [0, 0])
            energy += power(meter, at) / 60.0


NIGHT = (us("2026-11-18T22:00"), us("2026-11-19T08:00"))


async def test_cost_adds_up_over_zones_machines_and_the_site(tmp_path: Path) -> None:
    async with shop(tmp_path) as s:
        lathe = await s.energy.cost("lathe", *NIGHT)
        assert lathe.energy_kwh == pytest.approx(3.0 + 19.0)
        assert {z.zone: z.energy_kwh for z in lathe.zones} == pytest.approx({"day": 3.0 + 1.0 + 2.0, "night": 16.0})
        assert lathe.cost == pytest.approx(60.0 + 64.0)
        assert lathe.trust.completeness == pytest.approx(1.0)
        assert (lathe.co2_kg, lathe.fuel_t) == pytest.approx((22.0 * 0.35, 22.0 * 0.123 / 1000))
        site = await s.energy.cost("site", *NIGHT)
        parts = await s.energy.costs("machine", *NIGHT)
        assert [c.subject for c in parts] == ["lathe", "mill"]
        assert sum(c.cost or 0.0 for c in parts) == pytest.approx(site.cost)
        hours = await s.energy.cost_hours("site", *NIGHT)
        assert sum(h.cost or 0.0 for h in hours) == pytest.approx(site.cost)
        with pytest.raises(NotFound):
            await s.energy.cost("latte", *NIGHT)


async def test_a_draft_of_a_tariff_is_tried_on_this_month_and_changes_nothing(tmp_path: Path) -> None:
    draft = Tariff(date(2027, 1, 1), 2, zones=(Zone("peak", 20.0, (ZoneSpan(420, 600),)), Zone("rest", 1.0, (ZoneSpan(600, 420),))))
    async with shop(tmp_path) as s:
        before = await s.money.cost("site", BEGIN, NOW)
        found = await s.money.try_tariff(draft)
        assert (found.from_us, found.to_us) == (us("2026-11-01T00:00"), NOW)
        assert found.energy_kwh == pytest.approx(before.energy_kwh)
        assert found.running_cost == pytest.approx(before.cost)
        assert (found.zone, found.price_per_kwh, found.running_price_per_kwh) == ("peak", 20.0, 10.0)  # at 09:10
        peak_kwh = 2.0 + 6.0 * 70 / 60  # from 07:00 the lathe is left on, from 08:00 it works
        assert {z.zone: z.energy_kwh for z in found.zones} == pytest.approx(
            {"peak": peak_kwh, "rest": found.energy_kwh - peak_kwh}, rel=1e-3
        )
        assert found.cost == pytest.approx(20.0 * peak_kwh + (found.energy_kwh - peak_kwh), rel=1e-3)
        assert (await s.money.cost("site", BEGIN, NOW)).cost == pytest.approx(before.cost)
        unpriced = await s.money.try_tariff(Tariff(date(2027, 1, 1), 3, table="nowhere"))
        assert (unpriced.price_per_kwh, unpriced.cost, unpriced.unpriced_kwh) == (None, None, pytest.approx(found.energy_kwh))


async def test_a_ragged_window_takes_its_share_of_the_minutes(tmp_path: Path) -> None:
    async with shop(tmp_path) as s:
        found = await s.energy.cost("lathe", us("2026-11-19T01:07:30"), us("2026-11-19T02:22:30"))
        assert found.energy_kwh == pytest.approx(2.5)


async def test_the_running_window_counts_up_to_now_and_says_so(tmp_path: Path) -> None:
    async with shop(tmp_path) as s:
        found = await s.energy.cost("lathe", us("2026-11-19T09:00"), us("2026-11-19T15:00"))
        assert found.energy_kwh == pytest.approx(1.0, abs=0.11)
        assert found.trust.running


async def test_the_one_left_on_is_named_with_reason_and_money(tmp_path: Path) -> None:
    async with shop(tmp_path) as s:
        ledger = await s.idle.ledger(*NIGHT)
        assert ledger.worst is not None
        assert ledger.worst.machine_id == "lathe"
        assert ledger.worst.energy_kwh == pytest.approx(19.0, rel=0.01)
        assert ledger.worst.reasons == pytest.approx({"left_on": 16.0, "waiting": 3.0}, rel=0.02)
        left = next(e for e in ledger.entries if e.reason == "left_on")
        assert (left.from_us, left.to_us) == (us("2026-11-18T23:00"), us("2026-11-19T07:00"))
        assert left.cost == pytest.approx(64.0, rel=0.01)
        assert left.shift == "2"
        assert ledger.energy_kwh == pytest.approx(sum(x.energy_kwh for x in ledger.sums))


async def test_settled_days_say_the_same_and_a_changed_past_is_computed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idle_ledger, "KEPT_DAYS", 2)
    async with shop(tmp_path) as s:
        before = await s.idle.ledger(*NIGHT)
        await s.clock.advance(18 * 3600)
        keeping = asyncio.create_task(s.idle.keep())
        await eventually(lambda: _nudged(s.clock, keeping), timeout_s=60.0)
        basis = s.idle._basis()
        assert {m for m, _d, _k in await s.database.idle.settled(date(2026, 11, 18), date(2026, 11, 18), basis)} == {"lathe", "mill"}
        after = await s.idle.ledger(*NIGHT)
        assert after.energy_kwh == pytest.approx(before.energy_kwh, rel=1e-6)
        await s.clock.advance(2 * 86400)
        s.idle.mark(NIGHT[0], NIGHT[0] + HOUR, "lathe")
        again = asyncio.create_task(s.idle.keep())
        await eventually(lambda: _nudged(s.clock, again), timeout_s=60.0)
        assert {"mill"} == {m for m, _d, _k in await s.database.idle.settled(date(2026, 11, 18), date(2026, 11, 18), basis)}


async def _nudged(clock: FakeClock, task: asyncio.Task[None]) -> bool:
    """Let the keeper's pauses pass."""
    await clock.advance(0.1)
    return task.done()


async def test_a_note_is_the_operators_and_stands_in_the_audit(tmp_path: Path) -> None:
    async with shop(tmp_path) as s:
        with pytest.raises(Forbidden):
            await s.idle.add_note("lathe", *NIGHT, "x", VIEWER)
        with pytest.raises(ConfigError, match="1 to 500"):
            await s.idle.add_note("lathe", *NIGHT, "  ", OPERATOR)
        with pytest.raises(NotFound):
            await s.idle.add_note("latte", *NIGHT, "x", OPERATOR)
        await s.idle.add_note("lathe", us("2026-11-19T01:00"), us("2026-11-19T02:00"), "кто-то забыл", OPERATOR)
        ledger = await s.idle.ledger(*NIGHT)
        assert {e.note for e in ledger.entries if e.reason == "left_on"} == {"кто-то забыл"}
        assert [e.action for e in await s.database.audit.entries(5)][:2] == ["idle_note", "refused"]


async def test_demand_windows_peaks_and_who_made_them(tmp_path: Path) -> None:
    async with shop(tmp_path) as s:
        found = await s.energy.demand(us("2026-11-18T20:00"), us("2026-11-19T00:00"))
        assert (found.window_min, found.contract_kw, found.source) == (30, 7.0, "sum_of_machines")
        assert [w.demand_kw for w in found.windows] == pytest.approx([10.0] * 4 + [6.0] + [2.0] * 3, abs=0.05)
        assert found.over_contract == 4
        assert [name for name, _kw in found.peaks[0].machines] == ["lathe", "mill"]


async def test_load_curves_of_machine_and_section_agree(tmp_path: Path) -> None:
    async with shop(tmp_path) as s:
        (machine,) = [c for c in await s.energy.load_curves("machine", *NIGHT) if c.subject == "lathe"]
        (section,) = [c for c in await s.energy.load_curves("section", *NIGHT) if c.subject == "section:turning"]
        assert machine.mean_kw == pytest.approx(2.2)
        assert (machine.use, machine.max_kw, machine.load_factor) == pytest.approx((0.22, 6.0, 2.2 / 6.0), abs=0.01)
        assert machine.load == pytest.approx(0.22, abs=0.01)
        assert (section.use, section.max_kw, section.load) == pytest.approx((machine.use, machine.max_kw, machine.load))


async def test_without_a_reactive_meter_there_is_no_tangent_and_it_says_so(tmp_path: Path) -> None:
    async with shop(tmp_path) as s:
        found = await s.energy.power_factor("lathe", *NIGHT)
        assert (found.tg_phi, found.required_kvar, found.source) == (None, None, "none")


async def test_every_figure_opens_and_shows_its_own_value(tmp_path: Path) -> None:
    async with shop(tmp_path) as s:
        opened: dict[str, Explanation] = {}
        for figure in ("cost", "co2", "fuel", "idle_ledger", *(f"load_curve.{name}" for name in CURVE), "required_kvar", "standby"):
            opened[figure] = await s.explains.explain(figure, "lathe", *NIGHT, {})
            assert opened[figure].api.startswith(f"/api/explain?figure={figure}&subject=lathe")
        assert {f.partition(".")[0] for f in opened} | {"demand"} == set(FAMILIES)
        assert opened["cost"].value == pytest.approx(124.0)
        assert opened["cost"].formula == "E_1 * c_1 + E_2 * c_2"
        assert opened["standby"].value == pytest.approx(1.2 / 2.0)
        assert (await s.explains.explain("demand", "site", *NIGHT, {})).value == pytest.approx(6.0, abs=0.05)
        for figure in ("cost.x", "load_curve", "load_curve.y"):
            with pytest.raises(NotFound):
                await s.explains.explain(figure, "lathe", *NIGHT, {})


async def test_hourly_prices_are_looked_into_first_and_priced_with_after(tmp_path: Path) -> None:
    hourly = replace(PLANT, money=replace(TERMS, tariffs=(Tariff(date(2026, 1, 1), 3, table="supplier"),)))
    rows = "\n".join(f"19.11.2026;{hour};{4000 + 100 * hour}" for hour in range(8))
    async with shop(tmp_path, hourly) as s:
        window = (us("2026-11-19T01:00"), us("2026-11-19T03:00"))
        assert (await s.energy.cost("lathe", *window)).unpriced_kwh == pytest.approx(4.0)
        with pytest.raises(Forbidden):
            await s.money.import_prices("supplier", "p.csv", rows.encode(), "MWh", OPERATOR, keep=True)
        looked = await s.money.import_prices("supplier", "p.csv", rows.encode(), "MWh", ENGINEER, keep=False)
        assert (looked.kept, len(looked.prices), looked.problems) == (False, 8, [])
        assert await s.money.price_tables() == []
        assert (await s.money.import_prices("supplier", "p.csv", rows.encode(), "MWh", ENGINEER, keep=True)).kept
        cost = await s.energy.cost("lathe", *window)
        assert cost.cost == pytest.approx(2.0 * 4.1 + 2.0 * 4.2)


# -- files of prices ---------------------------------------------------------------------------------------------------------


def read(text: str | bytes, unit: str = "kWh") -> Any:
    return read_prices("p.csv", text.encode() if isinstance(text, str) else text, "t", unit, ZONE)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-19;0;5,5\n2026-11-19;1;6,5",
        "day,hour,price\n2026-11-19,0,5.5\n2026-11-19,1,6.5",
        "19.11.2026\t0:00-1:00\t5.5\n19.11.2026\t1:00-2:00\t6.5",
        "2026-11-19 00:00;5.5\n2026-11-19T01:00;6.5",
    ],
)
def test_rows_of_hours_are_read_in_several_hands(text: str) -> None:
    found = read(text)
    assert found.problems == []
    assert [(p.time_us, p.price_per_kwh) for p in found.prices] == [
        (us("2026-11-19T00:00"), 5.5), (us("2026-11-19T01:00"), 6.5),
    ]  # fmt: skip


def test_a_table_of_excel_with_a_day_and_24_prices_a_row() -> None:
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    sheet.append(["Prices, per MWh"])
    sheet.append(["day", *range(24)])
    for day in (18, 19):
        sheet.append([date(2026, 11, day), *(1000.0 + 10 * hour for hour in range(24))])
    held = io.BytesIO()
    book.save(held)
    found = read_prices("p.xlsx", held.getvalue(), "t", "MWh", ZONE)
    assert (found.layout, len(found.prices), found.problems, found.missing_hours) == ("days", 48, [], 0)
    assert found.prices[23].price_per_kwh == pytest.approx(1.23)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2026-11-19;0;cheap", "row 1: 'cheap' is no price"),
        ("2026-11-19;0;5\n2026-11-19;0;6", "row 2: 2026-11-19 00:00 has two prices"),
        ("hello", "no row holds a day, an hour and a price"),
    ],
)
def test_what_is_wrong_in_a_file_is_named_with_its_row(text: str, words: str) -> None:
    assert words in read(text).problems[0]


def test_missing_hours_are_counted_and_foreign_files_refused() -> None:
    assert read("2026-11-19;0;5\n2026-11-19;3;6").missing_hours == 2
    with pytest.raises(ConfigError, match="no table of Excel"):
        read(b"PK\x03\x04 broken")
    with pytest.raises(ConfigError, match="unit"):
        read("2026-11-19;0;5", "Wh")


def test_the_hour_the_clock_shows_twice_has_its_price_twice() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    found = read_prices("p.csv", b"2026-10-25;2;5", "t", "kWh", berlin)
    assert [p.price_per_kwh for p in found.prices] == [5.0, 5.0]
    assert read_prices("p.csv", b"2026-03-29;2;5", "t", "kWh", berlin).prices == []
