"""A value of a virtual tag opened: the same value, what went in, and why there is none."""

from __future__ import annotations

import pytest

from analysis.virtual.explained import VirtualExplained
from domain.errors import NotFound
from tests.analysis.virtual.test_live import BEGIN, S, Shop, batch_of, plant, registered
from tests.conftest import FakeClock

FORMULAS = {"v.sum": "m1.p + m2.p", "v.double": "v.sum * 2 - m1.p", "v.mean": "avg(m1.p; 10 s)"}


def explained(*, lost: bool = False) -> VirtualExplained:
    """A minute of two meters: 5 and 3 kW; `lost`: the second one is silent."""
    shop, here = Shop(FakeClock(BEGIN)), plant(FORMULAS)
    tags = registered(here)
    shop.engine.apply(here, tags)
    for second in range(60):
        shop.store(batch_of("m1", tags, BEGIN + second * S, 5.0, 100.0))
        if second % 2 == 0 and not lost:
            shop.store(batch_of("m2", tags, BEGIN + second * S, 3.0, 50.0))
    return VirtualExplained(shop.history, lambda: shop.engine.plans, shop)


async def test_the_formula_stands_with_its_values_and_their_times() -> None:
    found = await explained().explain("virtual", "site", BEGIN, BEGIN + 60 * S, {"tag": "v.sum"})
    assert (found.value, found.unit, found.formula, found.substituted) == (8.0, "kW", "x_1 + x_2", "5 + 3")
    assert [(term.symbol, term.value, term.source) for term in found.terms] == [("x_1", 5.0, "m1.p"), ("x_2", 3.0, "m2.p")]
    assert [(span.what, span.value) for span in found.spans] == [("m1.p", 5.0), ("m2.p", 3.0)]
    assert all(BEGIN + 50 * S < span.from_us <= found.to_us for span in found.spans)
    assert (found.gaps, found.completeness) == ((), 1.0)
    assert found.api.startswith("/api/data/period?tag=v.sum&from=")


async def test_another_virtual_tag_is_a_value_too_and_windows_keep_their_words() -> None:
    nested = await explained().explain("virtual", "site", BEGIN, BEGIN + 60 * S, {"tag": "v.double"})
    assert (nested.value, nested.substituted) == (11.0, "8 * 2 - 5")
    window = await explained().explain("virtual", "site", BEGIN, BEGIN + 60 * S, {"tag": "v.mean"})
    assert (window.value, window.formula) == (5.0, "avg(x_1; 10 s)")
    assert window.to_us - window.from_us == 10 * S + 1


async def test_a_silent_input_is_a_gap_and_the_reason_is_told() -> None:
    found = await explained(lost=True).explain("virtual", "site", BEGIN, BEGIN + 60 * S, {"tag": "v.sum"})
    assert (found.value, found.substituted) == (None, "5 + ?")
    assert [gap.what for gap in found.gaps] == ["m2.p"]
    assert found.completeness == 0.5
    assert found.notes[0].startswith(("quality.", "explain.note."))
    with pytest.raises(NotFound):
        await explained().explain("virtual", "site", BEGIN, BEGIN + S, {"tag": "v.none"})
