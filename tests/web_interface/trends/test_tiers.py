"""The tier of a window: the finest that stays bounded."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.ports import Step
from tests.web_interface.fake_shop import tags
from web_interface.trends.tiers import MOST_POINTS, TIERS, coarser, tier_for, width_s

POWER = next(tag for tag in tags() if tag.name == "m1.active_power")
HOUR = 3600


@pytest.mark.parametrize(
    ("seconds", "step"),
    [
        (60, Step.RAW), (2_000, Step.RAW), (2_001, Step.M1), (24 * HOUR, Step.M1), (120_000, Step.M1), (7 * 24 * HOUR, Step.M15),
        (30 * 24 * HOUR, Step.H1), (365 * 24 * HOUR, Step.D1), (100 * 365 * 24 * HOUR, Step.D1),
    ],
)  # fmt: skip
def test_the_finest_tier_that_stays_under_two_thousand_points(seconds: int, step: Step) -> None:
    assert tier_for(POWER, 0, seconds * 1_000_000) is step


def test_a_slow_tag_is_drawn_from_its_samples_for_longer() -> None:
    assert tier_for(replace(POWER, interval_s=60.0), 0, 24 * HOUR * 1_000_000) is Step.RAW
    assert tier_for(replace(POWER, interval_s=0.0), 0, 101 * 1_000_000) is Step.M1  # never more often than 20 times a second


def test_no_window_expects_more_points_than_the_bound_but_in_days() -> None:
    for seconds in (10, 999, 54_321, 1_234_567, 9_876_543, 150_000_000):
        step = tier_for(POWER, 0, seconds * 1_000_000)
        assert step is Step.D1 or seconds / width_s(step, POWER.interval_s) <= MOST_POINTS


def test_tiers_grow_coarser_to_the_day() -> None:
    assert [coarser(step) for step in TIERS] == [Step.M1, Step.M15, Step.H1, Step.D1, None]
