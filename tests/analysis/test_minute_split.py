"""A minute in which a machine changes its state: each state gets the power of the whole minute beside it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.minute_split import split_by_states
from domain.state import MachineState, StateInterval

S, MIN = 1_000_000, 60_000_000
OFF, IDLE, WORK, LOST = MachineState.OFF, MachineState.IDLE, MachineState.PRODUCTION, MachineState.NO_DATA
LEVEL = {OFF: 0.1, IDLE: 4.0, WORK: 16.0, LOST: 0.0}


def tiled(*parts: tuple[MachineState, int]) -> list[StateInterval]:
    """States with their seconds, from 0 on; the last one runs."""
    found, at = [], 0
    for state, seconds in parts:
        found.append(StateInterval("m", state, at, at + seconds * S))
        at += seconds * S
    return [*found[:-1], StateInterval("m", found[-1].state, found[-1].from_us, None)]


def means(intervals: list[StateInterval], minutes: int) -> np.ndarray:
    """True mean of each minute."""
    seconds = np.zeros(minutes * 60)
    for interval in intervals:
        end = minutes * 60 if interval.to_us is None else interval.to_us // S
        seconds[interval.from_us // S : end] = LEVEL[interval.state]
    return seconds.reshape(minutes, 60).mean(axis=1)


def by_state(intervals: list[StateInterval], minutes: int) -> dict[MachineState, float]:
    """kW·s of each state as split."""
    begin = np.arange(minutes, dtype=np.int64) * MIN
    starts, ends, power = split_by_states(begin, begin + MIN, means(intervals, minutes), intervals)
    found: dict[MachineState, float] = {}
    for a, b, kw in zip(starts.tolist(), ends.tolist(), power.tolist(), strict=True):
        state = next(i.state for i in reversed(intervals) if i.from_us <= a)
        found[state] = found.get(state, 0.0) + kw * (b - a) / S
    return found


@pytest.mark.parametrize(
    "parts",
    [
        ((IDLE, 150), (WORK, 200), (IDLE, 190)),  # each has a whole minute of its own
        ((IDLE, 170), (WORK, 25), (IDLE, 200)),  # a cut within one minute has what the idling leaves
        ((OFF, 100), (IDLE, 130), (WORK, 400)),
    ],
)
def test_each_state_has_its_own_power(parts: tuple[tuple[MachineState, int], ...]) -> None:
    intervals = tiled(*parts)
    minutes = sum(seconds for _, seconds in parts) // 60
    seconds = dict.fromkeys(LEVEL, 0)
    for interval in intervals:
        end = minutes * 60 if interval.to_us is None else interval.to_us // S
        seconds[interval.state] += end - interval.from_us // S
    for state, found in by_state(intervals, minutes).items():
        assert found == pytest.approx(seconds[state] * LEVEL[state], rel=1e-9), state


def test_where_nothing_tells_the_mean_stays() -> None:
    lost = tiled((WORK, 90), (LOST, 60), (WORK, 100))
    begin = np.arange(4, dtype=np.int64) * MIN
    _, _, power = split_by_states(begin, begin + MIN, np.array([16.0, 9.0, 9.0, 16.0]), lost)
    assert power.tolist() == pytest.approx([16, 16, 2, 2, 16, 16])  # the rest of a minute is all that is left for no data
    alone = tiled((WORK, 20), (IDLE, 20), (WORK, 300))
    _, _, power = split_by_states(begin[:1], begin[:1] + MIN, np.array([7.0]), alone)
    assert power.tolist() == [7.0, 7.0, 7.0]
    same = split_by_states(begin, begin + MIN, np.array([1.0, 2, 3, 4]), [])
    assert same[2].tolist() == [1, 2, 3, 4]


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([OFF, IDLE, WORK, LOST]), st.integers(1, 400)), min_size=1, max_size=12),
    st.lists(st.floats(0, 50), min_size=3, max_size=30),
)
def test_every_bucket_keeps_its_energy_and_no_power_is_negative(parts: list[tuple[MachineState, int]], mean: list[float]) -> None:
    begin = np.arange(len(mean), dtype=np.int64) * MIN
    starts, ends, power = split_by_states(begin, begin + MIN, np.array(mean), tiled(*parts))
    assert (power >= 0).all()
    assert (starts[1:] == ends[:-1]).all()
    kept = np.bincount(starts // MIN, power * (ends - starts), len(mean)) / MIN
    assert kept == pytest.approx(np.array(mean), abs=1e-9)
