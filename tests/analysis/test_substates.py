"""Stand-by, warm-up and ready within idle."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from analysis.state_learning import histogram_of, idle_split
from analysis.states import Timing, states_of
from analysis.substates import settled_kw, substates
from domain.state import StateThresholds
from domain.substate import SubState as Sub

S = 1_000_000
TIMING = Timing.of(1.0)
BORDERS = StateThresholds(0.3, 3.5, 10)
RNG = np.random.default_rng(3)


def trace(*parts: tuple[float, int]):  # type: ignore[no-untyped-def]
    power = np.concatenate([kw * (1 + 0.01 * RNG.standard_normal(seconds)) for kw, seconds in parts])
    times = np.arange(len(power), dtype=np.int64) * S
    columns = times, power, np.zeros(len(power), dtype=np.int64)
    return columns, states_of("m", *columns, BORDERS, TIMING, 0, len(power) * S)


def found(*parts: tuple[float, int]) -> list[tuple[Sub, int]]:
    columns, intervals = trace(*parts)
    split = idle_split(histogram_of(*columns, TIMING), BORDERS)
    tiles = substates(intervals, columns, split, settled_kw(intervals, columns))
    assert all(a.to_us == b.from_us for a, b in pairwise(tiles))
    assert (tiles[0].from_us, tiles[-1].to_us) == (0, len(columns[0]) * S)
    return [(tile.sub_state, round((tile.to_us - tile.from_us) / S)) for tile in tiles]


def test_warm_up_comes_after_off_and_ends_at_the_settled_level() -> None:
    assert found((0.03, 1000), (2.4, 600), (2.0, 300), (6.0, 2000), (2.0, 1200), (0.03, 500)) == [
        (Sub.OFF, 1000), (Sub.WARM_UP, 600), (Sub.READY, 300), (Sub.PROCESSING, 2000), (Sub.READY, 1200), (Sub.OFF, 500)
    ]  # fmt: skip


def test_a_start_at_the_settled_level_is_no_warm_up() -> None:
    states = [state for state, _ in found((0.03, 1000), (2.0, 600), (6.0, 2000), (2.0, 1200))]
    assert states == [Sub.OFF, Sub.READY, Sub.PROCESSING, Sub.READY]


def test_two_levels_of_waiting_are_stand_by_and_ready() -> None:
    states = found((6.0, 1000), (2.0, 2000), (0.8, 3000), (2.0, 10), (0.8, 500), (6.0, 500), (2.0, 1500))
    assert states == [
        (Sub.PROCESSING, 1000), (Sub.READY, 2000), (Sub.STANDBY, 3510), (Sub.PROCESSING, 500), (Sub.READY, 1500)
    ]  # fmt: skip


def test_one_level_of_waiting_is_ready() -> None:
    columns, _ = trace((6.0, 3000), (2.0, 4000))
    assert idle_split(histogram_of(*columns, TIMING), BORDERS) is None
    columns, _ = trace((6.0, 3000), (2.0, 4000), (0.8, 4000))
    assert idle_split(histogram_of(*columns, TIMING), BORDERS) == pytest.approx(1.27, rel=0.15)


def test_nothing_known_nothing_told() -> None:
    assert substates([], trace((1.0, 10))[0], None, None) == []
