"""Laboratory loads at 1 Hz over Modbus TCP: a total and its three single loads, four units behind one connection."""

from __future__ import annotations

import csv
import struct
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from simulator.playback import Column, Playback, Recording
from tests.e2e.recorded import Recorded, recorded
from tests.e2e.running import to_us

METERS = ("main", "kettle", "vacuum", "water_heater")
COLUMNS = {"apparent_power": "Apparent (W)", "active_power": "Active (W)", "reactive_power": "Reactive (W)",
           "power_factor": "Power Factor"}
UNITS = {"apparent_power": "VA", "active_power": "W", "reactive_power": "var", "power_factor": "'1'"}
SECOND = 1_000_000
POINTS = "\n".join(
    f"      - {{tag: {tag}, quantity: {tag}, unit: {UNITS[tag]}, table: holding, address: {2 * n}, type: float32}}"
    for n, tag in enumerate(COLUMNS)
)
DEVICES = "\n".join(
    f"  - id: {name}\n    line: tcp1\n    address: {n}\n    scan_s: 1\n    points:\n{POINTS}" for n, name in enumerate(METERS, 1)
)
MACHINES = "\n".join(f"  - {{id: {name}-load, name: {name}, meter: {name}}}" for name in METERS)
PLANT = f"""
site: {{name: Laboratory, timezone: Asia/Kuala_Lumpur, language: en}}
shifts:
  - {{name: day, start: "08:00", end: "20:00"}}
lines:
  - {{id: tcp1, transport: modbus-tcp, host: 127.0.0.1, port: @tcp1@}}
devices:
{DEVICES}
machines:
{MACHINES}
"""


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def wire(value: float) -> float:
    """As a float32 register holds it."""
    return float(struct.unpack(">f", struct.pack(">f", value))[0])


def minutes(times: list[int], values: list[float]) -> dict[int, tuple[float, float, float]]:
    """(mean, min, max) of every minute that the recording fills, by its begin."""
    found: dict[int, list[float]] = {}
    for time_us, value in zip(times, values, strict=True):
        found.setdefault(time_us - time_us % (60 * SECOND), []).append(value)
    return {begin: (sum(v) / 60, min(v), max(v)) for begin, v in found.items() if len(v) == 60}


@pytest.mark.timeout(120)
async def test_every_sample_the_energy_the_rollup_and_the_report(tmp_path: Path, shared_data: Callable[..., Path]) -> None:
    rows = {name: rows_of(shared_data("data", "pq-lab-1hz", f"three_{name}.csv")) for name in METERS}
    begin = datetime.fromisoformat(rows["main"][0]["Timestamp"]).replace(tzinfo=ZoneInfo("Asia/Kuala_Lumpur"))
    count = len(rows["main"])
    times = [to_us(begin) + n * SECOND for n in range(count)]
    values = {f"{name}.{tag}": [float(row[column]) for row in rows[name]] for name in METERS for tag, column in COLUMNS.items()}
    watts = {name: [wire(v) for v in values[f"{name}.active_power"]] for name in METERS}
    columns = [Column(f"{name}.{tag}", name, tag) for name in METERS for tag in COLUMNS]
    async with recorded(tmp_path, PLANT, times[0] - 30 * SECOND - SECOND // 2) as run:
        await run.warm_up(times[0], 1.0)
        await run.play(Playback(run.simulation, Recording(values), columns), times)
        await run.jump_to(times[-1] + SECOND)
        for name in METERS:
            for tag in COLUMNS:
                factor = 1.0 if tag == "power_factor" else 1e-3
                kept = {t: v for t, v, q in await run.stored(f"{name}.{tag}") if q == 0}
                expected = {t: wire(v) * factor for t, v in zip(times, values[f"{name}.{tag}"], strict=True)}
                assert expected.keys() <= kept.keys()
                assert {t: kept[t] for t in times} == pytest.approx(expected, rel=1e-12)
        energies = {name: sum(watts[name]) / 3.6e6 for name in METERS}  # kWh, each row for one second
        assert energies["main"] == pytest.approx(0.71578, abs=5e-6)  # as the recording's README says
        assert sum(energies.values()) - energies["main"] == pytest.approx(0.71320, abs=5e-6)
        await check_rollups(run, times, watts)
        await check_energy(run, times, energies)


async def check_rollups(run: Recorded, times: list[int], watts: dict[str, list[float]]) -> None:
    expected = {name: minutes(times, watts[name]) for name in METERS}
    async with run.api() as get:
        asked = [f"{name}.active_power" for name in METERS]
        answer = await get("/api/data/period", tag=asked, from_=times[0], to=times[-1] + SECOND, step="1m")
    assert [series["tag"] for series in answer["series"]] == asked
    for name, series in zip(METERS, answer["series"], strict=True):
        assert series["unit"] == "kW"
        found = {to_us(datetime.fromisoformat(p[0])): tuple(1e3 * v for v in p[1:4]) for p in series["points"] if p[4] == 60}
        assert found.keys() == expected[name].keys()
        assert len(found) == 9
        for begin, figures in expected[name].items():
            assert found[begin] == pytest.approx(figures, rel=1e-9)


async def check_energy(run: Recorded, times: list[int], energies: dict[str, float]) -> None:
    """No meter here has a counter: the energy comes from the power, says so, and is the same in API and report."""
    async with run.api() as get:
        answer = await get("/api/energy", by="shift", from_=times[0] - 8 * 3600 * SECOND, to=times[-1] + SECOND)
    found = {item["machine"]: item for item in answer["items"]}
    assert {name: found[f"{name}-load"]["energy_kwh"] for name in METERS} == pytest.approx(energies, rel=1e-6)
    assert {(item["source"], item["estimated_share"]) for item in found.values()} == {("integrated_power", 1.0)}
    begin = to_us(datetime.fromisoformat(answer["items"][0]["from"]))
    report = await run.report(begin, begin + 12 * 3600 * SECOND)
    assert report.kwh == pytest.approx({name: found[f"{name}-load"]["energy_kwh"] for name in METERS}, rel=1e-12)
    assert "Shift report" in report.pdf
