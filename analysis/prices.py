"""The price book of any window: the plant's tariffs with the hourly prices they read."""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo

from analysis.tariff import HOUR_US, QUARTER_US, PriceBook, by_hour, tables_needed
from domain.plant import Plant
from domain.tariff import PriceStore


class Prices:
    """`book` of a window. Books without hourly tables are kept as long as the plant stays what it is."""

    def __init__(self, plant: Callable[[], Plant], store: PriceStore) -> None:
        self._plant, self._store = plant, store
        self._kept: tuple[Plant, PriceBook] | None = None

    async def book(self, from_us: int, to_us: int) -> PriceBook:
        """Prices of every quarter hour in the window."""
        plant = self._plant()
        tables = tables_needed(plant.money.tariffs)
        if not tables and self._kept is not None and self._kept[0] is plant:
            return self._kept[1]
        hourly = {
            table: by_hour(await self._store.prices(table, from_us // HOUR_US * HOUR_US, to_us)) for table in tables
        }
        book = PriceBook(
            plant.money.tariffs, ZoneInfo(plant.site.timezone), fallback_per_kwh=plant.site.tariff_per_kwh,
            is_holiday=lambda day: plant.calendar.holiday(day) is not None, hourly=hourly,
        )  # fmt: skip
        if not tables:
            self._kept = (plant, book)
        return book


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
