"""Baselines as expected values of rules: the last whole period's mean power, while it is fresh and the model holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from analysis.baseline_models import HOUR_US, BaselineModels
from domain.baseline import Baseline, BaselineDefinition, BaselineFit, Period, PeriodRow, Reason, SavingPoint, Savings
from tests.conftest import FakeClock

FIT = BaselineFit(
    n=24, missing=0, intercept_kwh=1.0, coefficients=(), r2=0.9, adjusted_r2=0.9, cv_rmse=0.05, nmbe=0.0, sigma_kwh=0.1, condition=1.0,
    covariance=(), t_90=1.7, mean_kwh=6.0,
)  # fmt: skip


class Stored:
    """One baseline by hours; `expected`: kWh of each of the last whole hours, oldest first."""

    def __init__(self, clock: FakeClock, expected: Sequence[float | None]) -> None:
        definition = BaselineDefinition("lathe", "lathe-1", Period.HOUR, (), 0, 1)
        self.clock, self.expected = clock, expected
        self.baseline = Baseline(3, definition, FIT, 2, 1, 0, "anna")

    async def all(self) -> Sequence[Baseline]:
        return [replace(self.baseline, id=1, version=1), self.baseline]

    async def savings(self, baseline_id: int, from_us: int, to_us: int) -> Savings:
        assert baseline_id == 3  # the newest version
        end = self.clock.now_us() // HOUR_US * HOUR_US
        rows = [
            PeriodRow(end - (len(self.expected) - i) * HOUR_US, end - (len(self.expected) - i - 1) * HOUR_US, "", None, ())
            for i in range(len(self.expected))
        ]
        points = tuple(SavingPoint(row, "missing", kwh) for row, kwh in zip(rows, self.expected, strict=True))
        return Savings(self.baseline, from_us, to_us, points, None, None, None, None, None, None, ())


@pytest.fixture
def registered() -> dict[str, Callable[[int], float | None]]:
    return {}


async def test_the_last_whole_hour_that_is_known_is_what_is_expected(
    fake_clock: FakeClock, registered: dict[str, Callable[[int], float | None]]
) -> None:
    stored = Stored(fake_clock, [5.0, 6.0, None])
    models = BaselineModels(stored, registered.__setitem__, fake_clock)
    await models.refresh()
    now = fake_clock.now_us()
    assert registered["lathe"](now) == pytest.approx(6.0)  # kWh in an hour is kW
    assert registered["lathe"](now + 3 * HOUR_US) is None  # too long ago
    stored.baseline = replace(stored.baseline, fit=replace(FIT, reasons=(Reason("r2_low"),)))
    await models.refresh()
    assert registered["lathe"](now) is None
