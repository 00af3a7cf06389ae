"""The running demand window: what it used so far, where it will end, and the alert when that is above the contract.

Once in a while the meters' newest readings are looked at; energy so far is a difference of counters, the power now their last
value. The alert `demand` is raised when the projection stays above the contract for a while, and returns when it stays below, or
when a window ends within it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from analysis.demand import projection_kw, window_of
from analysis.energy_figures import EnergyFigures
from domain.alert import Priority
from domain.errors import StorageError
from domain.figures import RunningDemand
from domain.plant import Plant
from domain.ports import Clock

log = logging.getLogger(__name__)

PERIOD_S = 10.0  # a minute above the contract raises the alert: six looks
REST = 4.0  # times a look: the sum of a thousand machines takes seconds, and others want the processor
ON_DELAY_US = 60_000_000
OFF_DELAY_US = 60_000_000
EARLY_US = 180_000_000  # a projection from less of the window says little
KEY, RULE = "demand:site", "demand"

Raise = Callable[..., object]
Return = Callable[[str], object]


class DemandWatch:
    """`run` as one supervised task. `power_kw`: the site's power now. `raise_alert`, `return_alert`: of the alert engine."""

    def __init__(
        self, plant: Callable[[], Plant], figures: EnergyFigures, clock: Clock, power_kw: Callable[[], float | None],
        raise_alert: Raise, return_alert: Return,
    ) -> None:
        self._plant, self._figures, self._clock, self._power_kw = plant, figures, clock, power_kw
        self._raise, self._return = raise_alert, return_alert
        self._latest: RunningDemand | None = None
        self._over_since_us: int | None = None
        self._under_since_us: int | None = None
        self._raised: bool | None = None  # None: an alert from before the start may stand

    @property
    def latest(self) -> RunningDemand | None:
        """As of the last look."""
        return self._latest

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            began = self._clock.monotonic()
            try:
                await self.look()
            except (StorageError, OSError) as exc:
                log.warning("the running demand is not known: %s", exc)
                self._latest = None
            await self._clock.sleep(max(PERIOD_S, REST * (self._clock.monotonic() - began)))

    async def look(self) -> RunningDemand:
        """Measure the running window and judge it. Raises StorageError."""
        now_us = self._clock.now_us()
        terms = self._figures.connection(now_us)
        begin, end = window_of(now_us, terms.demand_window_min)
        so_far = await self._figures.site_energy_kwh(begin, now_us)
        power = self._power_kw()
        projected = None
        if power is not None and so_far is not None:
            projected = projection_kw(so_far, power, now_us - begin, end - begin)
        contract = terms.contract_kw or self._plant().site.contract_kw
        self._latest = RunningDemand(begin, end, so_far or 0.0, power, projected, contract)
        self._judge(now_us, self._latest)
        return self._latest

    def _judge(self, now_us: int, running: RunningDemand) -> None:
        if running.contract_kw is None or running.projection_kw is None:
            return
        if running.projection_kw > running.contract_kw:
            self._under_since_us = None
            if now_us - running.from_us < EARLY_US:
                return
            self._over_since_us = now_us if self._over_since_us is None else self._over_since_us
            if self._raised is not True and now_us - self._over_since_us >= ON_DELAY_US:
                self._raised = True
                self._raise(
                    KEY, RULE, Priority.HIGH, value=running.projection_kw, limit=running.contract_kw, unit="kW",
                    detail=f"{(running.to_us - now_us) // 60_000_000} min",
                )  # fmt: skip
            return
        self._over_since_us = None
        self._under_since_us = now_us if self._under_since_us is None else self._under_since_us
        if self._raised is not False and now_us - self._under_since_us >= OFF_DELAY_US:
            self._raised = False
            self._return(KEY)
