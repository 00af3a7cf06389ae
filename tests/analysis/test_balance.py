"""The balance of recorded meters, and every fault as a synthetic one made from real recordings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from analysis.balance import (
    MeterColumns,
    beyond_share,
    disagrees,
    meter_balance,
    node_balance,
    node_of,
    tolerance_kwh,
    tree_of,
)
from analysis.meter_faults import (
    clock_offset,
    constant_factor,
    meter_faults,
    missing_load,
    node_fault,
    power_against_counter,
    ratio_factor,
    reversed_phase,
    stuck_counter,
    swapped_phases,
    unit_factor,
)
from domain.balance import FaultKind, MeterFacts
from simulator.day_profile import Mode
from simulator.electrical import Load, measure
from simulator.grid import Grid
from tests.analysis.recordings import Floats, columns, opsd, pq_lab, pq_lab_meters, steel

WEEK = 7 * 96


@pytest.fixture(scope="module")
def parts() -> list[Floats]:
    """Three feeders of the steel works: three weeks of real load, shifted against each other, of different size."""
    kwh, _ = steel()
    return [kwh[96 * 60 : 96 * 60 + WEEK] * 0.5, kwh[96 * 67 : 96 * 67 + WEEK] * 0.3, kwh[96 * 74 + 7 : 96 * 74 + 7 + WEEK] * 0.2]


def shop(parts: list[Floats], *, main: Floats | None = None, reading: dict[int, Floats] | None = None, **facts: object) -> list[MeterColumns]:
    """main over m1 m2 m3; the main reads the truth unless given, sub-meters what `reading` says."""
    shown = [(reading or {}).get(n, part) for n, part in enumerate(parts)]
    rng = np.random.default_rng(9)
    true = sum(parts) * (1 + rng.normal(0, 0.002, WEEK))
    subs = [columns(f"m{n}", energy, fed_by="main", **(facts if n == 2 else {})) for n, energy in enumerate(shown, 1)]
    return [columns("main", true if main is None else main), *subs]


def cause(meters: list[MeterColumns], patterns: dict[str, Floats] | None = None):
    (node,) = tree_of(meters)
    assert disagrees(node)
    return node_fault(node, patterns or {})


# -- recordings --------------------------------------------------------------------------------------------------------------


def test_laboratory_totals_equal_the_sum_of_the_single_loads() -> None:
    """README: 715.78 Wh against 713.20 (0.4 %), 193.06 against 193.57."""
    for group, names, main_wh, sum_wh in (
        ("three", ("kettle", "vacuum", "water_heater"), 715.78, 713.20), ("two", ("kettle", "vacuum"), 193.06, 193.57),
    ):
        meters = pq_lab_meters(group, names)
        (node,) = tree_of(meters)
        whole = [float(m.energy_kwh.sum()) * 1000 for m in meters]
        assert whole[0] == pytest.approx(main_wh, abs=0.01)
        assert sum(whole[1:]) == pytest.approx(sum_wh, abs=0.01)
        balance = node_balance(node, range(len(node.known)))
        assert balance.status == "within"
        assert abs(balance.difference_kwh) / balance.main_kwh < 0.004


def test_sub_meters_of_the_house_never_exceed_its_consumption() -> None:
    """README: consumption = import + pv - export; the rest of the house has no meter."""
    growth = opsd()
    n = len(growth["pv"])
    meters = [columns("grid", growth["grid_import"] - growth["grid_export"], hours=1.0), columns("pv", growth["pv"], hours=1.0, feeds="grid")]
    names = ("heat_pump", "ev", "freezer", "dishwasher", "refrigerator", "washing_machine")
    meters += [columns(name, growth[name], hours=1.0, fed_by="grid") for name in names]
    (node,) = tree_of(meters)
    balance = node_balance(node, range(n))
    assert balance.completeness > 0.5
    assert balance.difference_kwh > 0
    hours_over = np.mean(node.residual < -(0.02 * node.consumption + 0.05))
    assert hours_over < 0.005
    found = node_fault(node, {})
    assert found.kind is FaultKind.MISSING_LOAD


def test_energy_over_gaps_is_that_of_the_readings() -> None:
    """An interval with a missing reading counts for nobody, so both sides of the balance lose the same hours."""
    growth = opsd()
    node = node_of(columns("a", growth["heat_pump"]), [columns("b", growth["heat_pump"], fed_by="a")])
    assert int(node.known.sum()) == int((~np.isnan(growth["heat_pump"])).sum())
    assert float(node.residual.sum()) == 0.0


# -- tolerance and tree ------------------------------------------------------------------------------------------------------


def test_tolerance_is_the_root_of_the_squared_limits() -> None:
    """Class 0.5 with CT 0.5 is 0.71 %; class 1 with CT 0.5 is 1.12 % (docs/formulas.md, uncertainty)."""
    assert MeterFacts("a", meter_class=0.5).error_share == pytest.approx(0.0071, abs=5e-5)
    assert MeterFacts("a").error_share == pytest.approx(0.0112, abs=5e-5)
    ten = np.full(10, 10.0)
    node = node_of(columns("main", ten, meter_class=0.5), [columns("a", ten * 0.6, fed_by="main"), columns("b", ten * 0.4, fed_by="main")])
    expected = np.sqrt((0.5**2 + 0.5**2) * 1e4 + (1 + 0.25) * (60**2 + 40**2)) / 100 + 3 * 0.01 + 0.01 * 100
    assert tolerance_kwh(node) == pytest.approx(expected)


def test_boards_make_a_tree_and_a_cycle_is_refused() -> None:
    one = np.ones(8)
    meters = [columns("main", 2 * one), columns("board", 2 * one, fed_by="main"), columns("a", one, fed_by="board"), columns("b", one, fed_by="board")]
    assert [(n.main.facts.device_id, len(n.subs)) for n in tree_of(meters)] == [("main", 1), ("board", 2)]
    with pytest.raises(ValueError, match="feeds itself"):
        tree_of([columns("a", one, fed_by="b"), columns("b", one, fed_by="a")])


def test_healthy_meters_raise_nothing(parts: list[Floats]) -> None:
    (node,) = tree_of(shop(parts))
    assert not disagrees(node)
    assert beyond_share(node) < 0.02
    assert [s for meter in shop(parts) for s in meter_faults(meter)] == []


def test_too_few_intervals_say_nothing() -> None:
    node = node_of(columns("main", np.full(5, 3.0)), [columns("a", np.ones(5), fed_by="main")])
    assert not disagrees(node)
    assert node_balance(node, range(5)).status == "unknown"


# -- wrong ratio and unit ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("set_a", "true_a"), [(100, 200), (150, 100), (5, 100)])
def test_wrong_ratio_of_a_sub_meter(parts: list[Floats], set_a: int, true_a: int) -> None:
    """The transformer is true_a/5, the meter believes set_a/5."""
    found = cause(shop(parts, reading={1: parts[1] * set_a / true_a}, ct_ratio=set_a / 5))
    assert (found.kind, found.device_id) == (FaultKind.WRONG_RATIO, "m2")
    assert found.figures["factor"] == pytest.approx(true_a / set_a, rel=0.02)
    assert found.confidence > 0.7


def test_the_likely_ratio_is_told(parts: list[Floats]) -> None:
    meters = shop(parts, reading={0: parts[0] / 2})
    meters[1] = replace(meters[1], facts=replace(meters[1].facts, ct_ratio=20.0))
    found = cause(meters)
    assert found.figures["ct_ratio_likely"] == pytest.approx(40.0)


def test_wrong_ratio_of_the_main_meter(parts: list[Floats]) -> None:
    found = cause(shop(parts, main=sum(parts) * 1.5))
    assert (found.kind, found.device_id) == (FaultKind.WRONG_RATIO, "main")
    assert found.figures["factor"] == pytest.approx(1 / 1.5, rel=0.02)


@pytest.mark.parametrize("factor", [1000.0, 0.001, 3600.0, 10.0])
def test_unit_of_the_power(parts: list[Floats], factor: float) -> None:
    """W taken for kW and the like: the counter is right, the power is not."""
    meter = columns("m1", parts[0], power=parts[0] * 4 * factor)
    found = power_against_counter(meter)
    assert found is not None
    assert found.kind is FaultKind.UNIT
    assert found.figures["known"] == pytest.approx(1 / factor)
    assert meter_balance(meter).status == "beyond"


def test_power_before_the_transformer(parts: list[Floats]) -> None:
    found = power_against_counter(columns("m1", parts[0], power=parts[0] * 4 / 30, ct_ratio=30.0))
    assert found is not None
    assert (found.kind, found.words["ratio"]) == (FaultKind.WRONG_RATIO, "missing")
    assert found.figures["factor"] == pytest.approx(30, rel=0.01)


def test_power_and_counter_that_disagree_without_a_factor(parts: list[Floats]) -> None:
    rng = np.random.default_rng(1)
    found = power_against_counter(columns("m1", parts[0], power=parts[0] * 4 * rng.uniform(0, 1.6, WEEK)))
    assert found is not None
    assert found.kind is FaultKind.POWER_COUNTER


def test_known_factors() -> None:
    assert unit_factor(1003) == 1000
    assert unit_factor(1 / 3600) == pytest.approx(1 / 3600)
    assert unit_factor(2.0) is None
    assert ratio_factor(20.2) == (20.0, "missing")
    assert ratio_factor(1.73) == (pytest.approx(3**0.5), "phase_voltage")
    assert ratio_factor(-1.0) is None
    assert constant_factor(np.ones(4), np.ones(4)) is None


# -- phases ------------------------------------------------------------------------------------------------------------------


def three_phases(turn: tuple[float, float, float] = (0, 0, 0), sign: tuple[int, int, int] = (1, 1, 1), *, with_q: bool = True) -> MeterColumns:
    """The steel works as a three-phase load, slightly unbalanced; each phase's current turned by degrees or reversed."""
    kwh, kvarh = steel()
    busy = kwh > 20
    vector = ((kwh + 1j * kvarh)[busy][:WEEK] * 4 / 3)[None, :] * np.array([[1.0], [0.95], [1.08]])
    u = np.full(vector.shape, 230.0)
    i = np.abs(vector) * 1000 / u
    vector = vector * np.exp(1j * np.radians(turn))[:, None] * np.array(sign)[:, None]
    p = vector.real
    phases = {"p": p, "u": u, "i": i} | ({"q": vector.imag} if with_q else {})
    total = p.sum(axis=0)
    return MeterColumns(MeterFacts("m1"), 0.25, np.maximum(total, 0) / 4, total, phases)


