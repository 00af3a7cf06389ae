"""What energy costs and what it stands for: dated tariffs, factors, terms of the connection point. Data, never constants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol, TypeVar

MINUTES_A_DAY = 1440
HOLIDAY = 7  # day kind beside Monday 0 .. Sunday 6


@dataclass(frozen=True, slots=True)
class ZoneSpan:
    """Minutes [start_min, end_min) of the local day, by the wall clock, on the given kinds of day.

    `end_min <= start_min` wraps within the same day: 23:00 to 07:00 on Saturdays is Saturday 00:00 to 07:00 and 23:00 to 24:00.
    """

    start_min: int
    end_min: int
    days: frozenset[int] = frozenset(range(8))

    def covers(self, minute: int) -> bool:
        """Does it hold that minute of the day?"""
        if self.start_min < self.end_min:
            return self.start_min <= minute < self.end_min
        return minute >= self.start_min or minute < self.end_min


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone of the day: name, price in currency per kWh, when it holds."""

    name: str
    price_per_kwh: float
    spans: tuple[ZoneSpan, ...]


@dataclass(frozen=True, slots=True)
class PowerTerms:
    """Charges for power of price categories 3 and 4, currency per kW and month.

    Capacity (generation): the mean of the site's power in the published system-peak hours, `peak_hours`: local day -> hour 0..23.
    Network (category 4): the mean over working days of the greatest hourly power within `network_hours`.
    """

    capacity_per_kw_month: float | None = None
    peak_hours: Mapping[date, int] = field(default_factory=dict)
    network_per_kw_month: float | None = None
    network_hours: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Tariff:
    """Holds from local midnight of `valid_from` until `valid_to` ends (None: until the next tariff begins).

    Category 1: one price; 2: zones of the day; 3 and 4: hourly prices of the imported table named `table`, 4 with network power.
    `reactive_per_kvarh`: surcharge for reactive energy above the limit of the connection point. `holidays`: some zone names
    public holidays; without it they count as their weekday.
    """

    valid_from: date
    category: int
    price_per_kwh: float | None = None
    zones: tuple[Zone, ...] = ()
    table: str = ""
    power: PowerTerms | None = None
    reactive_per_kvarh: float | None = None
    valid_to: date | None = None
    holidays: bool = False
    name: str = ""

    def zone_at(self, day_kind: int, minute: int) -> Zone | None:
        """The zone of a minute of the day; `day_kind` 0..6 or HOLIDAY. None: no zone holds it."""
        for zone in self.zones:
            if any(day_kind in span.days and span.covers(minute) for span in zone.spans):
                return zone
        return None


@dataclass(frozen=True, slots=True)
class Factor:
    """A dated factor with where it comes from: kg CO2 per kWh, or t of conventional fuel per MWh."""

    valid_from: date
    value: float
    source: str


@dataclass(frozen=True, slots=True)
class Connection:
    """Dated terms of the connection point: contract power, demand window, limit of tg φ in the hours of high load.

    `high_load_hours`: local hours 0..23; empty: all day. `voltage`: level in words, for people.
    """

    valid_from: date
    contract_kw: float | None = None
    demand_window_min: int = 30
    tg_limit: float | None = None
    high_load_hours: frozenset[int] = frozenset()
    voltage: str = ""


@dataclass(frozen=True, slots=True)
class Standby:
    """What switching a machine off costs and saves. None: learned from its history. kWh, min, kW."""

    warm_up_kwh: float | None = None
    warm_up_min: float | None = None
    off_kw: float | None = None
    idle_kw: float | None = None


@dataclass(frozen=True, slots=True)
class MoneyTerms:
    """Everything dated that turns energy into money, carbon and fuel; each list in order of time."""

    tariffs: tuple[Tariff, ...] = ()
    co2: tuple[Factor, ...] = ()
    fuel: tuple[Factor, ...] = ()
    connections: tuple[Connection, ...] = ()


NO_TERMS = MoneyTerms()

class _Dated(Protocol):
    @property
    def valid_from(self) -> date: ...


_D = TypeVar("_D", bound=_Dated)


def valid_on(entries: Sequence[_D], day: date) -> _D | None:
    """The entry that holds on that day: the last one that began; None before the first."""
    found = None
    for entry in entries:
        if entry.valid_from <= day:
            found = entry
    return found


def tariff_on(tariffs: Sequence[Tariff], day: date) -> Tariff | None:
    """The tariff of a day; None before the first and after the last one ended."""
    found = valid_on(tariffs, day)
    return None if found is None or (found.valid_to is not None and day > found.valid_to) else found


@dataclass(frozen=True, slots=True)
class HourPrice:
    """Price of one hour [time_us, + 1 h), currency per kWh."""

    time_us: int
    price_per_kwh: float


@dataclass(frozen=True, slots=True)
class PricePreview:
    """What a file of hourly prices holds, before it is kept. `problems`: what is wrong, with its row; empty when it can be kept.

    Prices are per kWh; `missing_hours`: hours within the span without a price.
    """

    table: str
    prices: Sequence[HourPrice]
    layout: str  # rows | days
    problems: Sequence[str]
    missing_hours: int
    kept: bool = False


class PriceStore(Protocol):
    """Hourly prices by the name of their table. Times are UTC microseconds at full hours."""

    async def save_prices(self, table: str, prices: Sequence[HourPrice]) -> None:
        """Insert or update."""
        ...

    async def prices(self, table: str, from_us: int, to_us: int) -> Sequence[HourPrice]: ...
    async def price_tables(self) -> Sequence[tuple[str, int, int, int]]:
        """(name, first hour, last hour, count) of each table."""
        ...
