"""The S7 driver against python-snap7's server over sockets: all areas, refusals, STOP, a server that is killed and comes back."""

from __future__ import annotations

import asyncio
import struct
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any

import pytest
from snap7 import SrvArea

from config.plant_file import PlantFileError, parse_plant
from config.profile_catalog import ProfileCatalog
from data_collection.collector import Collector
from data_collection.driver import Driver, Trace
from data_collection.registry import connects
from domain.errors import AccessDenied, DecodeError, DeviceUnreachable, LineDown
from domain.places.s7 import S7Place
from domain.plant import Device, Line, Plant, Site
from domain.profile import Group, Point, Profile
from domain.quality import Quality
from domain.quantity import Quantity
from domain.sample import Reading
from runtime.clock import SystemClock
from simulator.faults import Fault, FaultBox
from simulator.registers import Value
from simulator.s7 import FaultyServer
from simulator.serve import simulate
from tests.conftest import eventually


def point(tag: str, address: str, type: str, quantity: Quantity = Quantity.OTHER, **place: object) -> Point:
    return Point(tag, quantity, "1" if quantity is Quantity.STATE else "", S7Place(address, type, **place))  # type: ignore[arg-type]


POINTS = (
    point("real", "DB1.DBD0", "REAL"), point("dint", "DB1.DBD4", "DINT"), point("lreal", "DB1.8", "LREAL"),
    point("bit", "DB1.DBX16.5", "BOOL", Quantity.STATE), point("marker", "M10.3", "BOOL", Quantity.STATE),
    point("input", "IW0", "INT"), point("output", "QB1", "USINT"), point("name", "DB2.0", "STRING", Quantity.TEXT, length=16),
)  # fmt: skip
SHOWN = {"real": 50.5, "dint": -123_456.0, "lreal": 1e9 + 0.125, "bit": 1.0, "marker": 1.0, "input": -300.0, "output": 200.0}


def device(*points: Point) -> Device:
    return Device("plc", "l", Profile("p", {}, "", "s7", "", "M", points or POINTS))


def line_to(port: int, **options: object) -> Line:
    return Line("l", "s7", {"host": "127.0.0.1", "port": port, "timeout_s": 10, "connect_timeout_s": 10, **options})


def filled(server: FaultyServer) -> None:
    db = bytearray(64)
    struct.pack_into(">fid", db, 0, 50.5, -123_456, 1e9 + 0.125)
    db[16] = 0x20
    marker = bytearray(16)
    marker[10] = 8
    server.register_area(SrvArea.DB, 1, db)
    server.register_area(SrvArea.DB, 2, bytearray(b"\x10\x05SHAFT".ljust(18, b"\0")))
    server.register_area(SrvArea.MK, 0, marker)
    server.register_area(SrvArea.PE, 0, bytearray(struct.pack(">h", -300)))
    server.register_area(SrvArea.PA, 0, bytearray(b"\0\xc8"))


@contextmanager
def serving(port: int = 0) -> Iterator[FaultyServer]:
    """The server and its threads; stopped without waiting for what it waits for."""
    server = FaultyServer(FaultBox())
    filled(server)
    server.start_on("127.0.0.1", port)
    try:
        yield server
    finally:
        threading.Thread(target=server.stop, daemon=True).start()


@asynccontextmanager
async def opened(server: FaultyServer, **options: object) -> AsyncIterator[Driver]:
    async with connects()["s7"](line_to(server.port, **options)) as driver:
        yield driver


def by_tag(reading: Reading) -> dict[str, tuple[float | None, int]]:
    return dict(zip(reading.points, zip(reading.values, reading.qualities, strict=True), strict=True))


async def test_all_areas_and_types_reach_their_own_tags_in_one_question() -> None:
    with serving() as server:
        async with opened(server) as driver:
            plan: Any = driver.prepare(device())
            reading = await driver.read(plan, Group.FAST)
            before, frames = server.reads, Trace()
            trace = await driver.read(plan, Group.FAST, frames)
            assert server.reads - before == 1  # five areas, one answer within the PDU
    assert by_tag(reading) == {tag: (value, 0) for tag, value in SHOWN.items()}
    assert reading.texts == {"name": "SHAFT"}
    assert reading.points is plan.points(Group.FAST)
    assert trace.raw["input"] == "FE D4"
    assert [(direction, data[0]) for direction, _, data in frames.frames] == [("tx", 0x32), ("rx", 0x32)]
    assert plan.last_fault is None