@pytest.mark.parametrize("phase", [0, 1, 2])
def test_a_reversed_phase_is_named_with_what_it_hides(phase: int) -> None:
    sign = tuple(-1 if n == phase else 1 for n in range(3))
    meter, healthy = three_phases(sign=sign), three_phases()
    found = reversed_phase(meter)
    assert found is not None
    assert found.words["phases"] == f"L{phase + 1}"
    assert found.confidence > 0.9
    assert found.figures["true_kw"] == pytest.approx(float(healthy.power_kw.mean()), rel=1e-6)
    assert swapped_phases(meter) is None


def test_three_laboratory_loads_as_phases_with_the_kettle_reversed() -> None:
    """Kettle on L1, vacuum cleaner on L2, water heater on L3, where all three run."""
    loads = [pq_lab(f"three_{name}")[1] for name in ("kettle", "vacuum", "water_heater")]
    n = min(len(load["p"]) for load in loads)
    p, q = (np.array([load[k][:n] for load in loads]) for k in ("p", "q"))
    running = p.min(axis=0) > 0.1
    healthy = MeterColumns(MeterFacts("lab"), 1 / 3600, np.full(n, np.nan), p.sum(axis=0), {"p": p, "q": q})
    assert reversed_phase(healthy) is None
    assert swapped_phases(healthy) is None
    turned = p[:, running] * np.array([[-1.0], [1.0], [1.0]])
    found = reversed_phase(MeterColumns(MeterFacts("lab"), 1 / 3600, np.full(turned.shape[1], np.nan), turned.sum(axis=0), {"p": turned}))
    assert found is not None
    assert found.words["phases"] == "L1"


