"""An energy total never falls and never grows by more than the highest possible power x time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.counter import CounterSpec, Step, advance, estimated_between, growth_between, increments

S = 1_000_000
KW100 = 100 / 3600  # 100 kW as kWh/s


def steps(values: list[float], spec: CounterSpec, every_s: int = 60) -> list[tuple[float, Step]]:
    found = increments([i * every_s * S for i in range(len(values))], values, spec)
    return [(round(i.growth, 9), i.step) for i in found]


def test_plain_growth_is_difference() -> None:
    assert steps([10.0, 10.5, 11.5], CounterSpec()) == [(0.5, Step.NORMAL), (1.0, Step.NORMAL)]


def test_rollover_within_possible_power_is_counted() -> None:
    assert steps([9999.9, 0.4], CounterSpec(wrap_at=10000.0, max_rate=KW100)) == [(0.5, Step.WRAP)]


def test_fall_that_no_rollover_explains_is_a_reset_and_adds_nothing() -> None:
    assert steps([5000.0, 12.0, 12.5], CounterSpec(wrap_at=10000.0, max_rate=KW100)) == [(0.0, Step.RESET), (0.5, Step.NORMAL)]


def test_without_a_known_power_limit_a_fall_is_never_guessed_to_be_a_rollover() -> None:
    assert steps([9999.9, 0.4], CounterSpec(wrap_at=10000.0))[0] == (0.0, Step.RESET)


def test_short_zero_after_a_reboot_costs_nothing() -> None:
    assert steps([100.0, 0.0, 101.0], CounterSpec(max_rate=KW100)) == [(1.0, Step.NORMAL)]


def test_zero_that_stays_is_a_reset() -> None:
    assert steps([100.0, 0.0, 0.2, 0.5], CounterSpec(max_rate=KW100)) == [(0.0, Step.RESET), (0.3, Step.NORMAL)]


def test_impossible_jump_adds_nothing_and_counting_goes_on_from_there() -> None:
    assert steps([100.0, 5000.0, 5000.5], CounterSpec(max_rate=KW100)) == [(0.0, Step.JUMP), (0.5, Step.NORMAL)]


def test_16_bit_pulse_counter_wraps() -> None:
    assert steps([65534.0, 3.0], CounterSpec(wrap_at=65536.0, max_rate=10.0)) == [(5.0, Step.WRAP)]


def test_reading_of_the_past_is_ignored() -> None:
    state, _ = advance(None, 10 * S, 5.0, CounterSpec())
    assert advance(state, 10 * S, 9.0, CounterSpec()) == (state, None)


@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=30), st.integers(1, 29))
def test_total_is_never_negative_nor_more_than_possible_and_splits_sum_up(values: list[float], cut: int) -> None:
    spec = CounterSpec(wrap_at=1e6, max_rate=KW100)
    times = [i * 60 * S for i in range(len(values))]
    found = increments(times, values, spec)
    whole = growth_between(found, times[0], times[-1])
    assert 0 <= whole <= KW100 * 60 * (len(values) - 1) * 1.0001 + 1e-6
    border = min(cut * 37 * S, times[-1])
    assert growth_between(found, times[0], border) + growth_between(found, border, times[-1]) == pytest.approx(whole, abs=1e-9)


def test_only_the_split_of_a_gap_is_estimated() -> None:
    found = increments([0, 3600 * S], [0.0, 10.0], CounterSpec())
    assert estimated_between(found, 0, 3600 * S, 120 * S) == 0.0
    assert estimated_between(found, 0, 900 * S, 120 * S) == pytest.approx(2.5)
