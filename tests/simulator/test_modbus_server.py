"""The Modbus TCP server, asked by pymodbus, by a second maker's client (mbpoll, libmodbus) and by bare bytes."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator

import pytest
from pymodbus.client import AsyncModbusTcpClient

from domain.profile import ModbusPoint, WordOrder
from domain.quantity import Quantity
from simulator.faults import Fault
from simulator.modbus_server import ModbusTcpServer, serve_units
from simulator.registers import ModbusMap
from tests.simulator.plants import meter, point, profile

FLOATS = [230.5, 231.25, 229.75, 50.01, -3.5, 1234.5]
READ_3 = bytes.fromhex("0001 0000 0006 01 03 0000 0002")  # transaction 1, unit 1: two registers from 0


def device(address: int) -> ModbusMap:
    made = ModbusMap(meter(address=address, of=profile(
        *[point(f"f{n}", Quantity.OTHER, "", 2 * n) for n in range(6)],
        *[point(f"i{n}", Quantity.OTHER, "", 2 * n, table="input", order=WordOrder.LITTLE) for n in range(6)],
        *[point(f"c{n}", Quantity.STATE, "1", n, "bool", table="coil") for n in range(10)],
        *[point(f"d{n}", Quantity.STATE, "1", 100 + n, "bool", table="discrete") for n in range(3)],
    )))  # fmt: skip
    made.write({f"{table}{n}": value + address for n, value in enumerate(FLOATS) for table in "fi"})
    made.write({"c0": 1.0, "c9": 1.0, "d1": 1.0})
    return made


@pytest.fixture
async def server() -> AsyncIterator[ModbusTcpServer]:
    async with serve_units({n: device(n).unit for n in (1, 2, 247)}) as running:
        yield running


@pytest.fixture
async def client(server: ModbusTcpServer) -> AsyncIterator[AsyncModbusTcpClient]:
    async with AsyncModbusTcpClient("127.0.0.1", port=server.port, retries=0, timeout=0.4, reconnect_delay=0) as opened:
        yield opened


@pytest.mark.parametrize("unit", [1, 2, 247])
async def test_pymodbus_reads_each_unit_and_table(client: AsyncModbusTcpClient, unit: int) -> None:
    expected = [value + unit for value in FLOATS]
    kind = client.DATATYPE.FLOAT32
    holding = await client.read_holding_registers(0, count=12, device_id=unit)
    assert client.convert_from_registers(holding.registers, kind, word_order="big") == pytest.approx(expected)
    inputs = await client.read_input_registers(0, count=12, device_id=unit)
    assert client.convert_from_registers(inputs.registers, kind, word_order="little") == pytest.approx(expected)
    coils = await client.read_coils(0, count=10, device_id=unit)
    assert coils.bits[:10] == [True] + [False] * 8 + [True]
    discrete = await client.read_discrete_inputs(100, count=3, device_id=unit)
    assert discrete.bits[:3] == [False, True, False]


async def test_exceptions_of_the_standard(client: AsyncModbusTcpClient) -> None:
    assert (await client.write_register(0, 1, device_id=1)).exception_code == 1  # nothing can be written
    assert (await client.read_holding_registers(500, count=1, device_id=1)).exception_code == 2
    assert (await client.read_holding_registers(11, count=2, device_id=1)).exception_code == 2


@pytest.mark.parametrize(("pdu", "reply"), [
    ("03 0000 0000", "8303"), ("03 0000 007E", "8303"), ("03 0000", "8303"), ("2B 0E 01 00", "AB01"), ("03 FFFF 0002", "8302"),
])  # fmt: skip
async def test_requests_out_of_range_get_their_exception(server: ModbusTcpServer, pdu: str, reply: str) -> None:
    body = bytes.fromhex(pdu)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"\xab\xcd\x00\x00" + (len(body) + 1).to_bytes(2) + b"\x01" + body)
    async with asyncio.timeout(20):
        assert (await reader.readexactly(9)).hex().upper() == "ABCD0000000301" + reply
    writer.close()


async def test_several_requests_in_one_segment_and_one_in_single_bytes(server: ModbusTcpServer) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"".join(n.to_bytes(2) + READ_3[2:] for n in range(1, 6)))
    async with asyncio.timeout(20):
        replies = [await reader.readexactly(13) for _ in range(5)]
        assert [int.from_bytes(r[:2]) for r in replies] == [1, 2, 3, 4, 5]
        for byte in READ_3:
            writer.write(bytes((byte,)))
            await writer.drain()
        assert await reader.readexactly(13) == replies[0]
    writer.close()


async def test_an_absent_unit_is_silent_or_the_gateway_answers(client: AsyncModbusTcpClient, server: ModbusTcpServer) -> None:
    with pytest.raises(Exception, match="No response"):
        await client.read_holding_registers(0, count=2, device_id=9)
    server.gateway = True
    async with AsyncModbusTcpClient("127.0.0.1", port=server.port, retries=0, timeout=1) as second:
        assert (await second.read_holding_registers(0, count=2, device_id=9)).exception_code == 0x0B


async def test_what_is_no_modbus_closes_the_connection_only(server: ModbusTcpServer) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    async with asyncio.timeout(20):
        assert await reader.read() == b""
        _, second = await asyncio.open_connection("127.0.0.1", server.port)
    second.close()


async def raw(server: ModbusTcpServer, *, requests: int = 1, replies: int = 1) -> list[bytes]:
    """What bare bytes get back: up to `replies` frames of 13 bytes, fewer when it stays silent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"".join(n.to_bytes(2) + READ_3[2:] for n in range(1, requests + 1)))
    found: list[bytes] = []
    try:
        async with asyncio.timeout(0.3):
            while len(found) < replies and (chunk := await reader.read(13)):
                found.append(chunk)
    except TimeoutError:
        pass
    writer.close()
    return found