async def test_a_block_that_is_not_there_hits_its_points_only_and_says_what_to_tick() -> None:
    points = (*POINTS, point("gone", "DB9.DBD0", "REAL"), point("beyond", "DB1.DBD60", "REAL"), point("past", "DB1.DBD64", "REAL"))
    with serving() as server:
        async with opened(server) as driver:
            plan: Any = driver.prepare(device(*points))
            found = by_tag(await driver.read(plan, Group.FAST))
            assert {tag: found[tag] for tag in SHOWN} == {tag: (value, 0) for tag, value in SHOWN.items()}
            assert found["gone"] == found["past"] == (None, Quality.REFUSED)
            assert found["beyond"] == (0.0, 0)
            assert 'untick "Optimized block access"' in plan.last_fault
            assert plan.faults["no_such_bytes"] > 0
            before = server.reads
            assert by_tag(await driver.read(plan, Group.FAST)) == found
            assert server.reads - before == 1  # what is refused rests
            server.register_area(SrvArea.DB, 9, bytearray(8))
            assert by_tag(await driver.read(plan, Group.FAST, Trace()))["gone"] == (0.0, 0)  # by hand it is asked


@pytest.mark.parametrize("code", [0x8104, 3])
async def test_a_controller_without_put_get_says_what_to_tick(code: int) -> None:
    with serving() as server:
        async with opened(server) as driver:
            server.faults.set(Fault("exception", code=code))
            with pytest.raises(AccessDenied, match="tick \"Permit access with PUT/GET"):
                await driver.read(driver.prepare(device()), Group.FAST)
            server.faults.clear()
            plan: Any = driver.prepare(device())
            assert by_tag(await driver.read(plan, Group.FAST))["real"] == (50.5, 0)
            assert plan.faults["put_get"] > 0


async def test_a_cpu_in_stop_shows_nothing_as_live_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data_collection.s7.driver.CPU_CHECK_S", 0.0)
    with serving() as server:
        async with opened(server) as driver:
            plan: Any = driver.prepare(device())
            await driver.read(plan, Group.FAST)
            server.faults.set(Fault("stop"))
            stopped = await driver.read(plan, Group.FAST)
            assert set(stopped.qualities) == {Quality.DEVICE_FAULT}
            assert set(stopped.values) == {None}
            assert "STOP" in plan.last_fault
            server.faults.clear()
            assert by_tag(await driver.read(plan, Group.FAST))["real"] == (50.5, 0)
            assert plan.last_fault is None


@pytest.mark.parametrize(("fault", "error"), [("silence", DeviceUnreachable), ("drop", LineDown), ("cut", DecodeError), ("noise", DecodeError)])
async def test_a_bad_answer_ends_the_connection_and_the_next_read_is_good(fault: str, error: type[Exception]) -> None:
    with serving() as server:
        async with opened(server, timeout_s=1.0 if fault == "silence" else 10) as driver:
            plan = driver.prepare(device())
            await driver.read(plan, Group.FAST)
            server.faults.set(Fault(fault, times=1))
            with pytest.raises(error):
                await driver.read(plan, Group.FAST)
            assert by_tag(await driver.read(plan, Group.FAST))["dint"] == (-123_456.0, 0)


async def test_a_late_answer_never_becomes_the_answer_to_a_later_question() -> None:
    with serving() as server:
        async with opened(server, timeout_s=1.0) as driver:
            one, other = device(POINTS[0]), replace(device(POINTS[1]), id="other")
            plan, second = driver.prepare(one), driver.prepare(other)
            await driver.read(plan, Group.FAST)
            server.faults.set(Fault("delay", seconds=1.4, times=1))
            with pytest.raises(DeviceUnreachable):
                await driver.read(plan, Group.FAST)
            assert by_tag(await driver.read(second, Group.FAST)) == {"dint": (-123_456.0, 0)}


async def test_a_read_that_is_given_up_leaves_the_line_usable_at_once() -> None:
    with serving() as server:
        async with opened(server, timeout_s=30) as driver:
            plan = driver.prepare(device())
            await driver.read(plan, Group.FAST)
            server.faults.set(Fault("silence", times=1))
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await driver.read(plan, Group.FAST)
            async with asyncio.timeout(10):
                assert by_tag(await driver.read(plan, Group.FAST))["real"] == (50.5, 0)


async def test_a_controller_that_has_no_free_connection_is_a_line_that_is_down() -> None:
    with serving() as server:
        server.max_clients = 1
        async with opened(server):
            with pytest.raises(LineDown, match="no free connection"):
                async with opened(server):
                    pass


async def test_a_controller_that_refuses_to_negotiate_is_a_line_that_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as server:
        monkeypatch.setattr(server, "_handle_setup_communication", lambda request: server._build_error_response(request, 0x8500))
        with pytest.raises(LineDown, match="wrong rack or slot"):
            async with opened(server):
                pass


