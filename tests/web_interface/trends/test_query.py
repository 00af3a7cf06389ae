"""The address of a trend keeps all of it, and what makes no sense in one costs nothing else."""

from __future__ import annotations

from tests.web_interface.fake_shop import tags
from web_interface.trends.query import MOST_NAMES, TrendQuery, axes_of

TAGS = {tag.name: tag for tag in tags()}


def test_an_address_there_and_back() -> None:
    query = TrendQuery(
        ("m1.active_power", "цех.резерв"), (("period", "custom"), ("from", "2026-11-10T07:00"), ("to", "2026-11-12")), "2026-11-01",
        ("V", "1"), growth=True, view=7,
    )  # fmt: skip
    assert TrendQuery.of(query.href.partition("?")[2]) == query
    assert "view" not in query.address
    assert TrendQuery.of("") == TrendQuery()
    assert TrendQuery.of(TrendQuery(right=()).address).right == (), "all on the left is not the same as nothing said"


def test_nonsense_in_an_address_is_left_out() -> None:
    found = TrendQuery.of("tag=&tag=+&tag=a&tag=a&view=x&counters=what&foo=bar&%zz=1&tag=b")
    assert (found.tags, found.view, found.growth, found.compare) == (("a", "b"), 0, False, "")
    assert len(TrendQuery.of("&".join(f"tag=t{n}" for n in range(500))).tags) == MOST_NAMES
    assert TrendQuery.of("view=99999999999999999999").view == 0


def test_tags_come_and_go_in_place() -> None:
    query = TrendQuery(("a", "b", "c"))
    assert query.with_tag("b", shown=False).tags == ("a", "c")
    assert query.with_tag("d", shown=True).tags == ("a", "b", "c", "d")
    assert query.with_tag("a", shown=True) is query


def test_two_units_share_a_plot_and_a_third_gets_its_own() -> None:
    shown = [TAGS[f"m1.{point}"] for point in ("active_power", "voltage_l1", "active_power_l1", "current_l1", "frequency")]
    assert [(a.unit, a.plot, a.right) for a in axes_of(shown, None)] == [
        ("kW", 0, False), ("V", 0, True), ("A", 1, False), ("Hz", 1, True),
    ]  # fmt: skip
    assert [(a.unit, a.plot, a.right) for a in axes_of(shown, ())] == [
        ("kW", 0, False), ("V", 1, False), ("A", 2, False), ("Hz", 3, False),
    ]  # fmt: skip
    assert [(a.unit, a.plot, a.right) for a in axes_of(shown, ("A",))] == [
        ("kW", 0, False), ("V", 1, False), ("A", 0, True), ("Hz", 2, False),
    ]  # fmt: skip
    assert axes_of([], None) == []
    assert [a.right for a in axes_of(shown[:1], ("kW",))] == [False], "an axis on the left there is always"
