"""The arithmetic of energy: whatever the cuts, nothing is lost, doubled or guessed."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.efficiency import Inputs, evaluate
from analysis.energy import CounterColumns, PowerTrace, counts, measure, merge
from analysis.states import tile
from domain.counter import CounterSpec, growth_between, increments
from domain.energy import EnergyAccount
from domain.quality import Quality
from domain.state import MachineState, StateInterval

S = 1_000_000
STATES = [MachineState.OFF, MachineState.IDLE, MachineState.PRODUCTION, MachineState.NO_DATA]

KINDS = st.sampled_from(["grow"] * 8 + ["reset", "zero"])
READINGS = st.lists(st.tuples(st.integers(1, 300), st.floats(0, 5), KINDS), max_size=25)
POWERS = st.lists(st.tuples(st.integers(1, 20), st.floats(0, 10)), max_size=60)
CUTS = st.lists(st.integers(0, 3000), min_size=2, max_size=8, unique=True)


def counter(steps: list[tuple[int, float, str]]) -> list[tuple[int, float]]:
    now, value, readings = 0, 100.0, [(0, 100.0)]
    for seconds, growth, kind in steps:
        now += seconds * S
        value = value + growth if kind == "grow" else growth
        readings.append((now, 0.0 if kind == "zero" else value))
    return readings


@given(READINGS, POWERS, CUTS, st.lists(st.sampled_from(STATES), min_size=1, max_size=10))
@settings(max_examples=200, deadline=None)
def test_windows_add_up_to_the_counter_and_states_to_the_window(
    steps: list[tuple[int, float, str]], powers: list[tuple[int, float]], cuts: list[int], states: list[MachineState]
) -> None:
    readings = counter(steps)
    found = increments([r[0] for r in readings], [r[1] for r in readings], CounterSpec())
    columns = CounterColumns.of(found, readings[-1][0])
    times = np.cumsum([p[0] for p in powers]).astype(int) * S if powers else np.array([], dtype=int)
    power = PowerTrace.of_samples(list(times), [p[1] for p in powers], [0] * len(powers), S, 30 * S, 3000 * S)
    borders = [cut * S for cut in sorted(cuts)]
    width = 3000 * S // len(states) + 1
    story = [StateInterval("m", state, i * width, (i + 1) * width) for i, state in enumerate(states)]
    total = 0.0
    for begin, end in pairwise(borders):
        chunk = measure(
            begin, end, tile("m", story, begin, end), columns, power, longest_normal_us=180 * S, tail_until_us=0
        )
        account = merge("m", [chunk], begin, end, source="counter")
        energy = sum(p.energy_kwh for p in chunk.pieces)
        assert energy == pytest.approx(growth_between(found, begin, end), abs=1e-9)
        assert all(p.energy_kwh >= 0 and 0 <= p.uncertain_kwh <= p.energy_kwh + 1e-12 for p in chunk.pieces)
        assert 0 <= account.completeness <= 1 + 1e-9
        assert account.estimated_kwh <= energy + 1e-9
        total += energy
    assert total == pytest.approx(growth_between(found, borders[0], borders[-1]), abs=1e-9)


@given(POWERS, CUTS)
@settings(max_examples=100, deadline=None)
def test_integrated_power_adds_up_over_any_cuts(powers: list[tuple[int, float]], cuts: list[int]) -> None:
    times = [int(t) * S for t in np.cumsum([p[0] for p in powers])] if powers else []
    trace = PowerTrace.of_samples(times, [p[1] for p in powers], [0] * len(powers), S, 5 * S, 3000 * S)
    borders = [cut * S for cut in sorted(cuts)]
    parts = [trace.energy(a, b) for a, b in pairwise(borders)]
    assert sum(parts) == pytest.approx(trace.energy(borders[0], borders[-1]), abs=1e-9)
    assert min(parts) >= -1e-12


def test_power_holds_until_the_next_sample_but_not_over_a_gap() -> None:
    trace = PowerTrace.of_samples([0, 4 * S, 100 * S], [3.6, 7.2, 3.6], [0, 0, 0], S, 4 * S, 101 * S)
    assert trace.energy(0, 4 * S) == pytest.approx(0.004)  # 3.6 kW for 4 s
    assert trace.energy(4 * S, 100 * S) == pytest.approx(0.002)  # 7.2 kW for one interval, then nothing is known
    assert trace.energy(100 * S, 200 * S) == pytest.approx(0.001)
    assert list(trace.known_at(np.array([200 * S]))) == [6 * S]


def test_spikes_and_bad_values_carry_no_energy() -> None:
    trace = PowerTrace.of_samples([0, S, 2 * S], [3.6, 3600.0, None], [0, int(Quality.SPIKE), 65], S, 4 * S, 3 * S)
    assert trace.energy(0, 3 * S) == pytest.approx(0.003)


def test_which_counter_readings_count() -> None:
    assert [counts(q) for q in (0, Quality.COUNTER_RESET, Quality.COUNTER_JUMP, Quality.OUT_OF_RANGE, Quality.TIMEOUT)] == [
        True, True, True, False, False,
    ]  # fmt: skip


def test_a_ratio_without_a_base_is_none_and_one_with_holes_is_not_complete() -> None:
    empty = EnergyAccount("m", 0, 10, 0.0, 0.0, 1.0, "counter")
    assert evaluate("K1", Inputs(empty)).value is None
    unknown_states = EnergyAccount("m", 0, 10, 5.0, 0.0, 1.0, "counter")
    assert evaluate("K1", Inputs(unknown_states)).value is None
    holes = EnergyAccount("m", 0, 10, 5.0, 1.0, 0.94, "counter", by_state_kwh={MachineState.PRODUCTION: 4.0})
    card = evaluate("K1", Inputs(holes))
    assert (card.value, card.complete, card.estimated_share) == (0.8, False, 0.2)
