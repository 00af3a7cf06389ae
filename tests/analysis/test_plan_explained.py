"""A deviation from plan opened: the sum of its intervals, the API call that gives it again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pytest

from analysis.plan_explained import PlanExplained
from domain.errors import NotFound
from domain.plan import Plan, PlanFact, PlanInterval, PlanScope, Progress

HOUR = 3_600_000_000
SITE = Plan(PlanScope.SITE, "", PlanInterval.SHIFT, kwh=100.0)


class Facts:
    def __init__(self, facts: Sequence[PlanFact]) -> None:
        self._facts = facts

    async def facts(self, interval: PlanInterval, from_us: int, to_us: int) -> Sequence[PlanFact]:
        return [fact for fact in self._facts if fact.plan.interval is interval]


def fact(number: int, actual: float | None, expected: float, parts: Progress | None = None) -> PlanFact:
    kwh = Progress(100.0, actual, expected, None, completeness=0.5 * number, estimated_share=0.1)
    begin = (number - 1) * 8 * HOUR
    return PlanFact(SITE, str(number), date(2026, 11, 25), begin, begin + 8 * HOUR, expected < 100, kwh, parts)


async def test_the_deviation_is_the_sum_of_its_intervals() -> None:
    opened = await PlanExplained(Facts([fact(1, 110.0, 100.0), fact(2, 40.0, 50.0)])).explain("plan", "site", 0, 16 * HOUR, {})
    assert (opened.value, opened.unit) == (0.0, "kWh")
    assert opened.substituted == "150 - 150"
    assert [(s.what, s.value) for s in opened.spans] == [("1", 10.0), ("2", -10.0)]
    assert opened.completeness == pytest.approx(0.75)
    assert opened.estimated_share == pytest.approx(0.1)
    assert opened.api.startswith("/api/explain?figure=plan&subject=site&from=1970-01-01T00:00:00.000Z")


async def test_what_is_not_measured_is_a_gap_and_never_zero() -> None:
    opened = await PlanExplained(Facts([fact(1, None, 100.0)])).explain("plan", "site", 0, 8 * HOUR, {})
    assert opened.value is None
    assert [s.what for s in opened.gaps] == ["1"]


async def test_without_a_plan_there_is_nothing_to_open() -> None:
    explained = PlanExplained(Facts([fact(1, 1.0, 2.0)]))
    for figure, subject, options in (
        ("plan", "lathe-1", {}), ("plan.parts", "site", {}), ("plan", "site", {"interval": "day"}), ("plan", "site", {"interval": "x"}),
        ("plan.money", "site", {}),
    ):  # fmt: skip
        with pytest.raises(NotFound):
            await explained.explain(figure, subject, 0, HOUR, options)
