"""Numbers of any size: what a float cannot hold is bad, never infinite and never an exception."""

from __future__ import annotations

import pytest

from data_collection.values import PointValue
from domain.profile import Point
from domain.quality import Quality
from domain.quantity import Quantity

MEGAWATTS = PointValue(Point("p", Quantity.ACTIVE_POWER, "MW", None))


@pytest.mark.parametrize(("raw", "expected"), [
    (1.5, (1500.0, Quality.GOOD)), (10**400, (None, Quality.DECODE_ERROR)), (-(10**400), (None, Quality.DECODE_ERROR)),
    (1e308, (None, Quality.NO_VALUE)), ("1e400", (None, Quality.NO_VALUE)), ("9" * 400, (None, Quality.NO_VALUE)),
    (float("nan"), (None, Quality.NO_VALUE)),
])  # fmt: skip
def test_what_no_float_holds_is_bad(raw: object, expected: tuple[float | None, Quality]) -> None:
    assert MEGAWATTS.number(raw) == expected
