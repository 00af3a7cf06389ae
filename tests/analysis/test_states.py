"""Machine states: borders, hysteresis, dwell, lost data; the stream and the columns agree on anything."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.states import StateMachine, Timing, seconds_by_state, states_of, tile
from domain.quality import Quality
from domain.state import MachineState, StateInterval, StateThresholds

S = 1_000_000
OFF, IDLE, CUT, LOST = MachineState.OFF, MachineState.IDLE, MachineState.PRODUCTION, MachineState.NO_DATA
LATHE = StateThresholds(idle_above_kw=0.3, production_above_kw=1.3, min_dwell_s=10)
TIMING = Timing.of(1.0, 1.0)
TIMEOUT = int(Quality.TIMEOUT)

Row = tuple[int, float | None, int]


def streamed(rows: Sequence[Row], thresholds: StateThresholds, from_us: int, to_us: int) -> list[StateInterval]:
    """What a store that obeys the identity (machine, from) holds after the stream."""
    machine = StateMachine("m", thresholds, TIMING, from_us)
    held = {from_us: machine.current}
    for row in rows:
        for change in machine.feed(*row):
            held[change.from_us] = change
    for change in machine.tick(to_us):
        held[change.from_us] = change
    running = held[machine.current.from_us]
    assert running.to_us is None
    return tile("m", [held[key] for key in sorted(held)], from_us, to_us)


def column(rows: Sequence[Row], thresholds: StateThresholds, from_us: int, to_us: int) -> list[StateInterval]:
    times, values, qualities = (list(c) for c in zip(*rows, strict=True)) if rows else ([], [], [])
    return states_of("m", times, values, qualities, thresholds, TIMING, from_us, to_us)  # type: ignore[arg-type]


def seconds(intervals: Sequence[StateInterval]) -> list[tuple[MachineState, float]]:
    return [(i.state, ((i.to_us or 0) - i.from_us) / S) for i in intervals]


def story(*parts: tuple[float | None, int]) -> list[Row]:
    """(kW or None, seconds) one after the other, one sample a second from 0."""
    powers = [power for power, length in parts for _ in range(length)]
    return [(i * S, power, 0 if power is not None else TIMEOUT) for i, power in enumerate(powers)]


def both(rows: Sequence[Row], length_s: int, thresholds: StateThresholds = LATHE) -> list[tuple[MachineState, float]]:
    found = seconds(streamed(rows, thresholds, 0, length_s * S))
    assert found == seconds(column(rows, thresholds, 0, length_s * S))
    assert sum(s for _, s in found) == length_s
    return found


def test_states_begin_where_the_border_was_crossed() -> None:
    rows = story((0.1, 60), (0.8, 100), (5.0, 200), (0.8, 40), (0.1, 100))
    assert both(rows, 500) == [(OFF, 60), (IDLE, 100), (CUT, 200), (IDLE, 40), (OFF, 100)]


def test_short_excursions_stay_in_the_state_around_them() -> None:
    rows = story((0.8, 60), (5.0, 9), (0.8, 60), (5.0, 60), (0.8, 9), (5.0, 60))
    assert both(rows, 258) == [(IDLE, 129), (CUT, 129)]


def test_exactly_the_dwell_is_enough() -> None:
    assert both(story((0.8, 60), (5.0, 11), (0.8, 60)), 131) == [(IDLE, 60), (CUT, 11), (IDLE, 60)]


def test_a_ramp_passes_idle_even_when_that_is_shorter_than_the_dwell() -> None:
    rows = story((0.1, 60), (0.8, 4), (5.0, 60), (0.8, 4), (0.1, 60))
    assert both(rows, 188) == [(OFF, 60), (IDLE, 4), (CUT, 60), (IDLE, 4), (OFF, 60)]


def test_a_machine_that_pulses_around_the_cut_is_at_least_idle() -> None:
    rows = story((0.1, 30), *[(5.0, 5), (0.8, 5)] * 10, (0.1, 30))
    assert both(rows, 160) == [(OFF, 30), (IDLE, 100), (OFF, 30)]


def test_hysteresis_keeps_a_noisy_border_quiet() -> None:
    noisy = StateThresholds(0.3, 1.3, min_dwell_s=0, hysteresis_kw=0.1)
    rows = story((1.35, 10), (1.25, 10), (1.31, 10), (1.21, 10), (1.19, 10), (1.29, 10), (1.3, 10))
    assert both(rows, 70, noisy) == [(CUT, 40), (IDLE, 20), (CUT, 10)]


def test_a_lost_reply_tears_nothing_and_a_lost_machine_has_no_data_after_one_interval() -> None:
    rows = story((5.0, 60), (None, 2), (5.0, 58), (None, 30), (5.0, 30))
    assert both(rows, 180) == [(CUT, 120), (LOST, 30), (CUT, 30)]
    assert both(story((5.0, 60)), 100) == [(CUT, 60), (LOST, 40)]
    assert both([], 10) == [(LOST, 10)]


def test_no_data_is_told_within_three_intervals_plus_timeout() -> None:
    machine = StateMachine("m", LATHE, TIMING, 0)
    machine.feed(0, 5.0, 0)
    assert machine.tick(4 * S) == []
    assert [c.state for c in machine.tick(4 * S + 1)] == [IDLE, LOST]
    assert machine.current.from_us == S


def test_a_spike_decides_nothing() -> None:
    fast = StateThresholds(0.3, 1.3, min_dwell_s=0)
    rows: list[Row] = [(i * S, 0.8 if i != 5 else 50.0, int(Quality.SPIKE) if i == 5 else 0) for i in range(10)]
    assert both(rows, 10, fast) == [(IDLE, 10)]


def test_late_and_repeated_samples_are_ignored_by_the_stream() -> None:
    machine = StateMachine("m", LATHE, TIMING, 0)
    machine.feed(10 * S, 0.1, 0)
    before = machine.current
    assert machine.feed(10 * S, 5.0, 0) == machine.feed(3 * S, 5.0, 0) == []
    assert machine.current == before


ROWS = st.lists(
    st.tuples(
        st.sampled_from([100_000, S, S, S, 2 * S, 4 * S, 4 * S + 1, 5 * S, 60 * S]),
        st.sampled_from([None, 0.0, 0.2, 0.27, 0.29, 0.3, 0.5, 1.0, 1.22, 1.25, 1.3, 1.5, 6.0]),
        st.sampled_from([0, 0, 0, 0, int(Quality.SPIKE), int(Quality.FROZEN)]),
    ),
    max_size=60,
)


@given(ROWS, st.sampled_from([0.0, 1.0, 2.5, 10.0]), st.sampled_from([None, 0.0, 0.05, 0.2]), st.integers(1, 100))
@settings(max_examples=400, deadline=None)
def test_stream_and_columns_agree_and_tile_the_window(
    steps: list[tuple[int, float | None, int]], dwell_s: float, hysteresis: float | None, tail_s: int
) -> None:
    thresholds = StateThresholds(0.3, 1.3, dwell_s, hysteresis)
    rows: list[Row] = []
    now = 0
    for step, power, quality in steps:
        now += step
        rows.append((now, power, TIMEOUT if power is None else quality))
    to_us = now + tail_s * S
    stream, columns = streamed(rows, thresholds, 0, to_us), column(rows, thresholds, 0, to_us)
    assert stream == columns
    assert stream[0].from_us == 0
    assert stream[-1].to_us == to_us
    assert all(a.to_us == b.from_us and a.state is not b.state for a, b in itertools.pairwise(stream))
    assert all(i.to_us is not None and i.to_us > i.from_us for i in stream)
    assert round(sum(seconds_by_state(stream, to_us).values()) * S) == to_us


def test_columns_take_a_shift_of_one_second_samples_in_milliseconds() -> None:
    times = np.arange(28_800, dtype=np.int64) * S
    power = np.where((times // (300 * S)) % 2 == 0, 0.8, 6.0)
    found = states_of("m", times, power, np.zeros(28_800, dtype=np.int64), LATHE, TIMING, 0, 28_800 * S)
    assert len(found) == 96
    assert {i.state for i in found} == {IDLE, CUT}


def test_tiling_stored_intervals_fills_holes_and_cuts_the_running_one() -> None:
    stored = [
        StateInterval("m", CUT, 0, 50), StateInterval("m", CUT, 50, 80), StateInterval("m", IDLE, 100, 120),
        StateInterval("m", OFF, 120, None),
    ]  # fmt: skip
    assert [(i.state, i.from_us, i.to_us) for i in tile("m", stored, 10, 200)] == [
        (CUT, 10, 80), (LOST, 80, 100), (IDLE, 100, 120), (OFF, 120, 200),
    ]
    assert [(i.state, i.from_us, i.to_us) for i in tile("m", [], 0, 5)] == [(LOST, 0, 5)]
