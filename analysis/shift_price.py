"""What a kWh of the running shift costs: the machines' energy so far by the prices of its quarter hours, and the hours ahead."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Protocol

from analysis.prices import Prices, cost_of_stretch
from analysis.tariff import QUARTER_US
from domain.energy import EnergyAccount, ShiftPrice
from domain.plant import Plant

CLOSED_AFTER_US = 5 * 60_000_000  # until then readings and states of a quarter hour may still be on their way


class Accounts(Protocol):
    """Part of the energy service."""

    async def account(self, machine_id: str, from_us: int, to_us: int) -> EnergyAccount: ...


class ShiftPrices:
    """Quarter hours that are over are read once; asked again for the same window only the last ones are."""

    def __init__(self, plant: Callable[[], Plant], accounts: Accounts, prices: Prices) -> None:
        self._plant, self._accounts, self._prices = plant, accounts, prices
        self._closed: dict[tuple[int, int], float] = {}
        self._machines: Sequence[str] = ()

    async def of(self, from_us: int, now_us: int, to_us: int) -> ShiftPrice:
        """Of the window [from_us, to_us) that runs. Raises StorageError."""
        machines = [machine.id for machine in self._plant().machines]
        if machines != self._machines:
            self._machines = machines
            self._closed.clear()
        self._closed = {span: kwh for span, kwh in self._closed.items() if span[0] >= from_us}
        book = await self._prices.book(from_us, max(to_us, now_us))
        energy = cost = 0.0
        known = True
        for begin, end in _quarters(from_us, now_us):
            kwh = await self._energy(machines, begin, end, now_us)
            price = book.at(begin)[1]
            known = known and (price is not None or kwh == 0)
            energy, cost = energy + kwh, cost + kwh * (price or 0.0)
        so_far = cost / energy if energy > 0 else book.at(now_us)[1]
        ahead = cost_of_stretch(book, now_us, to_us, 1.0) if to_us > now_us else book.at(now_us)[1]
        return ShiftPrice(so_far if known else None, ahead, cost_of_stretch(book, from_us, to_us, 1.0))

    async def _energy(self, machines: Sequence[str], begin_us: int, end_us: int, now_us: int) -> float:
        kept = self._closed.get((begin_us, end_us))
        if kept is not None:
            return kept
        accounts = [await self._accounts.account(machine_id, begin_us, end_us) for machine_id in machines]
        kwh = sum(account.energy_kwh or 0.0 for account in accounts)
        if end_us + CLOSED_AFTER_US <= now_us:
            self._closed[(begin_us, end_us)] = kwh
        return kwh


def _quarters(from_us: int, to_us: int) -> list[tuple[int, int]]:
    """[from_us, to_us) cut at full quarter hours."""
    borders = [from_us, *range((from_us // QUARTER_US + 1) * QUARTER_US, to_us, QUARTER_US), to_us]
    return [(begin, end) for begin, end in pairwise(borders) if end > begin]
