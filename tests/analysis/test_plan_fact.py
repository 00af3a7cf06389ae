"""Plan against fact: what is due by working time, deviation, projection; subjects and intervals."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time

import pytest

from analysis.calendar import Calendar
from analysis.plan_fact import PlanFacts, elapsed_share, progress, windows_of, working_us
from domain.plan import Plan, PlanInterval, PlanScope
from domain.plant import ShiftPattern
from domain.production import PartCount
from domain.work_calendar import Break
from tests.analysis.fakes import H
from tests.analysis.test_cube_keeper import Kept

WORKDAY = ShiftPattern("1", time(8), time(17), frozenset(range(7)), (Break("lunch", time(12), time(13)),))
MOSCOW = Calendar("Europe/Moscow", (WORKDAY,))
DAY = date(2026, 6, 10)
MIDNIGHT = MOSCOW.day_window(DAY).from_us


class Parts:
    """Ten parts an hour."""

    async def parts(self, machine_id: str, from_us: int, to_us: int) -> PartCount:
        return PartCount(machine_id, from_us, to_us, round((to_us - from_us) / H * 10), 1.0)


@pytest.mark.parametrize(("hour", "share"), [(6, 0.0), (8, 0.0), (10, 0.25), (12, 0.5), (13, 0.5), (15, 0.75), (20, 1.0), (24, 1.0)])
def test_half_of_the_plan_is_due_at_noon_and_lunch_adds_nothing(hour: int, share: float) -> None:
    assert working_us(MOSCOW, MIDNIGHT, MIDNIGHT + 24 * H) == 8 * H
    assert elapsed_share(MOSCOW, MIDNIGHT, MIDNIGHT + 24 * H, MIDNIGHT + hour * H) == pytest.approx(share)


def test_without_shifts_the_clock_decides() -> None:
    assert elapsed_share(Calendar("Europe/Moscow"), MIDNIGHT, MIDNIGHT + 24 * H, MIDNIGHT + 6 * H) == pytest.approx(0.25)


def test_deviation_and_projection() -> None:
    running = progress(400.0, 110.0, 0.25)
    assert (running.expected, running.deviation, running.projection) == (100.0, 10.0, 440.0)
    assert running.deviation_share == pytest.approx(0.1)
    early = progress(400.0, 3.0, 0.04)
    assert early.projection is None
    over = progress(400.0, 390.0, 1.0)
    assert (over.deviation, over.projection) == (-10.0, 390.0)
    unknown = progress(400.0, None, 0.5)
    assert (unknown.deviation, unknown.deviation_share, unknown.projection) == (None, None, None)


def test_months_have_their_real_borders() -> None:
    berlin = Calendar("Europe/Berlin", (WORKDAY,))
    begin = berlin.day_window(date(2026, 3, 15)).from_us
    march, april = windows_of(berlin, PlanInterval.MONTH, begin, begin + 20 * 24 * H)
    assert (march.name, april.name) == ("2026-03", "2026-04")
    assert march.to_us - march.from_us == (31 * 24 - 1) * H  # summer time begins


async def test_facts_of_shift_day_and_month() -> None:
    shop = Kept()
    shop.plant = replace(
        shop.plant,
        shifts=(WORKDAY,),
        machines=(replace(shop.plant.machines[0], section="Turning"),),
        plans=(
            Plan(PlanScope.SITE, "", PlanInterval.SHIFT, kwh=40.0, parts=100),
            Plan(PlanScope.MACHINE, "d1-m", PlanInterval.SHIFT, date(2026, 6, 11), kwh=30.0),
            Plan(PlanScope.SECTION, "Turning", PlanInterval.DAY, kwh=96.0), Plan(PlanScope.SITE, "", PlanInterval.MONTH, kwh=1000.0),
        ),
    )  # fmt: skip
    shop.now(shop.midnight + 10 * H)
    service = PlanFacts(shop.plant_now, lambda: shop.accounting.calendar, shop.cube, shop.clock, Parts())
    (fact,) = await service.facts(PlanInterval.SHIFT, shop.midnight, shop.midnight + 24 * H)
    assert (fact.label, fact.day, fact.running) == ("1", DAY, True)
    assert fact.kwh is not None
    assert fact.kwh.actual == pytest.approx(8.0, abs=0.1)  # two hours of 4 kWh
    assert fact.kwh.expected == pytest.approx(10.0)
    assert fact.kwh.projection == pytest.approx(32.0, abs=0.4)
    assert fact.parts is not None
    assert (fact.parts.actual, fact.parts.deviation) == (20.0, pytest.approx(-5.0))
    (section,) = await service.facts(PlanInterval.DAY, shop.midnight, shop.midnight + 24 * H)
    assert section.kwh is not None
    assert section.kwh.actual == pytest.approx(40.0, abs=0.1)
    (month,) = await service.facts(PlanInterval.MONTH, shop.midnight, shop.midnight + H)
    assert (month.label, month.kwh is not None and month.kwh.actual) == ("2026-06", pytest.approx(40.0, abs=0.1))
    shop.now(shop.midnight + 40 * H)
    later = await service.facts(PlanInterval.SHIFT, shop.midnight + 24 * H, shop.midnight + 48 * H)
    assert [fact.plan.scope for fact in later] == [PlanScope.SITE, PlanScope.MACHINE]


async def test_the_sites_own_figure_is_a_plan_too_and_parts_without_a_count_are_unknown() -> None:
    shop = Kept()
    shop.plant = replace(shop.plant, site=replace(shop.plant.site, shift_plan_kwh=32.0))
    shop.now(shop.midnight + 16 * H)
    service = PlanFacts(shop.plant_now, lambda: shop.accounting.calendar, shop.cube, shop.clock)
    facts = await service.facts(PlanInterval.SHIFT, shop.midnight, shop.midnight + 24 * H)
    assert [(fact.label, fact.running) for fact in facts] == [("3", False), ("1", False), ("2", True)]
    shop.plant = replace(shop.plant, plans=(Plan(PlanScope.SITE, "", PlanInterval.SHIFT, parts=5),), site=replace(shop.plant.site, shift_plan_kwh=None))
    (_, first, _) = await service.facts(PlanInterval.SHIFT, shop.midnight, shop.midnight + 24 * H)
    assert first.kwh is None
    assert first.parts is not None
    assert (first.parts.actual, first.parts.completeness) == (None, 0.0)
