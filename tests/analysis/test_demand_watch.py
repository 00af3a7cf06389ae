"""The alert on the running demand window: raised after a while over the contract, back after a while below, not too early."""

from __future__ import annotations

from typing import Any

import pytest

from analysis.demand_watch import KEY, DemandWatch
from domain.plant import Plant, Site
from domain.tariff import Connection
from tests.conftest import FakeClock

MINUTE = 60_000_000
WINDOW = 30 * MINUTE
START = 1_763_548_800_000_000 // WINDOW * WINDOW


class Figures:
    """What the watch asks: steady power since the window's begin."""

    def __init__(self) -> None:
        self.kw = 100.0

    def connection(self, _time_us: int) -> Connection:
        from datetime import date

        return Connection(date(2026, 1, 1), contract_kw=120.0)

    async def site_energy_kwh(self, from_us: int, to_us: int) -> float:
        return self.kw * (to_us - from_us) / 3.6e9


class Alerts:
    def __init__(self) -> None:
        self.raised: list[tuple[float, float]] = []
        self.returned = 0

    def raise_alert(self, key: str, rule: str, _priority: object, *, value: float, limit: float, **_more: Any) -> None:
        assert (key, rule) == (KEY, "demand")
        self.raised.append((value, limit))

    def return_alert(self, key: str) -> None:
        assert key == KEY
        self.returned += 1


async def test_raised_once_after_a_minute_and_returned_after_a_minute() -> None:
    clock, figures, alerts = FakeClock(START), Figures(), Alerts()
    watch = DemandWatch(
        lambda: Plant(Site("S")), figures, clock, lambda: figures.kw, alerts.raise_alert, alerts.return_alert  # type: ignore[arg-type]
    )
    figures.kw = 150.0
    for _ in range(3):
        await clock.advance(55.0)
        await watch.look()
    assert alerts.raised == []  # too early in the window to say anything
    for _ in range(6):
        await clock.advance(20.0)
        await watch.look()
    assert [limit for _, limit in alerts.raised] == [120.0]
    assert alerts.raised[0][0] == pytest.approx(150.0)
    assert watch.latest is not None
    assert watch.latest.projection_kw == pytest.approx(150.0)
    figures.kw = 100.0
    for _ in range(5):
        await clock.advance(20.0)
        await watch.look()
    assert (len(alerts.raised), alerts.returned) == (1, 1)


async def test_unknown_power_judges_nothing() -> None:
    clock, figures, alerts = FakeClock(START + 10 * MINUTE), Figures(), Alerts()
    watch = DemandWatch(lambda: Plant(Site("S")), figures, clock, lambda: None, alerts.raise_alert, alerts.return_alert)  # type: ignore[arg-type]
    running = await watch.look()
    assert (running.projection_kw, alerts.raised, alerts.returned) == (None, [], 0)
