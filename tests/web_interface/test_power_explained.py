"""The power of this moment opened: the feed, the machines behind it, who is silent."""

from __future__ import annotations

import pytest

from domain.errors import NotFound
from tests.web_interface.fake_shop import ShopClock
from tests.web_interface.fakes import build_services
from web_interface.power_explained import PowerExplained


async def test_the_feed_and_the_machines_behind_it() -> None:
    live = build_services(ShopClock(running=False)).live
    opened = await PowerExplained(live).explain("power", "site", 0, 1, {})
    assert (opened.value, opened.formula) == (live.shop().power_kw, "P_feed")
    assert opened.terms[0].symbol == "P_feed"
    assert [span.what for span in opened.gaps] == ["HAAS VF-2"]
    assert opened.completeness == pytest.approx(11 / 12)


async def test_a_section_is_the_sum_of_its_machines() -> None:
    live = build_services(ShopClock(running=False)).live
    opened = await PowerExplained(live).explain("power", "section:Токарный участок", 0, 1, {})
    assert opened.formula == "P_1 + P_2 + P_3 + P_4"
    assert opened.value == pytest.approx(sum(term.value or 0 for term in opened.terms))
    one = await PowerExplained(live).explain("power", "lathe-1", 0, 1, {})
    assert one.api == "/api/data/latest?machine=lathe-1"


@pytest.mark.parametrize(("figure", "subject"), [("power", "no-such"), ("power", "section:none"), ("power.x", "site")])
async def test_what_does_not_exist_is_named(figure: str, subject: str) -> None:
    with pytest.raises(NotFound):
        await PowerExplained(build_services().live).explain(figure, subject, 0, 1, {})
