"""Our driver against a server built with another maker's library (libmodbus), float orders by its own functions included."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from data_collection.driver import Trace
from data_collection.registry import connects
from data_collection.word_order import best_order, probe_orders
from domain.profile import Group, ModbusPoint, Point, WordOrder
from domain.quality import Quality
from domain.quantity import Quantity
from tests.data_collection.peers import device, profile, tcp_line

SOURCE = Path(__file__).with_name("libmodbus_server.c")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The server, compiled; skips by name where a compiler or the library is missing (with CI they must be there)."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    target = tmp_path_factory.mktemp("libmodbus") / "server"
    if compiler is not None:
        built = subprocess.run(
            [compiler, str(SOURCE), "-I/usr/include/modbus", "-lmodbus", "-o", str(target)],
            capture_output=True, text=True, check=False,
        )
        if built.returncode == 0:
            return target
        reason = built.stderr
    else:
        reason = "no C compiler"
    if os.environ.get("CI"):
        pytest.fail(f"libmodbus server: {reason}")
    pytest.skip(f"libmodbus server (packages gcc, libmodbus-dev): {reason[:200]}")


@pytest_asyncio.fixture
async def port(program: Path) -> AsyncIterator[int]:
    process = await asyncio.create_subprocess_exec(str(program), stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    async with asyncio.timeout(5):
        yield int(await process.stdout.readline())
    if process.returncode is None:
        process.kill()
    await process.wait()


def point(tag: str, table: str, address: int, type: str, order: WordOrder = WordOrder.BIG) -> Point:
    return Point(tag, Quantity.OTHER, "", ModbusPoint(table, address, type, order))


FLOATS = {0: 230.125, 2: 50.01, 4: -12.75, 6: 1e6}


async def test_all_tables_and_types(port: int) -> None:
    points = [
        point("int16", "holding", 8, "int16"), point("uint16", "holding", 9, "uint16"), point("int32", "input", 0, "int32"),
        *(point(f"coil{i}", "coil", i, "bit") for i in range(10)), *(point(f"di{i}", "discrete", i, "bit") for i in range(10)),
    ]
    line = tcp_line(port, timeout_s=2.0)
    async with connects()["modbus-tcp"](line) as driver:
        reading = await driver.read(driver.prepare(device("d", line, profile(*points), address=1)), Group.FAST)
    values = dict(zip(reading.points, reading.values, strict=True))
    assert set(reading.qualities) == {0}
    assert (values["int16"], values["uint16"], values["int32"]) == (-1234.0, 65000.0, -100000.0)
    assert [values[f"coil{i}"] for i in range(10)] == [float(0x2A5 >> i & 1) for i in range(10)]
    assert [values[f"di{i}"] for i in range(10)] == [float(not 0x2A5 >> i & 1) for i in range(10)]


async def test_its_four_float_orders_are_our_four(port: int) -> None:
    """The names are no help (its "abcd" is another order on the wire in different versions): each is exactly one of ours."""
    points = [point(f"{order.name}@{at}", "holding", at, "float32", order) for at in FLOATS for order in WordOrder]
    line = tcp_line(port, timeout_s=2.0)
    async with connects()["modbus-tcp"](line) as driver:
        reading = await driver.read(driver.prepare(device("d", line, profile(*points), address=1)), Group.FAST)
    values = dict(zip(reading.points, reading.values, strict=True))
    fits = {
        at: [order for order in WordOrder if values[f"{order.name}@{at}"] == pytest.approx(expected, rel=1e-6)]
        for at, expected in FLOATS.items()
    }
    assert all(len(orders) == 1 for orders in fits.values()), fits
    assert {orders[0] for orders in fits.values()} == set(WordOrder)


async def test_its_exception_for_a_missing_register_and_the_block_beside_it(port: int) -> None:
    line = tcp_line(port, timeout_s=2.0)
    of = profile(point("there", "holding", 8, "int16"), point("missing", "holding", 20, "uint16"))
    async with connects()["modbus-tcp"](line) as driver:
        reading = await driver.read(driver.prepare(device("d", line, of)), Group.FAST)
    assert list(reading.values) == [-1234.0, None]
    assert list(reading.qualities) == [0, Quality.REFUSED]


async def test_the_probe_finds_the_order_of_its_floats(port: int) -> None:
    """50.01 Hz and 230.125 V: only one order is believable, and it gives the value that was put in."""
    line = tcp_line(port, timeout_s=2.0)
    places = ((2, Quantity.FREQUENCY, "Hz"), (0, Quantity.VOLTAGE, "V"))
    async with connects()["modbus-tcp"](line) as driver:
        for at, quantity, unit in places:
            of = device("d", line, profile(Point("x", quantity, unit, ModbusPoint("holding", at, "float32"))))
            reading = await driver.read(driver.prepare(of), Group.FAST, Trace())
            probes = probe_orders(of, reading.raw)
            order = best_order(probes)
            assert order is not None
            assert probes[order].values[0][1] == pytest.approx(FLOATS[at], rel=1e-6)
