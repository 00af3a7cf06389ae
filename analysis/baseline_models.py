"""Energy baselines as expected values of alert rules: the mean power that a model gives for the last whole period, kW."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from domain.baseline import Baseline, Period, Savings
from domain.errors import ConfigError, NotFound, StorageError
from domain.ports import Clock

log = logging.getLogger(__name__)

HOUR_US = 3_600_000_000
PERIOD_S = 300.0
RETRY_S = 30.0
LOOK_BACK_US = {Period.HOUR: 6 * HOUR_US, Period.SHIFT: 60 * HOUR_US, Period.DAY: 72 * HOUR_US, Period.WEEK: 22 * 24 * HOUR_US}
HOLDS_PERIODS = 2  # an expected value is good for so many periods after its own
Register = Callable[[str, Callable[[int], float | None]], None]


class Models(Protocol):
    """What is asked of the baselines."""

    async def all(self) -> Sequence[Baseline]: ...
    async def savings(self, baseline_id: int, from_us: int, to_us: int) -> Savings: ...


class BaselineModels:
    """`run` as one supervised task. A model that does not hold, or whose variables are missing, expects nothing."""

    def __init__(self, baselines: Models, register: Register, clock: Clock) -> None:
        """`register`: takes the name of a baseline and what it expects at a time (RuleBook.register_model)."""
        self._baselines, self._register, self._clock = baselines, register, clock
        self._known: dict[str, tuple[int, int, float]] = {}  # name -> end of the period, its length, kW

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.refresh()
            except (StorageError, OSError) as exc:
                log.warning("expected power of baselines waits for the store: %s", exc)
                await self._clock.sleep(RETRY_S)
                continue
            await self._clock.sleep(PERIOD_S)

    async def refresh(self) -> None:
        """Look at the last whole period of the newest version of each baseline. Raises StorageError."""
        newest: dict[str, Baseline] = {}
        for baseline in await self._baselines.all():
            name = baseline.definition.name
            if name not in newest or newest[name].version < baseline.version:
                newest[name] = baseline
        self._known = {name: found for name, b in newest.items() if (found := await self._expected(b)) is not None}
        for name in newest:
            self._register(name, partial(self.at, name))

    def at(self, name: str, time_us: int) -> float | None:
        """Expected mean power, kW; None when the model cannot tell or its last period is long ago."""
        known = self._known.get(name)
        if known is None or not 0 <= time_us - known[0] + known[1] <= (HOLDS_PERIODS + 1) * known[1]:
            return None
        return known[2]

    async def _expected(self, baseline: Baseline) -> tuple[int, int, float] | None:
        if not baseline.fit.holds:
            return None
        now_us = self._clock.now_us()
        back_us = LOOK_BACK_US[baseline.definition.period]
        try:
            savings = await self._baselines.savings(baseline.id, now_us - back_us, now_us)
        except (ConfigError, NotFound):  # a source is gone
            return None
        for point in reversed(savings.points):
            if point.expected_kwh is not None and point.row.to_us <= now_us:
                length_us = point.row.to_us - point.row.from_us
                return point.row.to_us, length_us, point.expected_kwh * HOUR_US / length_us
        return None
