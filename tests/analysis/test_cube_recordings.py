"""The cube over recordings: seven months of a steel works, ten months of a house's counters with holes and both clock changes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from analysis.calendar import Calendar, to_us
from analysis.cube import rows_of, slots_of
from domain.cube import CubeCell, Dimension
from tests.analysis.fakes import H, S
from tests.analysis.test_accounting import Shop
from tests.analysis.test_accounting import rows_of as file_rows

Reading = tuple[int, float | None, int]


async def cells_of(readings: Sequence[Reading], zone: str) -> Sequence[CubeCell]:
    """Of the counter alone, from the first reading to the last."""
    shop = Shop(zone=zone)
    shop.history.put(shop.id_of("d1.energy_import"), readings)
    shop.now(readings[-1][0] + 49 * H)
    return await shop.accounting.cube("d1-m", slots_of(shop.accounting.calendar, readings[0][0], readings[-1][0]))


def sums(cells: Sequence[CubeCell], by: Dimension) -> dict[object, float]:
    return {row.key[by]: row.energy_kwh or 0.0 for row in rows_of(cells, [by], lambda _m: "")}


async def test_seven_months_of_a_steel_works_by_day_hour_and_shift(shared_data: Callable[..., Path]) -> None:
    rows = file_rows(shared_data("data", "steel-2018", "steel_2018_01-07.csv.gz"))
    begin, count = to_us(datetime(2018, 1, 1, tzinfo=Calendar("Asia/Seoul").zone)), 0.0
    readings: list[Reading] = [(begin, 0.0, 0)]
    for n, row in enumerate(rows, 1):  # in true order, 15 min apart, whatever the midnight stamp says
        count += float(row["Usage_kWh"])
        readings.append((begin + n * 900 * S, count, 0))
    cells = await cells_of(readings, "Asia/Seoul")
    for by in (Dimension.DAY, Dimension.HOUR, Dimension.SHIFT, Dimension.STATE):
        assert math.fsum(sums(cells, by).values()) == pytest.approx(602_874.17, abs=1e-2)
    days = sums(cells, Dimension.DAY)
    assert len(days) == 212
    usage = [float(row["Usage_kWh"]) for row in rows]
    for n in range(212):  # no interval is lost or moved at midnight
        assert days[date(2018, 1, 1) + timedelta(days=n)] == pytest.approx(math.fsum(usage[96 * n : 96 * n + 96]), abs=1e-6)
    late = math.fsum(usage[n] for n in range(len(usage)) if n % 96 >= 92)
    assert sums(cells, Dimension.HOUR)[23] == pytest.approx(late, abs=1e-5)


@pytest.mark.parametrize(("column", "kwh"), [("grid_import", 3228.783), ("heat_pump", 2222.020)])
async def test_counters_with_holes_have_the_same_cube_in_all(shared_data: Callable[..., Path], column: str, kwh: float) -> None:
    rows = file_rows(shared_data("data", "meter-counters-opsd", "residential4_counters_60min_part1.csv.gz"))
    name = next(key for key in rows[0] if key.endswith(column))
    readings: list[Reading] = [
        (to_us(datetime.fromisoformat(row["utc_timestamp"]).replace(tzinfo=UTC)), float(row[name]), 0) for row in rows if row[name]
    ]
    whole = await cells_of(readings, "Europe/Berlin")
    holed = await cells_of([r for n, r in enumerate(readings) if n % 7 == 0 or n == len(readings) - 1], "Europe/Berlin")
    for cells in (whole, holed):
        assert math.fsum(cell.energy_kwh or 0.0 for cell in cells) == pytest.approx(kwh, abs=1e-3)
        assert sum(cell.duration_us for cell in cells) == readings[-1][0] - readings[0][0]  # both clock changes inside
    hours = sums(whole, Dimension.HOUR)
    assert len(hours) == 24
    known = {reading[0]: reading[1] for reading in readings}
    exact = 0
    for cell in whole:  # an hour between two readings is their difference
        first, last = known.get(cell.slot.from_us), known.get(cell.slot.to_us)
        if first is not None and last is not None:
            assert cell.energy_kwh == pytest.approx(last - first, abs=1e-9)
            exact += 1
    assert exact > 5000