def test_a_drive_that_feeds_back_now_and_then_is_no_reversed_phase() -> None:
    meter = three_phases()
    p = meter.phases["p"].copy()
    p[:, ::5] *= -1
    assert reversed_phase(replace(meter, phases={"p": p})) is None


@pytest.mark.parametrize("with_q", [True, False])
@pytest.mark.parametrize(("turn", "names"), [((0, 120, -120), "L2, L3"), ((120, 0, -120), "L1, L3"), ((-120, 120, 0), "L1, L2")])
def test_swapped_currents(turn: tuple[float, float, float], names: str, with_q: bool) -> None:
    found = swapped_phases(three_phases(turn, with_q=with_q))
    assert found is not None
    assert (found.words["phases"], found.words["kind"]) == (names, "swapped")
    assert found.confidence > 0.6


def test_rotated_currents_need_reactive_power_to_be_seen() -> None:
    found = swapped_phases(three_phases((-120, -120, -120)))
    assert found is not None
    assert found.words["kind"] == "rotated"


@pytest.mark.parametrize("with_q", [True, False])
def test_healthy_phases(with_q: bool) -> None:
    assert swapped_phases(three_phases(with_q=with_q)) is None
    assert reversed_phase(three_phases()) is None


def simulated(freeze_from: int | None = None) -> MeterColumns:
    """A simulated meter with three phases, per minute; frozen as the simulator's fault "freeze" does it."""
    n = 600
    times = np.arange(n, dtype=np.int64) * 60_000_000
    p = np.array([[2.0], [2.3], [1.9]]) * (1 + 0.4 * np.sin(np.arange(n) / 9.0))
    power = np.vstack([p, 0.7 * p])
    load = Load(power, np.cumsum(power, axis=1) / 60, np.zeros(n), np.zeros(n), np.full(n, int(Mode.PRODUCTION)))
    shown = dict(measure(load, Grid(), times, 10.0, 1))
    if freeze_from is not None:
        shown = {name: np.where(np.arange(n) < freeze_from, column, column[freeze_from]) for name, column in shown.items()}
    names = {"p": "active_power", "q": "reactive_power", "u": "voltage", "i": "current"}
    phases = {key: np.array([shown[f"{name}_l{k}"][1:] for k in (1, 2, 3)]) for key, name in names.items()}
    return MeterColumns(MeterFacts("sim"), 1 / 60, np.diff(shown["energy_import"]), shown["active_power"][1:], phases)


