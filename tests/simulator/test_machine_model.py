"""Physics of the simulated machines: identities at any instant, counters as exact integrals, a past that joins the present."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.plant import Machine, ShiftPattern
from domain.state import StateThresholds
from simulator.character import building, character_of
from simulator.day_profile import Mode
from simulator.grid import Grid
from simulator.machine_model import MachineModel, SumModel
from simulator.shop_calendar import FIRST_DAY, ShopCalendar
from tests.simulator.plants import EVERY_DAY, LATHE, SHIFTS

GRID = Grid(1)
CALENDAR = ShopCalendar("Europe/Moscow", SHIFTS)
FURNACE = Machine("furnace", "Печь СНО-4", rated_kw=36, states=StateThresholds(1.0, 15.0))
MODELS = [MachineModel(character_of(machine, 1), CALENDAR, GRID) for machine in (LATHE, FURNACE, Machine("x", "Станок"))]
START_US = round(datetime(2026, 11, 19, 0, 0, tzinfo=ZoneInfo("Europe/Moscow")).timestamp()) * 1_000_000
HOUR_US = 3_600_000_000
instants = st.integers(START_US, START_US + 10 * 24 * HOUR_US)


@settings(max_examples=60, deadline=None)
@given(instants, st.sampled_from(MODELS))
def test_electrical_identities_hold_at_any_instant(time_us: int, model: MachineModel) -> None:
    v = model.at(time_us)
    for phase in ("_l1", "_l2", "_l3"):
        squares = v["active_power" + phase] ** 2 + v["reactive_power" + phase] ** 2
        assert v["apparent_power" + phase] ** 2 == pytest.approx(squares)
        assert v["current" + phase] == pytest.approx(1000 * v["apparent_power" + phase] / v["voltage" + phase])
        assert v["power_factor" + phase] == pytest.approx(v["active_power" + phase] / v["apparent_power" + phase])
    for name in ("active_power", "reactive_power", "energy_import", "reactive_energy_import"):
        assert v[name] == pytest.approx(sum(v[f"{name}_l{n}"] for n in (1, 2, 3)), rel=1e-12)
    assert v["apparent_power"] ** 2 == pytest.approx(v["active_power"] ** 2 + v["reactive_power"] ** 2)
    assert v["power_factor"] == pytest.approx(v["active_power"] / v["apparent_power"])
    assert v["energy_import_t1"] + v["energy_import_t2"] == pytest.approx(v["energy_import"], rel=1e-12)
    assert 49.9 < v["frequency"] < 50.1
    assert 220 < v["voltage_l1"] < 240


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("register", ["", "_l1", "_l3"])
def test_counters_are_the_integral_of_the_power(model: MachineModel, register: str) -> None:
    # knots lie on whole 5 s, so the trapezoid over them is exact; start and end are off the knots
    times = START_US + 7 * HOUR_US + np.arange(0, 4 * HOUR_US, 5_000_000, dtype=np.int64)
    values = model.series(times)
    for power, energy in (("active_power", "energy_import"), ("reactive_power", "reactive_energy_import")):
        p, e = values[power + register], values[energy + register]
        assert e[-1] - e[0] == pytest.approx(float(np.sum((p[1:] + p[:-1]) / 2) * 5 / 3600), rel=1e-10)


def test_between_knots_the_counter_follows_the_straight_line() -> None:
    model = MODELS[0]
    times = START_US + 9 * HOUR_US + np.arange(0, 60_000_000, 100_000, dtype=np.int64)
    values = model.series(times)
    p = values["active_power"]
    assert values["energy_import"][-1] - values["energy_import"][0] == pytest.approx(
        float(np.sum((p[1:] + p[:-1]) / 2) * 0.1 / 3600), rel=1e-6
    )


@settings(max_examples=40, deadline=None)
@given(st.lists(instants, min_size=2, max_size=20), st.sampled_from(MODELS))
def test_counters_never_fall_and_one_instant_equals_a_series(times: list[int], model: MachineModel) -> None:
    ordered = sorted(times)
    columns = model.series(np.array(ordered, dtype=np.int64))
    for name in ("energy_import", "energy_import_t1", "energy_import_t2", "energy_import_l2", "part_count"):
        assert (np.diff(columns[name]) >= -1e-9).all(), name
    assert model.at(ordered[0]).values == {name: column[0] for name, column in columns.items()}


def test_counters_run_on_over_midnight() -> None:
    midnight = START_US + 24 * HOUR_US
    for model in MODELS:
        before, after = model.at(midnight - 1), model.at(midnight + 1)
        assert 0 <= after["energy_import"] - before["energy_import"] < 1e-4
        assert 0 <= after["energy_import_t2"] - before["energy_import_t2"] < 1e-4


def test_night_energy_goes_to_the_second_tariff() -> None:
    model = MODELS[1]
    day = model.series(START_US + np.array([7, 23, 30, 31]) * HOUR_US)
    assert day["energy_import_t2"][1] == pytest.approx(day["energy_import_t2"][0])
    assert day["energy_import_t1"][2] == pytest.approx(day["energy_import_t1"][1])
    assert day["energy_import_t1"][1] > day["energy_import_t1"][0]
    assert day["energy_import_t2"][2] > day["energy_import_t2"][1]


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 6, 1), 24)])
def test_days_with_a_change_of_summer_time(day: date, hours: int) -> None:
    zone = ZoneInfo("Europe/Berlin")
    calendar = ShopCalendar("Europe/Berlin", SHIFTS)
    model = MachineModel(character_of(LATHE, 1), calendar, GRID)
    start = round(datetime.combine(day, time(0), zone).timestamp() * 1e6)
    assert calendar.number_of(start) == (day - FIRST_DAY).days
    assert calendar.days[calendar.number_of(start)].length_s == hours * 3600
    times = start + np.arange(0, hours * HOUR_US + 1, 5_000_000, dtype=np.int64)
    values = model.series(times)
    p, e = values["active_power"], values["energy_import"]
    # the last step ends on the next day's first knot, whose power another day decides
    assert e[-2] - e[0] == pytest.approx(float(np.sum((p[1:-1] + p[:-2]) / 2) * 5 / 3600), rel=1e-10)
    assert 0 <= e[-1] - e[-2] < 0.05


def test_the_same_seed_gives_the_same_shop_another_seed_another() -> None:
    again = MachineModel(character_of(LATHE, 1), ShopCalendar("Europe/Moscow", SHIFTS), Grid(1))
    other = MachineModel(character_of(LATHE, 2), CALENDAR, Grid(2), 2)
    time_us = START_US + 10 * HOUR_US
    assert again.at(time_us).values == MODELS[0].at(time_us).values
    assert other.at(time_us)["energy_import"] != MODELS[0].at(time_us)["energy_import"]


@pytest.mark.parametrize("machine", [LATHE, FURNACE])
def test_power_stays_within_the_band_of_the_true_state(machine: Machine) -> None:
    model = MachineModel(character_of(machine, 1), CALENDAR, GRID)
    assert machine.states is not None
    idle, production = machine.states.idle_above_kw, machine.states.production_above_kw
    for from_us, to_us, mode in model.mode_segments(START_US + HOUR_US):
        inner = np.arange(from_us + 10_000_000, to_us - 10_000_000, 30_000_000, dtype=np.int64)
        p = model.series(inner)["active_power"]
        if mode is Mode.PRODUCTION:
            assert (p > production).all()
        elif mode is Mode.OFF:
            assert (p < idle).all()
        else:
            assert ((p > idle) & (p < production)).all()


def test_a_shift_has_production_pauses_and_a_use_of_its_time() -> None:
    times = START_US + 7 * HOUR_US + np.arange(0, 8 * HOUR_US, 60_000_000, dtype=np.int64)
    columns = MODELS[0].series(times)
    share = {mode: float((columns["mode"] == int(mode)).mean()) for mode in Mode}
    assert share[Mode.PRODUCTION] > 0.4
    assert share[Mode.IDLE] > 0.05
    assert columns["part_count"][-1] - columns["part_count"][0] >= 15


def test_without_work_on_sunday_the_machine_is_off() -> None:
    weekdays = ShopCalendar("Europe/Moscow", [ShiftPattern("1", time(7), time(15), EVERY_DAY - {6})])
    model = MachineModel(character_of(LATHE, 1), weekdays, GRID)
    sunday = round(datetime(2026, 11, 22, 7, 0, tzinfo=UTC).timestamp()) * 1_000_000
    assert model.at(sunday).mode is Mode.OFF
    assert {mode for *_, mode in model.mode_segments(sunday)} == {Mode.OFF}


def test_the_furnace_overloads_one_phase_now_and_then() -> None:
    times = START_US + np.arange(0, 24 * HOUR_US, 10_000_000, dtype=np.int64)
    amperes = MODELS[1].series(times)
    over = amperes["current_l2"] > 75
    assert 0.03 < over.mean() < 0.4
    assert (amperes["current_l1"] < 70).all()


def test_the_feed_is_the_sum_of_its_machines() -> None:
    other = MachineModel(building("other", 4.5, 1), CALENDAR, GRID)
    members = [*MODELS, other]
    feed = SumModel(members, GRID)
    time_us = START_US + 8 * HOUR_US
    for name in ("active_power", "reactive_power_l2", "energy_import", "energy_import_t2"):
        assert feed.at(time_us)[name] == pytest.approx(sum(m.at(time_us)[name] for m in members))
    assert 2 < other.at(time_us)["active_power"] < 7


def test_a_trip_stops_the_counter_and_an_overload_speeds_it_up() -> None:
    machine = MachineModel(character_of(FURNACE, 1), CALENDAR, GRID)
    plain = MODELS[1]
    at, minute = START_US + 8 * HOUR_US, 60_000_000
    machine.disturb(0.0, at, at + 10 * minute)
    stopped = machine.at(at + 5 * minute)
    assert stopped["active_power"] == 0
    assert stopped["current_l1"] == 0
    assert stopped.mode is Mode.OFF
    assert stopped["energy_import"] == pytest.approx(plain.at(at)["energy_import"], rel=1e-12)
    lost = plain.at(at + 10 * minute)["energy_import"] - plain.at(at)["energy_import"]
    assert machine.at(at + 60 * minute)["energy_import"] == pytest.approx(plain.at(at + 60 * minute)["energy_import"] - lost)
    machine.disturb(1.5, at + 60 * minute)
    assert machine.at(at + 61 * minute)["active_power"] == pytest.approx(1.5 * plain.at(at + 61 * minute)["active_power"])
    machine.calm(at + 62 * minute)
    assert machine.at(at + 63 * minute)["active_power"] == pytest.approx(plain.at(at + 63 * minute)["active_power"])


def test_times_before_the_first_day_are_refused() -> None:
    with pytest.raises(ValueError, match="2025-01-01"):
        MODELS[0].at(round(datetime(2024, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000)
