"""The Modbus server over real sockets: other makers' clients, bad frames, slow clients, limits."""

from __future__ import annotations

import asyncio
import ipaddress
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from pymodbus.client import AsyncModbusTcpClient

from data_transfer.modbus.connections import Limits
from data_transfer.modbus.server import ModbusServer
from domain.errors import StorageError
from domain.sample import Batch
from domain.served import Block, MachineFigures
from domain.state import MachineState
from runtime.clock import SystemClock
from tests.conftest import eventually
from tests.data_transfer.test_modbus_map import ENERGY, NOW, PLANT, POWER, TAG_LIST
from tests.servers import find_program

READ = bytes.fromhex("000700000006010300000002")
ANSWER = bytes.fromhex("000700000007010304") + b"EMON"


class MemoryBlocks:
    """BlockStore. `away`: the database is not there."""

    def __init__(self) -> None:
        self.kept: list[Block] = []
        self.away = False

    async def load(self) -> Sequence[Block]:
        return list(self.kept)

    async def add(self, blocks: Sequence[Block]) -> None:
        if self.away:
            raise StorageError("away")
        self.kept += blocks


@asynccontextmanager
async def serving(limits: Limits | None = None, store: MemoryBlocks | None = None) -> AsyncIterator[ModbusServer]:
    figures = [MachineFigures("lathe-1", MachineState.IDLE, NOW, 0.5, 0, 3.25)]
    server = ModbusServer("127.0.0.1", 0, limits or Limits(), store or MemoryBlocks(), lambda: figures, SystemClock())
    server.apply(PLANT, TAG_LIST)
    task = asyncio.create_task(server.run())
    try:
        await eventually(lambda: server.status().state == "ok")
        server.on_batch(Batch("m1", SystemClock().now_us(), (POWER.id, ENERGY.id), [11.5, 98_765.25], [0, 0]))
        yield server
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def closed(reader: asyncio.StreamReader) -> bool:
    """Did the server close the connection?"""
    try:
        async with asyncio.timeout(10):
            return await reader.read(1) == b""
    except ConnectionResetError:
        return True


async def test_pymodbus_reads_values_and_is_refused_to_write() -> None:
    async with serving() as server:
        client = AsyncModbusTcpClient("127.0.0.1", port=server.port)
        assert await client.connect()
        try:
            read = await client.read_holding_registers(5000, count=8, device_id=1)
            assert client.convert_from_registers(read.registers[:2], client.DATATYPE.FLOAT32) == 11.5
            assert client.convert_from_registers(read.registers[2:4], client.DATATYPE.INT32) == 11500
            again = await client.read_input_registers(1000, count=2, device_id=1)
            assert again.registers[0] == 2
            refused = await client.write_register(5000, 1, device_id=1)
            assert (refused.isError(), refused.exception_code) == (True, 1)
            beyond = await client.read_holding_registers(60000, count=1, device_id=1)
            assert beyond.exception_code == 2
            told = await client.read_device_information(read_code=2, device_id=1)
            assert getattr(told, "information")[0] == b"Energy Monitoring"  # noqa: B009 - the base class has no such name
        finally:
            client.close()
        status = server.status()
        assert (status.requests, dict(status.refused)) == (5, {"function": 1, "address": 1})


async def test_mbpoll_reads_the_same() -> None:
    program = find_program("mbpoll")
    async with serving() as server:
        run = await asyncio.create_subprocess_exec(
            program, "-m", "tcp", "-p", str(server.port), "-a", "1", "-0", "-r", "5000", "-c", "1", "-t", "4:float", "-B", "-1",
            "127.0.0.1", stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, _ = await asyncio.wait_for(run.communicate(), 30)
        assert "[5000]: \t11.5" in out.decode()


async def test_a_request_that_comes_byte_by_byte_and_several_in_one_segment_are_answered() -> None:
    async with serving() as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        for byte in READ:
            writer.write(bytes((byte,)))
            await writer.drain()
            await asyncio.sleep(0)
        assert await asyncio.wait_for(reader.readexactly(len(ANSWER)), 10) == ANSWER
        writer.write(READ * 3 + READ[:5])
        assert await asyncio.wait_for(reader.readexactly(3 * len(ANSWER)), 10) == ANSWER * 3
        writer.write(READ[5:])
        assert await asyncio.wait_for(reader.readexactly(len(ANSWER)), 10) == ANSWER
        writer.close()


@pytest.mark.parametrize(
    "frame",
    ["000100010006010300000001", "0001000000ff010300000001", "00010000ffff010300", "00010000000101030000", "474554202f20485454502f312e31"],
    ids=["protocol", "long", "oversized", "short", "http"],
)
async def test_what_is_no_modbus_is_disconnected_and_others_go_on(frame: str) -> None:
    async with serving() as server:
        other, to_other = await asyncio.open_connection("127.0.0.1", server.port)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(bytes.fromhex(frame))
        assert await closed(reader)
        assert server.status().refused == {"frame": 1}
        to_other.write(READ)
        assert await asyncio.wait_for(other.readexactly(len(ANSWER)), 10) == ANSWER
        writer.close()
        to_other.close()


async def test_a_fifth_connection_of_one_address_is_refused_and_a_free_place_is_taken() -> None:
    async with serving() as server:
        opened = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(4)]
        await eventually(lambda: len(server.status().clients) == 4)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        assert await closed(reader)
        assert server.status().refused == {"per_address": 1}
        opened[0][1].close()
        await eventually(lambda: len(server.status().clients) == 3)
        again, to_again = await asyncio.open_connection("127.0.0.1", server.port)
        to_again.write(READ)
        assert await asyncio.wait_for(again.readexactly(len(ANSWER)), 10) == ANSWER
        for _reader, one in (*opened, (reader, writer), (again, to_again)):
            one.close()


