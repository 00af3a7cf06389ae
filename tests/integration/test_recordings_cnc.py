"""A milling machine's drives at 10 Hz over Modbus RTU on a serial port (a pseudo terminal): currents, voltages, power."""

from __future__ import annotations

import csv
import gzip
import struct
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from simulator.playback import Column, Playback, Recording
from tests.e2e.recorded import LEISURELY, recorded, same
from tests.e2e.running import to_us

STEP_US = 100_000
BEGIN_US = to_us(datetime(2018, 1, 15, 9, 0, tzinfo=UTC))  # the recording has no times: row number x 0.1 s
DRIVES = ("X1", "Y1", "S1")  # Z1 has no power
COLUMNS = {"current": ("OutputCurrent", "A"), "dc_voltage": ("DCBusVoltage", "V"), "voltage": ("OutputVoltage", "V"),
           "active_power": ("OutputPower", "kW")}
QUANTITY = {"current": "current", "dc_voltage": "voltage", "voltage": "voltage", "active_power": "active_power"}


def points(order: str) -> str:
    return "\n".join(
        f"      - {{tag: {tag}, quantity: {QUANTITY[tag]}, unit: {unit}, table: holding, address: {100 + 2 * n}, type: float32, "
        f"word_order: {order}}}"
        for n, (tag, (_, unit)) in enumerate(COLUMNS.items())
    )


ORDERS = {"X1": "big", "Y1": "little", "S1": "little-swapped"}  # three makers' drives on one bus
DEVICES = "\n".join(
    f"  - id: {drive.lower()}\n    line: com1\n    address: {n}\n    scan_s: 0.1\n    points:\n{points(ORDERS[drive])}"
    for n, drive in enumerate(DRIVES, 11)
)
PLANT = f"""
site: {{name: Testbed, timezone: America/Detroit, language: en}}
shifts:
  - {{name: early, start: "00:00", end: "12:00"}}
lines:
  - {{id: com1, transport: serial, device: "@com1@", baud: 115200, parity: E}}
devices:
{DEVICES}
machines:
  - {{id: x-axis, name: X axis, meter: x1}}
  - {{id: y-axis, name: Y axis, meter: y1}}
  - {{id: spindle, name: Spindle, meter: s1}}
"""
MACHINE = {"X1": "x-axis", "Y1": "y-axis", "S1": "spindle"}


def wire(value: float) -> float:
    """As a float32 register holds it."""
    return float(struct.unpack(">f", struct.pack(">f", value))[0])


@pytest.mark.timeout(180)
async def test_drives_on_a_serial_bus(tmp_path: Path, shared_data: Callable[..., Path]) -> None:
    with gzip.open(shared_data("data", "cnc-umich", "experiment_01.csv.gz"), "rt", newline="") as file:
        rows = list(csv.DictReader(file))
    times = [BEGIN_US + n * STEP_US for n in range(len(rows))]
    assert len(rows) == 1055
    values = {
        f"{drive.lower()}.{tag}": [float(row[f"{drive}_{column}"]) for row in rows]
        for drive in DRIVES
        for tag, (column, _) in COLUMNS.items()
    }
    columns = [Column(name, name.split(".")[0], name.split(".")[1]) for name in values]
    async with recorded(tmp_path, PLANT, times[0] - 2401 * STEP_US // 2, without=LEISURELY) as run:
        await run.warm_up(times[0], 0.1)
        await run.play(Playback(run.simulation, Recording(values), columns), times)
        await run.jump_to(times[-1] + STEP_US)
        for name, own in values.items():
            kept = [(t, v, q) for t, v, q in await run.stored(name) if times[0] <= t <= times[-1]]
            same([t for t, _, _ in kept], times)
            same([q for _, _, q in kept], [0] * len(times))
            same([v for _, v, _ in kept], [wire(v) for v in own])
        expected = {drive: sum(wire(v) for v in values[f"{drive.lower()}.active_power"]) * 0.1 / 3600 for drive in DRIVES}
        async with run.api() as get:
            items = (await get("/api/energy", by="hour", from_=BEGIN_US, to=times[-1] + STEP_US))["items"]
            period = await get("/api/data/period", tag="s1.active_power", from_=BEGIN_US, to=times[-1] + STEP_US, step="1m")
        found = {item["machine"]: item for item in items}
        for drive, kwh in expected.items():
            assert found[MACHINE[drive]]["energy_kwh"] == pytest.approx(kwh, rel=1e-6, abs=1e-9)
            assert found[MACHINE[drive]]["source"] == "integrated_power"
        spindle = [wire(v) for v in values["s1.active_power"]]
        whole = [point for point in period["series"][0]["points"] if point[4] == 600]
        assert len(whole) == 1  # 105 s: one whole minute
        assert whole[0][1:4] == pytest.approx([sum(spindle[:600]) / 600, min(spindle[:600]), max(spindle[:600])], rel=1e-9)
        begin = to_us(datetime(2018, 1, 15, 5, 0, tzinfo=UTC))
        report = await run.report(begin, begin + 12 * 36 * 10**8)
        names = {"X1": "X axis", "Y1": "Y axis", "S1": "Spindle"}
        assert report.kwh == pytest.approx({names[drive]: found[MACHINE[drive]]["energy_kwh"] for drive in DRIVES}, rel=1e-9)
