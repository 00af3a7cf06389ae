"""Energy per part and program, times of a shift with breaks, and both opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, time
from itertools import pairwise

import pytest

from analysis.production_explained import ProductionExplained
from analysis.production_figures import ProductionFigures, planned_spans, seconds_within
from domain.efficiency import KefSettings
from domain.energy import BreakWindow, ShiftWindow
from domain.errors import NotFound
from domain.production import ProgramStretch
from domain.state import MachineState, StateInterval
from domain.work_calendar import Break
from tests.analysis.fakes import H
from tests.analysis.figure_shop import FIRST, SHIFT, Shop

MIN = 60_000_000
FIRST_DAY = date(2025, 11, 19)


class Programs:
    """A, B, A again, then nothing known."""

    async def programs(self, machine_id: str, from_us: int, to_us: int) -> Sequence[ProgramStretch]:
        if machine_id != "m1-m":
            return []
        borders = [FIRST, FIRST + H, FIRST + 2 * H, FIRST + 3 * H, FIRST + 8 * H]
        return [
            ProgramStretch(machine_id, name, begin, end)
            for name, begin, end in zip(("A", "B", "A", None), borders, borders[1:], strict=False)
        ]


def figures(shop: Shop) -> ProductionFigures:
    return ProductionFigures(lambda: shop.plant, shop.accounting, shop.service, Programs(), shop.states, shop.clock)


def with_break(shop: Shop) -> Shop:
    shifts = tuple(replace(s, breaks=(Break("lunch", time(11), time(11, 30)),) if s.name == "1" else ()) for s in shop.plant.shifts)
    shop.plant = replace(shop.plant, shifts=shifts)
    return shop


async def test_energy_per_part() -> None:
    found = await figures(Shop(kef={"m1-m": KefSettings("K4", norm_kwh_per_part=3.9)})).specific("m1-m", *SHIFT)
    assert (found.parts, found.norm_kwh_per_part) == (7, 3.9)
    assert found.kwh_per_part == pytest.approx(26.55 / 7, rel=1e-3)
    assert found.completeness == pytest.approx(1.0, abs=1e-3)
    none = await figures(Shop()).specific("m2-m", *SHIFT)
    assert (none.parts, none.kwh_per_part) == (None, None)
    assert none.energy_kwh == pytest.approx(8.0, rel=1e-3)


async def test_programs_share_the_energy_without_rest() -> None:
    found = await figures(Shop()).by_program("m1-m", *SHIFT)
    assert [(item.program, item.stretches) for item in found] == [("A", 2), (None, 1), ("B", 1)]
    assert sum(item.energy_kwh or 0 for item in found) == pytest.approx(26.55, rel=1e-3)
    a = found[0]
    assert (a.parts, a.energy_kwh) == (5, pytest.approx(12.0, rel=1e-3))  # parts at 25, 50, 125, 150, 175 min
    assert a.kwh_per_part == pytest.approx(12 / 5, rel=1e-3)
    assert await figures(Shop()).by_program("m2-m", *SHIFT) == []


async def test_a_control_that_calls_hundreds_of_programs_is_measured_by_the_one_that_calls_them() -> None:
    class Calls:
        async def programs(self, machine_id: str, from_us: int, to_us: int) -> Sequence[ProgramStretch]:
            borders = [FIRST + n * 3 * H // 300 for n in range(301)]
            called = [
                ProgramStretch(machine_id, f"SUB{n % 2}", begin, end, main="A" if n < 200 else "B")
                for n, (begin, end) in enumerate(pairwise(borders))
            ]
            return [*called, ProgramStretch(machine_id, None, borders[-1], FIRST + 8 * H)]

    shop = Shop()
    service = ProductionFigures(lambda: shop.plant, shop.accounting, shop.service, Calls(), shop.states, shop.clock)
    found = {item.program: item for item in await service.by_program("m1-m", *SHIFT)}
    assert {name: item.stretches for name, item in found.items()} == {"A": 1, "B": 1, None: 1}
    assert sum(item.energy_kwh or 0 for item in found.values()) == pytest.approx(26.55, rel=1e-3)
    assert found["A"].seconds == pytest.approx(2 * 3600)


async def test_times_of_a_shift_with_its_break() -> None:
    shop = with_break(Shop(kef={"m1-m": KefSettings("K1", ideal_s_per_part=1200, good_share=0.9)}))
    await shop.keep_states()
    (item,) = await figures(shop).oee("machine", *SHIFT, subject="m1-m")
    assert item.elements.pbt_s == 7.5 * 3600
    assert item.elements.apt_s == pytest.approx(3 * 3600, abs=20)
    assert item.elements.idle_s == pytest.approx(3 * 3600, abs=20), "half an hour of idling fell into the break"
    assert item.kpis.availability == pytest.approx(3 / 7.5, rel=2e-3)
    assert item.kpis.effectiveness == pytest.approx(7 * 1200 / 10800, rel=2e-3)
    assert item.kpis.quality == pytest.approx(0.9)
    assert item.kpis.oee == pytest.approx(3 / 7.5 * 7 / 9 * 0.9, rel=2e-3)
    assert item.reasons == ()


async def test_what_a_machine_cannot_tell_is_named_and_times_stay() -> None:
    shop = Shop()
    await shop.keep_states()
    items = await figures(shop).oee("machine", *SHIFT)
    assert [(i.group, i.kpis.oee) for i in items] == [("m1-m", None), ("m2-m", None)]
    assert items[0].reasons == (("m1-m", "kef.reason.no_ideal_time"), ("m1-m", "kef.reason.no_quality"))
    assert items[1].reasons == (("m2-m", "kef.reason.no_parts"),)
    assert items[0].kpis.idle_time_share == pytest.approx(3.5 / 6.5, rel=2e-3)
    (site,) = await figures(shop).oee("site", *SHIFT)
    assert site.kpis.availability == pytest.approx(3 / 16, rel=2e-3), "sums of times"


async def test_planned_time_follows_the_machines_own_shifts() -> None:
    """Both shifts of 16 h run; m1 is planned for the first only, m2 for both."""
    shop = Shop()
    shop.clock.step_wall(8 * 3600)
    machines = (replace(shop.plant.machines[0], shifts=("1",)), shop.plant.machines[1])
    shop.plant = replace(shop.plant, machines=machines)
    await shop.keep_states()
    window = (SHIFT[0], SHIFT[0] + 16 * H)
    first, second = await figures(shop).oee("machine", *window)
    assert (first.elements.pbt_s, second.elements.pbt_s) == (8 * 3600, 16 * 3600)
    assert first.kpis.availability == pytest.approx(3 / 8, rel=2e-3)
    (site,) = await figures(shop).oee("site", *window)
    assert site.elements.pbt_s == 24 * 3600


async def test_a_machine_without_a_shift_in_the_window_is_named_and_left_out_of_its_group() -> None:
    shop = Shop()
    machines = (shop.plant.machines[0], replace(shop.plant.machines[1], shifts=("3",)))
    shop.plant = replace(shop.plant, machines=machines)
    await shop.keep_states()
    _, unplanned = await figures(shop).oee("machine", *SHIFT)
    assert (unplanned.elements.pbt_s, unplanned.reasons) == (None, (("m2-m", "kpi.reason.not_planned"),))
    (site,) = await figures(shop).oee("site", *SHIFT)
    assert site.elements.pbt_s == 8 * 3600
    assert site.kpis.availability == pytest.approx(3 / 8, rel=2e-3)
    assert ("m2-m", "kpi.reason.not_planned") in site.reasons


async def test_without_shifts_there_is_no_planned_time() -> None:
    shop = Shop()
    shop.plant = replace(shop.plant, shifts=())
    (item,) = await figures(shop).oee("site", *SHIFT)
    assert (item.elements.pbt_s, item.kpis.availability) == (None, None)
    assert item.reasons[0] == ("m1-m", "kpi.reason.no_shifts")


def test_planned_time_leaves_breaks_out_and_is_cut_at_the_window() -> None:
    day = ShiftWindow("1", FIRST_DAY, 0, 8 * H, breaks=(BreakWindow("lunch", 4 * H, 4 * H + 30 * MIN),))
    assert planned_spans([day], 0, 8 * H) == [(0, 4 * H), (4 * H + 30 * MIN, 8 * H)]
    assert planned_spans([day], H, 4 * H + 10 * MIN) == [(H, 4 * H)]
    assert planned_spans([], 0, H) == []
    assert planned_spans([day], 0, H, ["2"]) == []
    assert planned_spans([day], 0, H, ["1", "2"]) == [(0, H)]


def test_seconds_of_states_inside_spans() -> None:
    states = [
        StateInterval("m", MachineState.PRODUCTION, 0, 2 * H),
        StateInterval("m", MachineState.IDLE, 2 * H, 5 * H),
        StateInterval("m", MachineState.PRODUCTION, 5 * H, 5 * H + 30 * MIN),
    ]
    found = seconds_within(states, [(H, 3 * H), (4 * H, 6 * H)])
    assert found == {MachineState.PRODUCTION: 3600 + 1800, MachineState.IDLE: 7200}


async def test_the_figures_open() -> None:
    shop = with_break(Shop(kef={"m1-m": KefSettings("K1", ideal_s_per_part=1200, good_share=0.9)}))
    await shop.keep_states()
    explained = ProductionExplained(figures(shop))
    w = await explained.explain("specific_energy", "m1-m", *SHIFT, {})
    assert (w.formula, w.unit, w.substituted) == ("W / N", "kWh/part", "26.55 / 7")
    assert w.api.startswith("/api/energy/specific?machine=m1-m&by=part&from=")
    oee = await explained.explain("oee", "m1-m", *SHIFT, {})
    assert [term.symbol for term in oee.terms] == ["a_avail", "a_perf", "a_qual"]
    availability = await explained.explain("oee.availability", "m1-m", *SHIFT, {})
    assert (availability.formula, availability.value) == ("APT / PBT", pytest.approx(0.4, rel=2e-3))
    missing = await explained.explain("oee", "m2-m", *SHIFT, {})
    assert (missing.value, missing.notes) == (None, ("kef.reason.no_parts",))


@pytest.mark.parametrize(("figure", "subject"), [("oee.nonsense", "m1-m"), ("specific_energy.x", "m1-m"), ("oee", "no-such")])
async def test_what_does_not_exist_is_named(figure: str, subject: str) -> None:
    with pytest.raises(NotFound):
        await ProductionExplained(figures(Shop())).explain(figure, subject, *SHIFT, {})
