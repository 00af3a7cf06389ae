"""A cell of the cube opened: its parts add up to what the table shows, and what is missing is named."""

from __future__ import annotations

import math

import pytest

from analysis.cube_explained import CubeExplained
from domain.cube import Dimension
from domain.errors import NotFound
from domain.state import MachineState
from tests.analysis.fakes import H
from tests.analysis.test_cube_keeper import MACHINE, Kept


def opened(shop: Kept) -> CubeExplained:
    return CubeExplained(shop.plant_now, lambda: shop.accounting.calendar, shop.cube)


async def test_a_cell_is_the_sum_of_its_hours_and_equals_the_table() -> None:
    shop = Kept()
    shop.now(shop.midnight + 24 * H)
    begin, end = shop.midnight + 7 * H, shop.midnight + 15 * H
    table = await shop.cube.ask(begin, end, [Dimension.MACHINE, Dimension.STATE])
    shown = {row.key[Dimension.STATE]: row.energy_kwh for row in table.rows}
    found = await opened(shop).explain("cube", MACHINE, begin, end, {"state": "idle"})
    assert found.value == pytest.approx(shown[MachineState.IDLE.value])
    assert math.fsum(term.value or 0.0 for term in found.terms) == pytest.approx(found.value)
    assert len(found.spans) == 8
    assert math.fsum(span.value or 0.0 for span in found.spans) == pytest.approx(found.value)
    assert {span.to_us - span.from_us for span in found.spans} == {H}
    assert (found.filters, found.gaps, found.completeness) == (("state=idle",), (), 1.0)
    assert found.api.startswith("/api/explain?figure=cube&subject=d1-m&")
    assert "&option=state=idle" in found.api
    whole = await opened(shop).explain("cube", MACHINE, begin, end, {})
    assert {term.symbol: term.value for term in whole.terms} == {
        "E_prod": pytest.approx(shown["production"]), "E_idle": pytest.approx(shown["idle"]),
    }  # fmt: skip
    assert whole.value == pytest.approx(table.total.energy_kwh)


async def test_long_windows_are_told_by_days_and_lost_hours_are_gaps() -> None:
    shop = Kept()
    for name in ("d1.active_power", "d1.energy_import"):
        tag = shop.id_of(name)
        rows = shop.history.series[tag]
        shop.history.series[tag] = [r for r in rows if not shop.midnight + 9 * H <= r[0] < shop.midnight + 11 * H]
    shop.now(shop.midnight + 30 * H)
    found = await opened(shop).explain("cube", "site", shop.midnight + 8 * H, shop.midnight + 12 * H, {})
    assert {(gap.from_us - shop.midnight) // H for gap in found.gaps} >= {9, 10}
    assert found.completeness < 1
    days = await opened(shop).explain("cube", "site", shop.midnight - 72 * H, shop.midnight + 24 * H, {})
    assert {span.what for span in days.spans} == {"day"}


async def test_what_the_cube_does_not_know_is_refused_with_what_it_knows() -> None:
    shop = Kept()
    with pytest.raises(NotFound, match="dimension"):
        await opened(shop).explain("cube", "site", 0, H, {"colour": "red"})
    with pytest.raises(NotFound):
        await opened(shop).explain("cube", "nobody", 0, H, {})
    with pytest.raises(NotFound):
        await opened(shop).explain("cube.x", "site", 0, H, {})
