"""A steel works' 15-minute intervals as the counters of a Mercury meter: native protocol through a transparent gateway."""

from __future__ import annotations

import csv
import gzip
import itertools
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from simulator.playback import Column, Playback, Recording
from tests.e2e.recorded import LEISURELY, Recorded, recorded, same
from tests.e2e.running import to_us

SEOUL = ZoneInfo("Asia/Seoul")
FIRST = datetime(2018, 1, 1, tzinfo=SEOUL)  # row n is the quarter of an hour that begins n quarters after this
QUARTER = timedelta(minutes=15)
QUARTER_US = 900_000_000
SHIFTS = {  # kWh of the shifts 06-14, 14-22, 22-06, as the recording's README gives them
    date(2018, 3, 5): (1587.02, 1983.38, 190.13),
    date(2018, 3, 6): (1677.99, 1890.20, 122.30),
    date(2018, 3, 7): (1737.49, 1646.22, 108.24),
}
PLANT = """
site: {{name: Steel works, timezone: Asia/Seoul, language: en, main_meter: feed}}
shifts:
  - {{name: A, start: "06:00", end: "14:00"}}
  - {{name: B, start: "14:00", end: "22:00"}}
  - {{name: C, start: "22:00", end: "06:00"}}
lines:
  - {{id: gw1, transport: rtu-over-tcp, host: 127.0.0.1, port: @gw1@, baud: {baud}}}
devices:
  - {{id: feed, profile: {profile}, line: gw1, address: 30, scan_s: 900}}
machines:
  - {{id: works, name: Works, meter: feed}}
"""
COUNTERS_ONLY = """
title: {ru: "Только счётчики", en: "Counters only"}
vendor: test
protocol: mercury
source: "a profile of the installation's own"
confidence: H
points:
  - {tag: energy_import, quantity: energy_import, unit: "Wh", query: energy, item: a_plus, secondary: true}
  - {tag: reactive_energy_import, quantity: reactive_energy_import, unit: "varh", query: energy, item: r_plus, secondary: true}
"""
POINTS = {"energy_import": "Usage_kWh", "reactive_energy_import": "Lagging_Current_Reactive.Power_kVarh"}


@pytest.fixture(scope="module")
def quarters() -> dict[str, list[int]]:
    """Wh and varh of each quarter of an hour, in the order of the file (its midnight stamps run backwards)."""
    from tests.conftest import shared_file

    path = shared_file("data", "steel-2018", "steel_2018_01-07.csv.gz")
    with gzip.open(path, "rt", newline="") as file:
        rows = list(csv.DictReader(file))
    return {tag: [round(1000 * float(row[column])) for row in rows] for tag, column in POINTS.items()}


def readings(quarters: dict[str, list[int]], begin: datetime, end: datetime) -> tuple[list[int], dict[str, list[int]]]:
    """Times and counter readings (Wh, varh since January) at every quarter from `begin` to `end`, both included."""
    first, last = (begin - FIRST) // QUARTER, (end - FIRST) // QUARTER
    totals = {tag: [0, *itertools.accumulate(values)][first : last + 1] for tag, values in quarters.items()}
    return [to_us(begin) + n * QUARTER_US for n in range(last - first + 1)], totals


def playback(run: Recorded, totals: dict[str, list[int]]) -> Playback:
    return Playback(run.simulation, Recording(totals), [Column(tag, "feed", tag) for tag in totals])


async def every_sample_is_there(run: Recorded, times: list[int], totals: dict[str, list[int]]) -> None:
    """To the meter's digit, 1 Wh, all of them good and nothing besides."""
    for tag, values in totals.items():
        kept = [(t, v, q) for t, v, q in await run.stored(f"feed.{tag}") if t >= times[0]]
        assert {q for _, _, q in kept} == {0}
        at = [t - t % 100 for t, _, _ in kept]  # a second group of the same instant is stamped 1 us later
        same([round(1000 * (v or 0.0), 6) for _, v, _ in kept], values)
        same(at, times)


@pytest.mark.timeout(120)
async def test_three_days_of_shifts_are_the_same_in_database_api_and_report(
    tmp_path: Path, quarters: dict[str, list[int]]
) -> None:
    begin, end = datetime(2018, 3, 5, tzinfo=SEOUL), datetime(2018, 3, 8, 8, tzinfo=SEOUL)
    times, totals = readings(quarters, begin, end)
    plant, start_us = PLANT.format(profile="mercury-234", baud=38400), times[0] - 17 * QUARTER_US // 2
    async with recorded(tmp_path, plant, start_us, without=("retention", "plant-watch")) as run:
        playback(run, totals).step(0)
        await run.warm_up(times[0], 900.0)
        await run.play(playback(run, totals), times, settle_every=4)
        await every_sample_is_there(run, times, totals)
        await run.jump_to(times[-1] + 62_000_000)
        windows = await check_shifts(run)
        await check_reports(run, quarters, windows)
        await check_quarters(run, quarters, begin + timedelta(hours=6), 72 * 4)