async def test_faults_on_command(server: ModbusTcpServer) -> None:
    (good,) = await raw(server)
    faults = server.units[1].faults

    async def with_fault(fault: Fault, **more: int) -> list[bytes]:
        faults.clear()
        faults.set(fault)
        return await raw(server, **more)

    assert await with_fault(Fault("silence")) == []
    assert await with_fault(Fault("drop")) == []
    assert await with_fault(Fault("delay", seconds=5)) == []
    assert (await with_fault(Fault("delay", seconds=0.05))) == [good]
    assert (await with_fault(Fault("exception", code=6)))[0][6:] == b"\x01\x83\x06"
    assert (await with_fault(Fault("foreign_tid")))[0][:2] != good[:2]
    assert (await with_fault(Fault("wrong_unit")))[0][6] == 2
    assert (await with_fault(Fault("wrong_function")))[0][7] == 4
    assert len((await with_fault(Fault("wrong_count")))[0]) == 13
    assert (await with_fault(Fault("double"), replies=2)) == [good, good]
    swapped = await with_fault(Fault("swap", times=1), requests=2, replies=2)
    assert [frame[1] for frame in swapped] == [2, 1]
    assert await with_fault(Fault("silence", times=1)) == []
    assert await raw(server) == [good]  # it was for one request


async def test_other_units_are_not_touched_by_a_fault(server: ModbusTcpServer, client: AsyncModbusTcpClient) -> None:
    server.units[1].faults.set(Fault("silence"))
    assert not (await client.read_holding_registers(0, count=2, device_id=2)).isError()


async def test_refused_gaps_leave_single_points_readable(client: AsyncModbusTcpClient, server: ModbusTcpServer) -> None:
    gappy = ModbusMap(meter(address=5, of=profile(point("a", Quantity.OTHER, "", 0), point("b", Quantity.OTHER, "", 6))))
    assert isinstance(gappy.device.profile.point("a").where, ModbusPoint)
    server.units = {**server.units, 5: gappy.unit}
    assert not (await client.read_holding_registers(0, count=8, device_id=5)).isError()
    gappy.unit.faults.set(Fault("refuse_gaps"))
    assert (await client.read_holding_registers(0, count=8, device_id=5)).exception_code == 2
    assert not (await client.read_holding_registers(6, count=2, device_id=5)).isError()


def test_an_unknown_fault_is_refused() -> None:
    with pytest.raises(ValueError, match="silence"):
        Fault("sulk")


async def mbpoll(port: int, *options: str) -> str:
    """Debian's mbpoll against a port; skips by name where it is not installed, except in CI."""
    program = shutil.which("mbpoll")
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("mbpoll is not installed")
        pytest.skip("mbpoll (Debian package mbpoll) is not installed")
    process = await asyncio.create_subprocess_exec(
        program, "-m", "tcp", "-p", str(port), "-1", "-0", *options, "127.0.0.1",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    return output.decode()


def shown(output: str) -> list[float]:
    return [float(line.split(":")[1].split()[0]) for line in output.splitlines() if line.startswith("[")]


async def test_a_second_maker_reads_floats_of_both_orders_and_bits(server: ModbusTcpServer) -> None:
    expected = [value + 2 for value in FLOATS]
    assert shown(await mbpoll(server.port, "-a", "2", "-t", "4:float", "-B", "-r", "0", "-c", "6")) == pytest.approx(expected)
    assert shown(await mbpoll(server.port, "-a", "2", "-t", "3:float", "-r", "0", "-c", "6")) == pytest.approx(expected)
    assert shown(await mbpoll(server.port, "-a", "2", "-t", "0", "-r", "0", "-c", "10")) == [1.0] + [0.0] * 8 + [1.0]
    assert shown(await mbpoll(server.port, "-a", "2", "-t", "1", "-r", "100", "-c", "3")) == [0.0, 1.0, 0.0]
    assert "Illegal data address" in await mbpoll(server.port, "-a", "2", "-t", "4", "-r", "600", "-c", "1")
