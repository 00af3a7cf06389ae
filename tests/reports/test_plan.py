"""What the plan of a report is: of the time it covers, not of the whole shift."""

from __future__ import annotations

from datetime import date

import pytest

from domain.energy import ShiftWindow
from reports.gather import _planned_kwh

HOUR = 3600 * 1_000_000
FIRST = ShiftWindow("1", date(2026, 11, 19), 0, 8 * HOUR)
SECOND = ShiftWindow("2", date(2026, 11, 19), 8 * HOUR, 16 * HOUR)


@pytest.mark.parametrize(
    ("from_h", "to_h", "shifts", "expected"),
    [
        (0, 8, (FIRST,), 800.0),
        (0, 2, (FIRST,), 200.0),  # runs for two hours
        (6, 12, (FIRST, SECOND), 600.0),
        (0, 16, (FIRST, SECOND), 1600.0),
        (10, 12, (FIRST,), 0.0),
    ],
)
def test_each_shift_counts_by_its_share(from_h: int, to_h: int, shifts: tuple[ShiftWindow, ...], expected: float) -> None:
    assert _planned_kwh(800.0, shifts, from_h * HOUR, to_h * HOUR) == pytest.approx(expected)


def test_without_a_plan_there_is_none() -> None:
    assert _planned_kwh(None, (FIRST,), 0, HOUR) is None