def test_a_simulated_meter_is_healthy_and_its_wiring_faults_are_named() -> None:
    meter = simulated()
    assert meter_faults(meter) == []
    s = meter.phases["p"] + 1j * meter.phases["q"]
    turned = s * np.exp(1j * np.radians([[0.0], [-120.0], [120.0]]))
    swapped = swapped_phases(replace(meter, phases={**meter.phases, "p": turned.real, "q": turned.imag}))
    assert swapped is not None
    assert swapped.words["phases"] == "L2, L3"
    opposite = reversed_phase(replace(meter, phases={"p": meter.phases["p"] * np.array([[1.0], [-1.0], [1.0]])}))
    assert opposite is not None
    assert opposite.words["phases"] == "L2"


def test_a_frozen_meter_looks_like_a_stuck_counter() -> None:
    found = stuck_counter(simulated(freeze_from=400))
    assert found is not None
    assert found.figures["hours"] == pytest.approx(199 / 60)


def test_a_reversed_phase_seen_from_the_main_meter_alone(parts: list[Floats]) -> None:
    """No phase values: a balanced load with one phase reversed reads a third of itself."""
    found = cause(shop(parts, reading={0: parts[0] / 3}))
    assert (found.kind, found.device_id) == (FaultKind.REVERSED_PHASE, "m1")


