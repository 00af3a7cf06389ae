"""The grid, the layout of a cycle, back-off and the figures: pure parts of the poller."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_collection import cycle
from data_collection.backoff import LIMIT_S, Backoff
from data_collection.driver import Cost
from data_collection.figures import Lateness, RollingSum
from data_collection.schedule import Slot, interval_of, layout
from domain.plant import Line
from domain.profile import Group


def test_a_late_poll_does_not_shift_the_next() -> None:
    slot = Slot(0, Group.FAST, 1.0, due=10.0)
    slot.advance(10.7)
    assert (slot.due, slot.skipped) == (11.0, 0)


def test_a_poll_that_ran_into_the_next_grid_point_is_made_up_for_at_once_but_older_points_are_skipped() -> None:
    slot = Slot(0, Group.FAST, 1.0, due=10.0)
    slot.advance(11.2)
    assert (slot.due, slot.skipped) == (11.0, 0)
    slot.advance(15.5)
    assert (slot.due, slot.skipped) == (15.0, 3)


@given(st.floats(0.05, 60), st.floats(0, 1e5))
def test_grid_points_stay_on_the_grid(interval: float, late: float) -> None:
    slot = Slot(0, Group.FAST, interval, due=100.0)
    slot.advance(100.0 + late)
    steps = (slot.due - 100.0) / interval
    assert steps == pytest.approx(round(steps), abs=1e-6)
    assert round(steps) == slot.skipped + 1
    assert slot.due > 100.0 + late - interval * 1.000001


def test_groups_have_their_own_pace() -> None:
    assert [interval_of(g, 1.0) for g in Group] == [1.0, 60.0, 86400.0]
    assert interval_of(Group.SLOW, 300.0) == 300.0


def test_polls_follow_each_other_quick_ones_first_and_leave_one_idle_stretch() -> None:
    assert layout([0.4, 0.1, 0.1], 10.0, reserve=1.0) == [pytest.approx(0.2), 0.0, pytest.approx(0.1)]
    crowded = layout([1.0] * 16, 8.0)
    assert max(crowded) < 8.0
    assert sorted(crowded) == crowded
    assert layout([], 1.0) == []


def test_backoff_doubles_to_its_limit_with_jitter_and_starts_over() -> None:
    backoff = Backoff(uniform=lambda: 1.0)
    assert [backoff.failed(0.0) for _ in range(8)] == [1, 2, 4, 8, 16, 32, LIMIT_S, LIMIT_S]
    backoff.succeeded()
    assert (backoff.next_at, backoff.failed(5.0), backoff.next_at) == (0.0, 1.0, 6.0)
    assert Backoff(uniform=lambda: 0.0).failed(0.0) == pytest.approx(0.8)
    assert Backoff(uniform=lambda: 1.0).hold(0.0) == LIMIT_S
    assert LIMIT_S <= 60.0


def test_twenty_lines_gone_for_five_minutes_do_not_come_back_together() -> None:
    rng = random.Random(9)
    returns = []
    for _ in range(20):
        backoff, now = Backoff(uniform=rng.random), 0.0
        while now < 300.0:
            now += backoff.failed(now)
        returns.append(now)
    assert max(returns) - min(returns) >= 5.0
    assert max(returns) <= 360.0
    assert max(sum(1 for r in returns if a <= r < a + 1.0) for a in returns) <= 6


@given(st.lists(st.floats(1e-5, 100), min_size=1, max_size=200))
def test_quantiles_are_within_a_bucket(seconds: list[float]) -> None:
    lateness = Lateness()
    for s in seconds:
        lateness.add(s)
    exact = sorted(seconds)[min(len(seconds) - 1, max(0, -(-99 * len(seconds) // 100) - 1))]
    assert exact * 0.999 <= lateness.quantile(0.99) <= max(exact * 1.21, 1.01e-4)
    assert lateness.max_s == max(seconds)


def test_rolling_sum_forgets() -> None:
    busy = RollingSum(60.0, 12, 0.0)
    assert busy.share(0.5) is None
    for t in range(60):
        busy.add(float(t), 0.25)
    assert busy.share(60.0) == pytest.approx(0.25, rel=0.1)
    assert busy.total(1000.0) == 0.0


@pytest.mark.parametrize(
    ("baud", "transactions", "size", "expected_ms"),
    [(9600, 1, 263, 318), (115200, 1, 263, 65), (9600, 2, 60, 150), (19200, 3, 207, 233), (9600, 25, 425, 1534)],
)
def test_the_calculated_cycle_is_that_of_the_physical_table(baud: int, transactions: int, size: int, expected_ms: float) -> None:
    line = Line("l", "serial", {"device": "/dev/x", "baud": baud})
    assert 1e3 * cycle.seconds(line, Cost(transactions, size, 0.0)) == pytest.approx(expected_ms, abs=1.0)


def test_a_byte_takes_the_bits_that_its_line_says() -> None:
    assert cycle.bits_of_byte(Line("l", "serial", {"device": "d"})) == 10
    assert cycle.bits_of_byte(Line("l", "serial", {"device": "d", "bytesize": 7, "parity": "E", "stopbits": 2})) == 11


def test_a_line_that_cannot_keep_its_interval_is_told_so() -> None:
    assert cycle.warning([(0.2, 1.0), (0.3, 1.0)]) is None
    assert cycle.warning([(0.5, 1.0), (0.4, 1.0)]) == cycle.TIGHT
    assert cycle.warning([(0.7, 1.0), (0.4, 1.0)]) == cycle.OVERLOADED