async def check_shifts(run: Recorded) -> list[tuple[int, int, float]]:
    """API and table shift_energy say what the README says; (from, to, kWh) of each shift."""
    begin = to_us(datetime(2018, 3, 5, 6, tzinfo=SEOUL))
    async with run.api() as get:
        items = (await get("/api/energy", by="shift", from_=begin, to=begin + 72 * 4 * QUARTER_US))["items"]
    expected = [(label, kwh) for shifts in SHIFTS.values() for label, kwh in zip("ABC", shifts, strict=True)]
    assert [item["label"] for item in items] == [label for label, _ in expected]
    assert [item["energy_kwh"] for item in items] == pytest.approx([kwh for _, kwh in expected], abs=1e-3)
    assert {(item["source"], item["estimated_kwh"], item["completeness"]) for item in items} == {("counter", 0.0, 1.0)}
    days = list(SHIFTS)
    kept = await run.app.database.energy.shift_energy(days[0], days[-1])
    stored = {(window.day, window.name): account.energy_kwh for window, account in kept}
    for day, shifts in SHIFTS.items():
        for label, kwh in zip("ABC", shifts, strict=True):
            assert stored[day, label] == pytest.approx(kwh, abs=1e-3)
    ends = [(to_us(datetime.fromisoformat(item["from"])), to_us(datetime.fromisoformat(item["to"]))) for item in items]
    return [(*window, item["energy_kwh"]) for window, item in zip(ends, items, strict=True)]


async def check_reports(run: Recorded, quarters: dict[str, list[int]], windows: list[tuple[int, int, float]]) -> None:
    for begin, end, kwh in windows[::2]:
        report = await run.report(begin, end)
        assert report.kwh == pytest.approx({"Works": kwh}, abs=1e-9)
        assert f"{kwh:,.1f}" in report.pdf
    begin, end, _ = windows[0]
    first = (begin - to_us(FIRST)) // QUARTER_US
    active, reactive = (sum(quarters[tag][first : first + 32]) for tag in POINTS)
    figures = await run.app.reports.figures(await run.app.reports.template("shift"), begin, end)
    assert figures.tg_phi == pytest.approx(reactive / active, rel=1e-9)
    assert figures.total_kwh == pytest.approx(active / 1e3, abs=1e-3)


async def check_quarters(run: Recorded, quarters: dict[str, list[int]], begin: datetime, count: int) -> None:
    """Consumption by quarter of an hour, hour and day of the roll-ups is that of the recording's intervals."""
    first = (begin - FIRST) // QUARTER
    for tag in POINTS:
        own = quarters[tag]
        assert await consumption(run, tag, "15m", begin, count * QUARTER) == {
            to_us(begin) + n * QUARTER_US: own[first + n] for n in range(count)
        }
        assert await consumption(run, tag, "1h", begin, count * QUARTER) == {
            to_us(begin) + n * QUARTER_US: sum(own[first + n : first + n + 4]) for n in range(0, count, 4)
        }
        midnight = begin.replace(hour=0) + timedelta(days=1)
        start = (midnight - FIRST) // QUARTER
        assert await consumption(run, tag, "1d", midnight, timedelta(days=2)) == {
            to_us(midnight) + n * QUARTER_US: sum(own[start + n : start + n + 96]) for n in (0, 96)
        }


async def consumption(run: Recorded, tag: str, step: str, begin: datetime, length: timedelta) -> dict[int, int]:
    """Wh (varh) by begin of the interval, as the API answers."""
    async with run.api() as get:
        answer = await get("/api/data/period", tag=f"feed.{tag}", from_=to_us(begin), to=to_us(begin + length), step=step)
    (series,) = answer["series"]
    at = series["columns"].index("consumption")
    return {to_us(datetime.fromisoformat(point[0])): round(1000 * point[at]) for point in series["points"]}


@pytest.mark.timeout(180)
async def test_a_whole_month_by_day_and_in_all(tmp_path: Path, quarters: dict[str, list[int]]) -> None:
    """March: an own profile that reads only the counters; the sum of the README, every day of it, no quarter at midnight lost."""
    begin, end = datetime(2018, 3, 1, tzinfo=SEOUL), datetime(2018, 4, 1, tzinfo=SEOUL)
    times, totals = readings(quarters, begin, end)
    plant = PLANT.format(profile="counters-only", baud=921600)  # a month at the speed of an RS-485 tells no more of the counters
    own, start_us = {"counters-only": COUNTERS_ONLY}, times[0] - 17 * QUARTER_US // 2
    async with recorded(tmp_path, plant, start_us, profiles=own, without=LEISURELY) as run:
        playback(run, totals).step(0)
        await run.warm_up(times[0], 900.0)
        await run.play(playback(run, totals), times)
        await every_sample_is_there(run, times, totals)
        await run.jump_to(times[-1] + 62_000_000)
        async with run.api() as get:
            items = (await get("/api/energy", by="day", from_=to_us(begin), to=to_us(end)))["items"]
        assert sum(item["energy_kwh"] for item in items) == pytest.approx(80_230.41, abs=1e-3)
        own_wh = quarters["energy_import"][(begin - FIRST) // QUARTER :]
        assert [round(1000 * item["energy_kwh"]) for item in items] == [sum(own_wh[n : n + 96]) for n in range(0, 31 * 96, 96)]
