"""The service of baselines: periods from what was kept, versions, roles, audit, and the reasons when nothing is fitted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import date, time
from typing import Any

import numpy as np
import pytest

from analysis.baseline_data import BaselineData, weeks_of
from analysis.baselines import Baselines
from analysis.calendar import Calendar
from domain.access import Actor, Role
from domain.baseline import Baseline, BaselineDefinition, BaselineRefused, Period, Variable, VariableKind
from domain.errors import ConfigError, Conflict, Forbidden, NotFound
from domain.plant import Machine, Plant, ShiftPattern, Site, Tag
from domain.ports import RollupRow, RollupSeries, Step
from domain.production import ControlSignals, PartCount, PartStep, PartStepKind
from domain.quantity import Quantity
from domain.sample import TagId
from domain.state import MachineState, StateInterval, StateThresholds
from tests.analysis.fakes import MemoryAudit, MemoryStates
from tests.conftest import FakeClock

HOUR = 3_600_000_000
DAY = 24 * HOUR
START = Calendar("Europe/Moscow").day_window(date(2026, 1, 5)).from_us  # a Monday
DAYS = 40
ENGINEER, VIEWER = Actor("eva", Role.ENGINEER, "test"), Actor("vic", Role.VIEWER, "test")
TAGS = [
    Tag(TagId(1), "m1.energy_import", "m1", "energy_import", Quantity.ENERGY_IMPORT, "kWh"),
    Tag(TagId(2), "out.temperature", "out", "temperature", Quantity.TEMPERATURE, "°C"),
    Tag(TagId(3), "m1.voltage_l1", "m1", "voltage_l1", Quantity.VOLTAGE, "V"),
]
SHIFTS = (ShiftPattern("1", time(7), time(15), frozenset(range(5))), ShiftPattern("2", time(15), time(23), frozenset(range(5))))
PLANT = Plant(
    Site("s"), shifts=SHIFTS,
    machines=(
        Machine("lathe", "16К20", "Токарный", "m1", states=StateThresholds(0.3, 3.0), control=ControlSignals(part_count="m1.parts")),
        Machine("mill", "6Р13", "Фрезерный", "m2"),
    ),
)  # fmt: skip


def work(day: int) -> tuple[float, float, float, float]:
    """(parts, hours in production, temperature, kWh) of a day: E = 30 + 0.5 parts + 2 K·d below 15 °C, with a little noise."""
    rng = np.random.default_rng(day)
    parts = float(rng.integers(40, 160))
    temperature = float(rng.uniform(-10, 20))
    return parts, 4.0 + parts / 20, temperature, 30 + 0.5 * parts + 2 * max(0.0, 15 - temperature) + float(rng.normal(0, 1))


class HourHistory:
    """Roll-ups by the hour: a day's energy spread evenly. `lost`: days without energy; `extra`: kWh more from a day on."""

    def __init__(self) -> None:
        self.lost: set[int] = set()
        self.extra: Callable[[int], float] = lambda day: 0.0

    async def rollup(self, tag_id: TagId, step: Step, from_us: int, to_us: int) -> RollupSeries:
        assert step is Step.H1
        rows = []
        for at in range(-(-from_us // HOUR) * HOUR, min(to_us, START + 400 * DAY), HOUR):
            day = (at - START) // DAY
            _, _, temperature, kwh = work(day)
            if tag_id == 1 and day not in self.lost:
                grown = (kwh + self.extra(day)) / 24
                rows.append(RollupRow(at, 60, 60, 0.0, 0.0, None, 0.0, 0.0, HOUR, grown, 0.0))
            elif tag_id == 2:
                rows.append(RollupRow(at, 60, 60, temperature, temperature, temperature, temperature, temperature, HOUR))
        return RollupSeries(tag_id, step, rows)


class PartSource:
    async def parts(self, machine_id: str, from_us: int, to_us: int) -> PartCount:
        steps = tuple(
            PartStep(at, at + HOUR, int(work((at - START) // DAY)[0]), PartStepKind.COUNTED, 0.0)
            for at in range(from_us, to_us, DAY)
        )
        return PartCount(machine_id, from_us, to_us, sum(s.parts for s in steps), 1.0, steps)


class MemoryBaselines:
    def __init__(self) -> None:
        self.held: list[Baseline] = []

    async def save(self, baseline: Baseline) -> Baseline:
        version = 1 + sum(b.definition.name == baseline.definition.name for b in self.held)
        self.held.append(replace(baseline, id=len(self.held) + 1, version=version))
        return self.held[-1]

    async def all(self) -> list[Baseline]:
        return self.held[::-1]

    async def get(self, baseline_id: int) -> Baseline | None:
        return next((b for b in self.held if b.id == baseline_id), None)

    async def delete(self, baseline_id: int) -> None:
        self.held = [b for b in self.held if b.id != baseline_id]


class SameProcess:
    """Offload without a process."""

    async def run(self, function: Callable[..., Any], *args: Any) -> Any:
        await asyncio.sleep(0)
        return function(*args)


class Rig:
    def __init__(self) -> None:
        self.history, self.states, self.store, self.audit = HourHistory(), MemoryStates(), MemoryBaselines(), MemoryAudit()
        self.clock = FakeClock(START + 200 * DAY)
        for day in range(120):
            begin = START + day * DAY
            end = begin + round(work(day)[1] * HOUR)
            for state, a, b in ((MachineState.PRODUCTION, begin, end), (MachineState.OFF, end, begin + DAY)):
                self.states.held["lathe", a] = StateInterval("lathe", state, a, b)
        calendar = Calendar.of(PLANT)
        self.data = BaselineData(lambda: PLANT, lambda: TAGS, self.history, self.states, PartSource(), lambda: calendar, self.clock)  # type: ignore[arg-type]
        self.service = Baselines(self.data, self.store, self.audit, self.clock, SameProcess())


@pytest.fixture
def rig() -> Rig:
    return Rig()


def definition(**changes: Any) -> BaselineDefinition:
    variables = (
        Variable("parts", VariableKind.PARTS, "lathe"), Variable("hdd", VariableKind.HEATING, "out.temperature", base_c=15.0),
    )  # fmt: skip
    made = BaselineDefinition("Токарный по деталям", "lathe", Period.DAY, variables, START, START + DAYS * DAY)
    return replace(made, **changes)


async def test_fit_finds_the_law_of_the_shop_and_stores_it(rig: Rig) -> None:
    made = await rig.service.create(definition(), ENGINEER)
    assert made.fit.holds
    assert (made.fit.n, made.version, made.fitted_by) == (DAYS, 1, "eva")
    assert made.fit.intercept_kwh == pytest.approx(30, abs=1.5)
    assert [c.value for c in made.fit.coefficients] == pytest.approx([0.5, 2.0], rel=0.05)
    assert [v.unit for v in made.definition.variables] == ["1", "K·d"]
    assert [e.action for e in rig.audit.held] == ["baseline_create"]


async def test_savings_against_the_stored_model(rig: Rig) -> None:
    """From day 60 on the lathe uses 8 kWh a day less; the model is not fitted anew by what comes later."""
    made = await rig.service.create(definition(), ENGINEER)
    rig.history.extra = lambda day: -8.0 if day >= 60 else 0.0
    found = await rig.service.savings(made.id, START + 40 * DAY, START + 80 * DAY)
    assert found.counted >= 38
    assert found.saving_kwh == pytest.approx(8 * 20, abs=25)
    assert found.significant
    assert found.signal is not None
    assert found.signal.direction == "saving"
    assert START + 60 * DAY < found.signal.time_us <= START + 64 * DAY
    assert (await rig.service.get(made.id)).fit == made.fit


async def test_days_without_data_are_missing_not_zero(rig: Rig) -> None:
    rig.history.lost = {3, 4, 70}
    made = await rig.service.create(definition(), ENGINEER)
    assert (made.fit.n, made.fit.missing) == (DAYS - 2, 2)
    found = await rig.service.savings(made.id, START + 65 * DAY, START + 75 * DAY)
    assert [p.status for p in found.points].count("missing") == 1
    assert found.points[5].row.energy_kwh is None


async def test_machine_hours_and_shifts(rig: Rig) -> None:
    variables = (Variable("h", VariableKind.HOURS, "lathe"), Variable("s", VariableKind.SHIFTS))
    rows = await rig.data.rows(definition(variables=variables), START, START + 7 * DAY)
    assert [row.values[0] for row in rows] == pytest.approx([work(d)[1] for d in range(7)])
    assert [row.values[1] for row in rows] == [2, 2, 2, 2, 2, 0, 0]


async def test_weeks_begin_on_monday_and_are_whole(rig: Rig) -> None:
    rows = await rig.data.rows(definition(period=Period.WEEK), START + DAY, START + 22 * DAY)
    assert [row.label for row in rows] == ["2026-W03", "2026-W04"]
    assert rows[0].energy_kwh == pytest.approx(sum(work(d)[3] for d in range(7, 14)))
    assert weeks_of([]) == []


async def test_hours_ask_parts_by_the_day(rig: Rig) -> None:
    rows = await rig.data.rows(definition(period=Period.HOUR), START, START + DAY)
    assert len(rows) == 24
    assert sum(row.values[0] or 0 for row in rows) == work(0)[0]


async def test_another_fit_is_another_version(rig: Rig) -> None:
    first = await rig.service.create(definition(), ENGINEER)
    with pytest.raises(Conflict):
        await rig.service.create(definition(), ENGINEER)
    second = await rig.service.fit_anew(first.id, definition(train_to_us=START + 60 * DAY), ENGINEER)
    assert (second.version, second.fit.n) == (2, 60)
    assert await rig.service.get(first.id) == first
    with pytest.raises(ConfigError, match="name"):
        await rig.service.fit_anew(first.id, definition(name="other"), ENGINEER)
    await rig.service.delete(first.id, ENGINEER)
    assert [e.action for e in rig.audit.held] == ["baseline_create", "baseline_version", "baseline_delete"]


async def test_a_viewer_changes_nothing(rig: Rig) -> None:
    with pytest.raises(Forbidden):
        await rig.service.create(definition(), VIEWER)
    assert [(e.action, e.result) for e in rig.audit.held] == [("refused", "failed")]
    assert rig.store.held == []


async def test_too_few_points_are_refused_with_the_reason(rig: Rig) -> None:
    short = definition(train_to_us=START + 8 * DAY)
    draft = await rig.service.draft(short)
    assert draft.fit is None
    assert [(r.key, r.values) for r in draft.reasons] == [("few_points", {"n": 8.0, "needed": 12.0})]
    with pytest.raises(BaselineRefused, match="few_points"):
        await rig.service.create(short, ENGINEER)
    assert rig.store.held == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": " "}, "name"),
        ({"subject": "lahte"}, "subject"),
        ({"variables": ()}, "variables"),
        ({"train_to_us": START}, "train"),
        ({"variables": (Variable("x", VariableKind.TAG, "m1.nothing"),)}, r"variables\[0\].source"),
        ({"variables": (Variable("x", VariableKind.HEATING, "m1.voltage_l1", base_c=18),)}, "no temperature"),
        ({"variables": (Variable("x", VariableKind.COOLING, "out.temperature"),)}, "base_c"),
        ({"variables": (Variable("x", VariableKind.TAG, "m1.voltage_l1", statistic="sum"),)}, "statistic"),
        ({"variables": (Variable("1x", VariableKind.SHIFTS),)}, r"variables\[0\].name"),
        ({"variables": (Variable("x", VariableKind.SHIFTS), Variable("x", VariableKind.HOURS))}, "twice"),
        ({"variables": (Variable("x", VariableKind.PARTS, "mill"),)}, "counts no parts"),
        ({"variables": (Variable("x", VariableKind.HOURS, "mill"),)}, "no states"),
    ],
)
async def test_definitions_that_make_no_sense(rig: Rig, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        await rig.service.draft(definition(**changes))


async def test_the_saving_can_be_opened(rig: Rig) -> None:
    made = await rig.service.create(definition(), ENGINEER)
    found = await rig.service.explain("baseline.saving", "lathe", START + 40 * DAY, START + 60 * DAY, {})
    assert found.options == {"baseline": str(made.id)}
    assert found.value == pytest.approx((found.terms[0].value or 0) - (found.terms[1].value or 0))
    assert found.api.startswith(f"/api/baselines/{made.id}/savings?from=2026-")
    assert len(found.spans) == found.completeness * 20
    with pytest.raises(NotFound):
        await rig.service.explain("baseline.saving", "mill", START, START + DAY, {})