async def test_no_more_than_sixteen_at_once() -> None:
    async with serving(Limits(per_address=99)) as server:
        opened = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(16)]
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        assert await closed(reader)
        assert server.status().refused == {"connections": 1}
        for _reader, one in (*opened, (reader, writer)):
            one.close()


async def test_only_listed_addresses_may_connect() -> None:
    async with serving(Limits((ipaddress.ip_network("10.0.0.0/24"),))) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        assert await closed(reader)
        assert server.status().refused == {"client": 1}
        assert server.turned_away() == {("127.0.0.1", "client"): 1}
        assert not server.turned_away()
        writer.close()


async def test_who_asks_nothing_whole_is_disconnected_also_when_bytes_trickle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data_transfer.modbus.server.IDLE_LOOK_S", 0.0)
    async with serving(Limits(idle_s=0.5)) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(READ[:6])
        assert await closed(reader)
        assert server.status().refused == {"idle": 1}
        writer.close()


async def test_a_client_that_takes_no_answers_costs_a_bounded_memory_and_others_are_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data_transfer.modbus.server.IDLE_LOOK_S", 0.0)
    async with serving() as server:
        _reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1)
        ask = bytes.fromhex("000100000006010300000064") * 2000

        async def ask_on() -> None:
            while True:
                writer.write(ask)
                await writer.drain()

        asking = asyncio.create_task(ask_on())
        await eventually(lambda: [c for c in server._connections.open if not c._takes], 30)
        (connection,) = server._connections.open
        assert connection._transport is not None
        assert connection._transport.get_write_buffer_size() < 128 * 1024
        reader, other = await asyncio.open_connection("127.0.0.1", server.port)
        for _ in range(3):
            other.write(READ)
            assert await asyncio.wait_for(reader.readexactly(13), 30) == ANSWER

        def minute_passes() -> bool:
            connection.heard_at -= 61  # it has had no answer
            return len(server.status().clients) == 1

        await eventually(minute_passes)
        assert server.status().refused == {"idle": 1}
        asking.cancel()
        writer.transport.abort()
        other.close()


async def test_who_asks_much_at_once_waits_for_others_and_has_every_answer_in_order() -> None:
    """The loop that answers polls devices too: a thousand requests in one segment are not one piece of work."""
    count = 5_000
    async with serving() as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        other_reader, other = await asyncio.open_connection("127.0.0.1", server.port)
        await eventually(lambda: len(server.status().clients) == 2)
        writer.write(b"".join(struct.pack(">H", n) + READ[2:] for n in range(count)))
        other.write(READ)
        assert await asyncio.wait_for(other_reader.readexactly(13), 30) == ANSWER
        assert server.status().clients[0].requests < count / 2
        found = await asyncio.wait_for(reader.readexactly(13 * count), 60)
        assert [struct.unpack_from(">H", found, 13 * n)[0] for n in range(count)] == list(range(count))
        writer.write(READ[:5])
        writer.write(READ[5:] + READ)
        assert await asyncio.wait_for(reader.readexactly(26), 30) == ANSWER * 2
        writer.close()
        other.close()


async def test_reads_of_one_value_are_never_torn() -> None:
    """A float of two different words, written anew between any two requests, is always one of those written."""
    async with serving() as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        for number in range(300):
            value = 1.1 if number % 2 else -7.7e9
            server.on_batch(Batch("m1", NOW + number, (POWER.id, ENERGY.id), [value, 1.0], [0, 0]))
            writer.write(bytes.fromhex("000100000006010313880002"))
            found = struct.unpack(">f", (await reader.readexactly(13))[9:])[0]
            assert found == pytest.approx(value, rel=1e-6)
        writer.close()


async def test_addresses_are_the_same_after_a_restart_and_new_ones_wait_until_they_are_kept() -> None:
    store = MemoryBlocks()
    async with serving(store=store):
        kept = list(store.kept)
        assert [block.name for block in kept] == ["lathe-1", POWER.name, ENERGY.name]
    async with serving(store=store) as server:
        assert store.kept == kept
        assert next(r.address for r in server.registers() if r.subject == ENERGY.name) == 5008


async def test_a_database_away_is_told_and_nothing_is_served() -> None:
    store = MemoryBlocks()
    store.away = True
    server = ModbusServer("127.0.0.1", 0, Limits(), store, list, SystemClock())
    server.apply(PLANT, TAG_LIST)
    with pytest.raises(StorageError):
        await server.run()
    assert (server.status().state, server.status().last_error) == ("failed", "away")


async def test_a_port_that_is_taken_is_told() -> None:
    async with serving() as server:
        second = ModbusServer("127.0.0.1", server.port, Limits(), MemoryBlocks(), list, SystemClock())
        second.apply(PLANT, TAG_LIST)
        with pytest.raises(OSError, match="in use"):
            await second.run()
        assert second.status().state == "failed"
