"""Ten months of hourly counters of one site with real gaps, as Mercury meters: no energy is lost or invented by a gap."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest

from domain.quality import Quality
from simulator.playback import Column, Playback, Recording
from tests.e2e.recorded import LEISURELY, Recorded, recorded, same
from tests.e2e.running import to_us

HOUR_US = 3_600_000_000
METERS = {  # device -> (A+, A-) columns; pv and heat pump have one direction
    "grid": ("grid_import", "grid_export"),
    "pv": ("pv", None),
    "heat": ("heat_pump", None),
}
# kWh of the first and the last reading, as the README gives them
FIGURES = {"grid": ("0.077", "3228.860"), "pv": ("0.000", "7851.930"), "heat": ("0.000", "2222.020")}
PROFILE = """
title: {ru: "Только счётчики", en: "Counters only"}
vendor: test
protocol: mercury
source: "a profile of the installation's own"
confidence: H
points:
  - {tag: energy_import, quantity: energy_import, unit: "Wh", query: energy, item: a_plus, secondary: true}
  - {tag: energy_export, quantity: energy_export, unit: "Wh", query: energy, item: a_minus, secondary: true}
"""
# The lines are fast ones: seven thousand rows at the speed of an RS-485 would take a minute, and tell no more of the counters.
PLANT = """
site: {name: Konstanz, timezone: Europe/Berlin, language: en}
lines:
  - {id: gw1, transport: rtu-over-tcp, host: 127.0.0.1, port: @gw1@, baud: 921600}
  - {id: gw2, transport: rtu-over-tcp, host: 127.0.0.1, port: @gw2@, baud: 921600}
  - {id: gw3, transport: rtu-over-tcp, host: 127.0.0.1, port: @gw3@, baud: 921600}
devices:
  - {id: grid, profile: counters-only, line: gw1, address: 31, scan_s: 3600}
  - {id: pv, profile: counters-only, line: gw2, address: 32, scan_s: 3600}
  - {id: heat, profile: counters-only, line: gw3, address: 33, scan_s: 3600}
machines:
  - {id: import, name: Import, meter: grid}
  - {id: sun, name: Sun, meter: pv}
  - {id: warmth, name: Warmth, meter: heat}
"""
MACHINE = {"grid": "import", "pv": "sun", "heat": "warmth"}


def cells(path: Path) -> tuple[list[int], dict[str, list[float | None]]]:
    """Times of the rows, and by "device.tag" the counters in Wh; None where the recording has a gap."""
    with gzip.open(path, "rt", newline="") as file:
        rows = list(csv.DictReader(file))
    times = [to_us(datetime.fromisoformat(row["utc_timestamp"])) for row in rows]
    found: dict[str, list[float | None]] = {}
    for device, names in METERS.items():
        for tag, name in zip(("energy_import", "energy_export"), names, strict=True):
            if name is not None:
                texts = [row[f"DE_KN_residential4_{name}"] for row in rows]
                found[f"{device}.{tag}"] = [round(1000 * float(text)) if text else None for text in texts]
    return times, found


@pytest.mark.timeout(600)
async def test_counters_with_gaps_keep_their_energy(tmp_path: Path, shared_data: Callable[..., Path]) -> None:
    path = shared_data("data", "meter-counters-opsd", "residential4_counters_60min_part1.csv.gz")
    times, wh = cells(path)
    assert {b - a for a, b in pairwise(times)} == {HOUR_US}
    profiles = {"counters-only": PROFILE}
    async with recorded(tmp_path, PLANT, times[0] - 17 * HOUR_US // 2, profiles=profiles, without=LEISURELY) as run:
        columns = [Column(name, name.split(".")[0], name.split(".")[1]) for name in wh]
        playback = Playback(run.simulation, Recording(wh), columns)
        playback.step(0)
        await run.warm_up(times[0], 3600.0)
        await run.play(playback, times)
        await run.jump_to(times[-1] + 62_000_000)
        for name, cells_of in wh.items():
            await the_samples_are_the_recording(run, name, times, cells_of)
        await the_energy_is_last_minus_first(run, times)


async def the_samples_are_the_recording(run: Recorded, name: str, times: list[int], wh: Sequence[float | None]) -> None:
    """Each row one sample: the value, or "the meter has none" in a gap; never a value held or invented."""
    kept = [(t, v, q) for t, v, q in await run.stored(name) if t >= times[0]]
    same([t - t % 1000 for t, _, _ in kept], times)
    same([None if v is None else round(1000 * v, 6) for _, v, _ in kept], wh)
    same([q for _, _, q in kept], [Quality.NO_VALUE if v is None else 0 for v in wh])


async def the_energy_is_last_minus_first(run: Recorded, times: list[int]) -> None:
    begin, end = times[0], times[-1] + HOUR_US
    async with run.api() as get:
        days = (await get("/api/energy", by="day", from_=begin - 24 * HOUR_US, to=end))["items"]
    for device, (first, last) in FIGURES.items():
        own = [item["energy_kwh"] for item in days if item["machine"] == MACHINE[device] and item["energy_kwh"] is not None]
        assert sum(own) == pytest.approx(float(last) - float(first), abs=1e-3)
    whole = await run.app.energy.account(MACHINE["grid"], begin, end)
    assert whole.energy_kwh == pytest.approx(float(FIGURES["grid"][1]) - float(FIGURES["grid"][0]), abs=1e-3)
    assert whole.source == "counter"