async def test_a_small_pdu_is_kept_to(monkeypatch: pytest.MonkeyPatch) -> None:
    wide = tuple(point(f"r{i}", f"DB3.DBD{4 * i}", "REAL") for i in range(100))
    with serving() as server:
        server.register_area(SrvArea.DB, 3, bytearray(struct.pack(">100f", *range(100))))
        real = server._handle_setup_communication
        monkeypatch.setattr(server, "_handle_setup_communication", lambda request: real(request)[:-2] + struct.pack(">H", 240))
        async with opened(server) as driver:
            before = server.reads
            reading = await driver.read(driver.prepare(device(*wide)), Group.FAST)
            assert server.reads - before == 2  # 222 bytes at most each
    assert list(reading.values) == [float(i) for i in range(100)]


async def test_a_controller_that_is_killed_and_restarted_is_read_again_by_itself() -> None:
    readings: list[Reading] = []
    plc = replace(device(), scan_s=0.2)
    with serving() as first:
        port = first.port
        collector = Collector(SystemClock(), readings.append)
        collector.apply(Plant(Site("S"), lines=(line_to(port),), devices=(plc,)))
        polling = asyncio.create_task(collector.run())
        await eventually(lambda: readings and readings[-1].qualities[0] == 0, 20)
    await eventually(lambda: readings[-1].qualities[0] == Quality.LINE_DOWN, 20)
    known = len(readings)
    with serving(port):
        await eventually(lambda: any(r.qualities[0] == 0 for r in readings[known:]), 30)
    polling.cancel()
    await asyncio.gather(polling, return_exceptions=True)
    assert by_tag(readings[0])["real"] == (50.5, 0)


PLANT = """
site: {name: S}
lines:
  - {id: s7, transport: s7, host: 127.0.0.1, port: 102, rack: 0, slot: 1, timeout_s: 10}
devices:
  - {id: plc, profile: siemens-s7-machine, line: s7, db: 7}
  - id: own
    line: s7
    points:
      - {tag: di_1, quantity: state, address: "%I0.3", type: bool}
      - {tag: counter_1, quantity: count, address: MW20, type: UINT, wrap_at: 65536}
machines:
  - {id: mill, name: DMU, rated_kw: 20, control: {execution: plc.execution_state, running: [alarm], part_count: plc.part_count}}
"""


async def test_a_plant_with_a_controller_is_simulated_surveyed_and_read() -> None:
    plant = parse_plant(PLANT, catalog=ProfileCatalog.shipped(), environ={}).plant
    async with simulate(plant, clock=SystemClock(), free_ports=True) as simulation:
        (line,) = simulation.plant.lines
        put: dict[str, Value] = {"part_count": 4711.0, "active_power": 7.5, "program": "FLANGE-118"}
        put["controller_time"] = "2026-11-26 12:00:00"
        simulation.put("plc", put)
        collector = Collector(SystemClock(), lambda _reading: None)
        (found,) = await collector.survey(line) or ()
        assert "PDU 480 bytes" in found.answer

        async def shown() -> bool:
            (fast, slow) = await collector.read_once(simulation.plant.device("plc"), line)
            values = by_tag(fast)
            return (values["part_count"], values["active_power"], fast.texts["program"], slow.texts["controller_time"][:19]) == (
                (4711.0, 0), (7.5, 0), "FLANGE-118", "2026-11-26 12:00:00",
            )  # fmt: skip

        await eventually(shown, 20)
        (own,) = await collector.read_once(simulation.plant.device("own"), line)
        assert set(own.qualities) == {0}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ("address: DB1.DBD4, type: FLOAT", "type"), ("address: here, type: REAL", "DB10.DBD4"), ("type: REAL", "address: is missing"),
        ("address: M10, type: BOOL", "a bit"), ("address: M10.3, type: INT", "more than a bit"),
        ("address: DB1.DBW4, type: REAL", "2 bytes, while REAL takes 4"), ("address: DB1.0, type: STRING", "length"),
        ("address: DB1.0, type: DTL", "is a text"), ("address: DB1.DBD65533, type: REAL", "behind the last byte"),
    ],
)  # fmt: skip
def test_a_point_that_lies_nowhere_is_named(fields: str, words: str) -> None:
    text = (
        "site: {name: S}\nlines: [{id: l, transport: s7, host: h}]\ndevices:\n  - id: plc\n    line: l\n    points:\n"
        f"      - {{tag: x, quantity: other, unit: mm, {fields}}}\n"
    )
    with pytest.raises(PlantFileError, match=words) as wrong:
        parse_plant(text, catalog=ProfileCatalog.shipped(), environ={})
    assert "7: devices[plc].points[x]" in str(wrong.value)
