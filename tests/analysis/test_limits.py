"""Limits: hysteresis, delays, escalation, values that decide nothing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.limits import PRIORITY, Damping, LimitWatch, borders_of
from domain.alert import LimitRule, Priority
from domain.quality import Quality

S = 1_000_000


def watching(rule: LimitRule, interval_s: float) -> LimitWatch:
    return LimitWatch(borders_of(rule), Damping(rule.hysteresis, rule.on_delay_s, rule.off_delay_s), interval_s)


def run(rule: LimitRule, values: list[float | None], *, quality: int = 0) -> list[tuple[str, bool, int]]:
    """One value a second from 0; (side, raised, second)."""
    watch = watching(rule, 1.0)
    found = []
    for second, value in enumerate(values):
        q = int(Quality.TIMEOUT) if value is None else quality
        found += [(t.side, t.raised, t.time_us // S) for t in watch.feed(second * S, value, q)]
    return found


def test_raised_above_and_returned_only_below_the_hysteresis() -> None:
    rule = LimitRule("t", high=12, hysteresis=0.5)
    assert run(rule, [12.0, 12.1, 11.9, 11.6, 12.1, 11.5]) == [("high", True, 1), ("high", False, 5)]


def test_low_is_the_mirror() -> None:
    rule = LimitRule("t", low=5, hysteresis=0.5)
    assert run(rule, [5.0, 4.9, 5.1, 5.4, 5.5]) == [("low", True, 1), ("low", False, 4)]


def test_delays_need_the_whole_time() -> None:
    rule = LimitRule("t", high=12, on_delay_s=3, off_delay_s=2)
    assert run(rule, [13, 13, 13, 11, 13, 13, 13, 13, 11, 13, 11, 11, 11]) == [("high", True, 7), ("high", False, 12)]


def test_escalation_is_a_rule_of_its_own_with_its_own_priority() -> None:
    rule = LimitRule("t", high=12, critical_high=14)
    assert run(rule, [13, 15, 13, 11]) == [
        ("high", True, 0), ("critical_high", True, 1), ("critical_high", False, 2), ("high", False, 3),
    ]  # fmt: skip
    assert PRIORITY["critical_high"] is Priority.CRITICAL
    assert PRIORITY["high"] is Priority.HIGH


def test_bad_values_and_spikes_neither_raise_nor_return() -> None:
    rule = LimitRule("t", high=12)
    assert run(rule, [None, None]) == []
    assert run(rule, [13, None, None]) == [("high", True, 0)]
    assert run(rule, [50.0], quality=int(Quality.SPIKE)) == []
    assert run(rule, [13.0], quality=int(Quality.FROZEN)) == [("high", True, 0)]


def test_a_delay_ends_without_a_new_sample_but_not_on_an_old_value() -> None:
    watch = watching(LimitRule("t", high=12, on_delay_s=10), 60)
    assert watch.feed(0, 13.0, 0) == []
    assert watch.tick(9 * S) == []
    assert [(t.side, t.raised, t.value) for t in watch.tick(10 * S)] == [("high", True, 13.0)]
    stale = watching(LimitRule("t", high=12, on_delay_s=10), 1)
    stale.feed(0, 13.0, 0)
    assert stale.tick(10 * S) == []


def test_what_stood_before_the_start_is_not_raised_again_and_returns() -> None:
    watch = watching(LimitRule("t", high=12), 1.0)
    watch.restore("high")
    assert watch.feed(0, 13.0, 0) == []
    assert [t.raised for t in watch.feed(S, 11.0, 0)] == [False]


def test_late_samples_change_nothing() -> None:
    watch = watching(LimitRule("t", high=12), 1.0)
    watch.feed(10 * S, 11.0, 0)
    assert watch.feed(5 * S, 13.0, 0) == []


@pytest.mark.parametrize("delay", [0.0, 2.0])
@given(st.lists(st.sampled_from([None, 0.0, 4.9, 5.0, 5.6, 11.4, 11.5, 12.0, 12.1, 20.0]), max_size=40))
@settings(max_examples=150, deadline=None)
def test_each_border_alternates_between_raised_and_returned(delay: float, values: list[float | None]) -> None:
    rule = LimitRule("t", 12, 15, 5, 1, hysteresis=0.5, on_delay_s=delay, off_delay_s=delay)
    found = run(rule, values)
    for side in PRIORITY:
        assert [raised for s, raised, _ in found if s == side] == [i % 2 == 0 for i in range(sum(f[0] == side for f in found))]
