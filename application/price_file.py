"""Files of hourly prices as suppliers publish them: CSV or XLSX, one row an hour or one row a day with 24 columns.

`read_prices` is pure but for the parsing libraries; nothing is kept that has a problem. See docs/operation.md.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from application.table_file import Cell, Row, read_table
from domain.errors import ConfigError
from domain.tariff import HourPrice, PricePreview

LARGEST_BYTES = 4_000_000
MOST_ROWS, MOST_COLUMNS = 20_000, 40
MOST_PROBLEMS = 20
HOUR_US = 3_600_000_000
UNITS = {"kWh": 1.0, "MWh": 1000.0}
_DAY_FORMATS = ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%Y.%m.%d")
_HOUR = re.compile(r"(\d{1,2})(?::00)?(?:\s*[-–—]\s*\d{1,2}(?::00)?)?\Z")


def read_prices(name: str, content: bytes, table: str, unit: str, zone: ZoneInfo) -> PricePreview:
    """What the file holds, prices per kWh. Raises ConfigError where it is no table at all or a parameter is wrong."""
    if unit not in UNITS:
        raise ConfigError(f"unit: {unit!r} is none of {', '.join(UNITS)}")
    if not table.strip() or len(table) > 60:
        raise ConfigError("table: expected a name of 1 to 60 characters, the one that a tariff's field table holds")
    rows = read_table(name, content, largest_bytes=LARGEST_BYTES, most_rows=MOST_ROWS, most_columns=MOST_COLUMNS)
    found: dict[int, float] = {}
    problems: list[str] = []
    wide = any(len([c for c in row if _number(c) is not None]) >= 23 for row in rows)
    for number, row in enumerate(rows, 1):
        _read_row(number, row, wide, zone, UNITS[unit], found, problems)
    if not found and not problems:
        problems.append("no row holds a day, an hour and a price; expected columns day, hour, price or a day and 24 prices")
    prices = [HourPrice(time_us, found[time_us]) for time_us in sorted(found)]
    span = (prices[-1].time_us - prices[0].time_us) // HOUR_US + 1 if prices else 0
    return PricePreview(table, prices, "days" if wide else "rows", problems[:MOST_PROBLEMS], span - len(prices))


def _read_row(
    number: int, row: Row, wide: bool, zone: ZoneInfo, per: float, found: dict[int, float], problems: list[str]
) -> None:
    moment = _moment(row)
    if moment is None:
        return  # a title, a head, an empty row
    day, hour, rest = moment
    values: list[tuple[int, Cell]] = list(enumerate(rest[:24])) if wide and hour is None else []
    if not wide:
        if hour is None:
            problems.append(f"row {number}: no hour; expected 0 to 23")
            return
        values = [(hour, rest[0] if rest else None)]
    for at, value in values:
        price = _number(value)
        if price is None:
            if value not in (None, ""):
                problems.append(f"row {number}: {str(value)[:30]!r} is no price")
            continue
        for time_us in _hours(day, at, zone):
            if time_us in found and not math.isclose(found[time_us], price / per):
                problems.append(f"row {number}: {day} {at:02}:00 has two prices")
            found[time_us] = price / per


def _moment(row: Row) -> tuple[date, int | None, Row] | None:
    """(day, hour, cells after them) of a row that begins with a day; None for others."""
    cells = list(row)
    while cells and cells[0] in (None, ""):
        cells.pop(0)
    if not cells:
        return None
    stamp = _stamp(cells[0])
    if stamp is None:
        return None
    day, hour = stamp
    rest = cells[1:]
    if hour is None and rest and len(rest) <= 3:
        match = _HOUR.match(str(rest[0]).strip()) if not isinstance(rest[0], time) else None
        if len(rest) == 1 and isinstance(cells[0], datetime):
            return day, 0, rest  # midnight among stamps with hours
        clock = rest[0].hour if isinstance(rest[0], time) else int(match[1]) if match else None
        if clock is not None and 0 <= clock <= 23:
            return day, clock, rest[1:]
    return day, hour, rest


def _stamp(cell: Cell) -> tuple[date, int | None] | None:
    if isinstance(cell, datetime):
        return cell.date(), cell.hour if cell.time() != time() else None
    if isinstance(cell, date):
        return cell, None
    words = str(cell).strip()
    head, _, tail = words.replace("T", " ").partition(" ")
    for pattern in _DAY_FORMATS:
        try:
            day = datetime.strptime(head, pattern).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
        match = re.match(r"(\d{1,2})(:00(:00)?)?\Z", tail.strip())
        return day, int(match[1]) if match and int(match[1]) <= 23 else None
    return None


def _hours(day: date, hour: int, zone: ZoneInfo) -> list[int]:
    """The hour of the wall clock in UTC: one, two when the clock shows it twice, none when it skips it."""
    found = []
    for fold in (0, 1):
        local = datetime.combine(day, time(hour, fold=fold), tzinfo=zone)
        moment = local.astimezone(UTC)
        if moment.astimezone(zone).replace(fold=0, tzinfo=None) == local.replace(fold=0, tzinfo=None):
            found.append(round(moment.timestamp()) * 1_000_000)
    return sorted(set(found))


def _number(cell: Cell) -> float | None:
    if isinstance(cell, bool) or cell is None:
        return None
    if isinstance(cell, int | float):
        return float(cell) if math.isfinite(cell) else None
    words = str(cell).replace("\u00a0", "").replace(" ", "").replace(",", ".")
    try:
        value = float(words)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def span_words(preview: PricePreview, zone: ZoneInfo) -> str:
    """First and last hour for the audit."""
    if not preview.prices:
        return "nothing"
    first, last = (
        (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=p.time_us)).astimezone(zone)
        for p in (preview.prices[0], preview.prices[-1])
    )
    return f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M}, {len(preview.prices)} hours"
