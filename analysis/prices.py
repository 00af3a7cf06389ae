"""The price book of any window: the plant's tariffs with the hourly prices they read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from zoneinfo import ZoneInfo

from analysis.tariff import HOUR_US, QUARTER_US, PriceBook, by_hour, tables_needed
from domain.finding import Finding
from domain.plant import Plant
from domain.tariff import PriceStore, Tariff


class Prices:
    """`book` of a window. Books without hourly tables are kept as long as the plant stays what it is."""

    def __init__(self, plant: Callable[[], Plant], store: PriceStore) -> None:
        self._plant, self._store = plant, store
        self._kept: tuple[Plant, PriceBook] | None = None

    async def book(self, from_us: int, to_us: int) -> PriceBook:
        """Prices of every quarter hour in the window."""
        plant = self._plant()
        if not tables_needed(plant.money.tariffs) and self._kept is not None and self._kept[0] is plant:
            return self._kept[1]
        book = await self.book_of(plant.money.tariffs, from_us, to_us)
        if not tables_needed(plant.money.tariffs):
            self._kept = (plant, book)
        return book

    async def book_of(self, tariffs: Sequence[Tariff], from_us: int, to_us: int) -> PriceBook:
        """The same by other tariffs of this plant's site."""
        plant = self._plant()
        hourly = {
            table: by_hour(await self._store.prices(table, from_us // HOUR_US * HOUR_US, to_us))
            for table in tables_needed(tariffs)
        }
        return PriceBook(
            tariffs, ZoneInfo(plant.site.timezone), fallback_per_kwh=plant.site.tariff_per_kwh,
            is_holiday=lambda day: plant.calendar.holiday(day) is not None, hourly=hourly,
        )  # fmt: skip


def cost_of_stretch(book: PriceBook, from_us: int, to_us: int, energy_kwh: float | None) -> float | None:
    """Money for energy that was used evenly over [from_us, to_us); None where some price is unknown."""
    if energy_kwh is None or to_us <= from_us:
        return None
    total, at = 0.0, from_us
    while at < to_us:
        end = min((at // QUARTER_US + 1) * QUARTER_US, to_us)
        price = book.at(at)[1]
        if price is None:
            return None
        total += price * (end - at)
        at = end
    return energy_kwh * total / (to_us - from_us)


def cost_of_finding(book: PriceBook, finding: Finding, until_us: int) -> float | None:
    """Money for the waste of a finding (one that lasts: up to `until_us`), by the prices of the hours in which it was wasted.

    None where there is no waste or some price is unknown. Waste whose time was not kept counts as even before the rest.
    """
    if finding.waste_kwh is None:
        return None
    spans = [(span.from_us, span.to_us, span.energy_kwh) for span in finding.waste_spans]
    untimed_kwh = finding.waste_kwh - sum(kwh for _, _, kwh in spans)
    if not spans or untimed_kwh > 1e-9 * finding.waste_kwh:
        end_us = spans[0][0] if spans else finding.to_us or until_us
        spans.append((finding.from_us, max(end_us, finding.from_us + 1), untimed_kwh))
    costs = [cost_of_stretch(book, begin, end, kwh) for begin, end, kwh in spans]
    known = [cost for cost in costs if cost is not None]
    return sum(known) if len(known) == len(costs) else None