# -- counters, clocks, loads -------------------------------------------------------------------------------------------------


def test_a_stuck_counter_and_what_it_lost(parts: list[Floats]) -> None:
    energy = parts[0].copy()
    energy[200:260] = 0.0
    found = stuck_counter(columns("m1", energy, power=parts[0] * 4))
    assert found is not None
    assert found.figures["lost_kwh"] == pytest.approx(float(parts[0][200:260].sum()))
    assert found.figures["hours"] == pytest.approx(15)


def test_a_machine_that_is_off_has_no_stuck_counter(parts: list[Floats]) -> None:
    energy = parts[0].copy()
    energy[200:260] = 0.0
    assert stuck_counter(columns("m1", energy)) is None


@pytest.mark.parametrize("lag", [-12, -1, 4, 12])
def test_a_clock_that_is_off(parts: list[Floats], lag: int) -> None:
    """Late by `lag` quarter hours: what it tells comes that much too late."""
    late = np.roll(parts[0], lag)
    meters = shop(parts, reading={0: late})
    (node,) = tree_of(meters)
    found, explained = clock_offset(node, 0)
    assert found == lag
    assert explained > 0.9
    named = cause(meters)
    assert (named.kind, named.device_id, named.figures["lag_s"]) == (FaultKind.CLOCK_OFFSET, "m1", lag * 900)


def test_an_unmetered_load_of_the_day_shift(parts: list[Floats]) -> None:
    quarter = np.arange(WEEK) % 96
    shift = ((quarter >= 28) & (quarter < 92)).astype(float)
    rng = np.random.default_rng(7)
    extra = shift * rng.uniform(1.8, 2.6, WEEK) + 0.2
    found = cause(shop(parts, main=sum(parts) + extra), {"shift": shift, "m2": (parts[1] > 5).astype(float)})
    assert (found.kind, found.words["pattern"]) == (FaultKind.MISSING_LOAD, "shift")
    assert found.figures["on_kw"] == pytest.approx(2.4 * 4, rel=0.05)
    assert found.figures["off_kw"] == pytest.approx(0.2 * 4, rel=0.2)


def test_an_unmetered_load_that_never_stops(parts: list[Floats]) -> None:
    (node,) = tree_of(shop(parts, main=sum(parts) + 3.0))
    found = missing_load(node, {})
    assert found is not None
    assert found.words["pattern"] == "constant"
    assert found.figures["mean_kw"] == pytest.approx(12, rel=0.02)


def test_the_rest_of_a_machine_is_told_from_its_ratio(parts: list[Floats]) -> None:
    """Coolant pump of machine 2 on another cable: constant while it runs, not in proportion to its power."""
    on = (parts[1] > 3).astype(float)
    found = cause(shop(parts, main=sum(parts) + 2.5 * on), {"m2-machine": on})
    assert (found.kind, found.words["pattern"]) == (FaultKind.MISSING_LOAD, "m2-machine")


def test_noise_stays_unexplained(parts: list[Floats]) -> None:
    rng = np.random.default_rng(3)
    found = cause(shop(parts, main=sum(parts) * rng.uniform(0.4, 1.2, WEEK)))
    assert found.kind is FaultKind.UNEXPLAINED
    assert found.words["sign"] == "less"
