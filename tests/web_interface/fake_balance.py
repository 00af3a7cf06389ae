"""The balance of the invented shop: the meter of one lathe believes half its transformer ratio; a grinder's phase is reversed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analysis.balance import MeterColumns
from analysis.balance_doctor import Grid, examine
from domain.balance import BalanceFinding, BalanceReport, MeterFacts
from tests.web_interface import fake_shop as shop

QUARTER = 15 * shop.MIN


class FakeBalance:
    """BalanceService."""

    def __init__(self, clock: shop.ShopClock) -> None:
        self._clock = clock

    async def report(self, from_us: int, to_us: int) -> BalanceReport:
        end_us = min(to_us, self._clock.now_us())
        begin = -(-from_us // QUARTER) * QUARTER
        grid = Grid(begin, QUARTER, min(400, max(0, (end_us - begin) // QUARTER)))
        return examine(_meters(grid), {}, grid, self._clock.now_us())

    async def findings(self, from_us: int, to_us: int) -> Sequence[BalanceFinding]:
        return (await self.report(from_us, to_us)).findings


def _meters(grid: Grid) -> list[MeterColumns]:
    at = grid.begin_us // QUARTER + np.arange(grid.count)
    true, found = np.zeros(grid.count), []
    for n, tool in enumerate(shop.TOOLS, 1):
        kw = tool.kw * (0.55 + 0.45 * np.sin(at * (0.11 + 0.031 * n) + n) ** 2) * (1 + 0.02 * np.sin(at * 1.7 + n)) + 0.05
        true = true + kw / 4
        shown = kw / 2 if n == 4 else kw
        phases = {"p": np.array([kw / 3, -kw / 3, kw / 3])} if n == 9 else {}
        counted = kw if n != 9 else kw / 3
        facts = MeterFacts(f"m{n}", "main", ct_ratio=20.0 if n == 4 else None)
        found.append(MeterColumns(facts, 0.25, (counted if n == 9 else shown) / 4, counted if n == 9 else shown, phases))
    return [MeterColumns(MeterFacts("main"), 0.25, true, true * 4), *found]
