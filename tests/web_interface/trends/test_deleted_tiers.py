"""Reading: the finest tier that fits and still reaches back so far."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from domain.plant import Tag
from domain.ports import RawSeries, RollupRow, RollupSeries, Step
from domain.sample import TagId
from reports.series_sheet import series_xlsx
from tests.conftest import FakeClock
from tests.web_interface.fake_shop import tags
from web_interface.trends.reader import TrendReader
from web_interface.trends.tiers import Kept

S = 1_000_000
DAY = 86_400 * S
POWER = next(tag for tag in tags() if tag.name == "m1.active_power")
KEPT = Kept({Step.RAW: 90, Step.M1: 400})


class Deleted:
    """A history of which samples are kept 90 days and minutes 400, as retention leaves it."""

    def __init__(self, now_us: int) -> None:
        self.now_us = now_us

    async def raw(self, tag_id: TagId, from_us: int, to_us: int, *, limit: int = 1_000_000, edges: bool = False) -> RawSeries:
        times = range(max(from_us, self.now_us - 90 * DAY), to_us, S)[:limit]
        return RawSeries(tag_id, times, [1.0] * len(times), [0] * len(times))

    async def rollup(self, tag_id: TagId, step: Step, from_us: int, to_us: int) -> RollupSeries:
        width, oldest = step.seconds * S, self.now_us - (400 if step is Step.M1 else 100_000) * DAY
        begins = range(-(-max(from_us, oldest) // width) * width, to_us, width)
        count = step.seconds
        return RollupSeries(tag_id, step, [RollupRow(at, count, count, 1.0, 1.0, 1.0, 1.0, 1.0, width) for at in begins])


async def no_others() -> Sequence[Tag]:
    return []


@pytest.mark.parametrize(
    ("days_ago", "hours", "step"),
    [(10, 0.5, Step.RAW), (200, 0.5, Step.M1), (500, 0.5, Step.M15), (91, 24, Step.M1), (500, 24, Step.M15)],
)
async def test_where_the_finest_was_deleted_the_next_tier_is_drawn(days_ago: int, hours: float, step: Step, fake_clock: FakeClock) -> None:
    now_us = fake_clock.now_us()
    reader = TrendReader(Deleted(now_us), lambda: [POWER], no_others, fake_clock, series_xlsx, KEPT)
    begin = (now_us - days_ago * DAY) // (3600 * S) * 3600 * S
    (stretch,) = await reader.read([POWER], begin, begin + round(hours * 3600) * S)
    assert stretch.step is step
    assert stretch.curve().marks == []
    assert len(stretch.curve().points) >= 2
