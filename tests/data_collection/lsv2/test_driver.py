"""The LSV2 driver against the simulated control over sockets, and the control against pyLSV2's reading interface."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyLSV2
import pytest
from pyLSV2.const import ExecState, MemoryType, PgmState

from analysis.parts import pulse_steps
from config.plant_file import PlantFileError, parse_plant
from config.profile_catalog import ProfileCatalog
from data_collection.collector import Collector
from data_collection.driver import Driver, Trace
from data_collection.lsv2.decode import MEMORY
from data_collection.lsv2.plan import QUERIES
from data_collection.registry import connects
from domain.errors import AccessDenied, DecodeError, DeviceError, DeviceUnreachable, LineDown
from domain.places.lsv2 import ITEMS, MEMORY_BYTES, Lsv2Place
from domain.plant import Device, Line
from domain.profile import Group, Point
from domain.quality import Quality
from domain.quantity import Quantity
from domain.sample import Reading
from runtime.clock import SystemClock
from simulator.faults import Fault
from simulator.lsv2_control import SimulatedControl
from simulator.lsv2_server import Lsv2Server, serve_control
from simulator.registers import Value
from simulator.serve import simulate
from tests.conftest import FakeClock

SHOWN: Mapping[str, Value] = {
    "program_status": 0.0, "execution_state": 4.0, "selected_program": "TNC:\\nc_prog\\shaft.h",
    "program": "TNC:\\nc_prog\\sub.h", "program_line": 118.0, "feed_override": 0.85, "spindle_override": 1.0,
    "rapid_override": 0.25, "alarm": 1.0, "alarm_number": 1024.0, "alarm_text": "Oil low; Door open", "tool_number": 7.0,
    "axis_x": -12.5, "axis_y": 0.0, "axis_z": 300.001, "program_time": 3600.0, "spindle_time": 1800.0,
    "pulse": 1.0, "parts": 70_000.0, "load": -3.0, "level": 12.0,
}  # fmt: skip


def memory_point(tag: str, quantity: Quantity, memory: str, address: int) -> Point:
    return Point(tag, quantity, "1" if quantity is not Quantity.OTHER else "", Lsv2Place(memory=memory, address=address))


IN_MEMORY = (
    memory_point("pulse", Quantity.STATE, "marker", 4300), memory_point("parts", Quantity.COUNT, "dword", 1080),
    memory_point("load", Quantity.OTHER, "word", 1090), memory_point("level", Quantity.OTHER, "byte", 1100),
)  # fmt: skip


def control_device(*points: Point, password: str | None = None) -> Device:
    profile = ProfileCatalog.shipped().get("heidenhain-itnc530")
    return Device("hh", "l", replace(profile, points=(*profile.points, *points)), password=password)


def line_to(port: int, **options: object) -> Line:
    return Line("l", "lsv2", {"host": "127.0.0.1", "port": port, "timeout_s": 10, **options})


@asynccontextmanager
async def shop(device: Device, **options: object) -> AsyncIterator[tuple[Lsv2Server, Driver]]:
    values = dict(SHOWN)
    async with serve_control(SimulatedControl(device, lambda: values)) as server:
        line = line_to(server.port, **options)
        async with connects()["lsv2"](line) as driver:
            yield server, driver


def by_tag(reading: Reading) -> dict[str, tuple[float | None, int]]:
    return dict(zip(reading.points, zip(reading.values, reading.qualities, strict=True), strict=True))


async def test_all_that_a_control_tells_reaches_its_own_tag() -> None:
    device = control_device(*IN_MEMORY, password="807667")
    async with shop(device) as (_, driver):
        plan = driver.prepare(device)
        reading = await driver.read(plan, Group.FAST)
        slow = await driver.read(plan, Group.SLOW)
        daily = await driver.read(plan, Group.DAILY)
    assert reading.points is plan.points(Group.FAST)
    shown = {tag: value for tag, (value, quality) in by_tag(reading).items() if quality == Quality.GOOD}
    assert shown == {tag: value for tag, value in SHOWN.items() if tag in reading.points}
    assert reading.texts == {tag: SHOWN[tag] for tag in ("selected_program", "program", "alarm_text")}
    assert by_tag(slow) == {"tool_number": (7.0, 0), "program_time": (3600.0, 0), "spindle_time": (1800.0, 0)}
    assert daily.texts["control_name"] == "iTNC530"


async def test_a_part_is_counted_at_the_rising_edge_of_its_marker() -> None:
    device = control_device(*IN_MEMORY)
    values = dict(SHOWN)
    async with serve_control(SimulatedControl(device, lambda: values)) as server, connects()["lsv2"](line_to(server.port)) as driver:
        plan = driver.prepare(device)
        times, marks = [], []
        for pulse in (1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0):
            values["pulse"] = pulse
            reading = await driver.read(plan, Group.FAST)
            times.append(reading.time_us)
            marks.append(by_tag(reading)["pulse"][0] or 0.0)
    assert len(pulse_steps(times, marks)) == 2  # what stood already when it was first seen is no part


async def test_neighbouring_memory_is_one_telegram() -> None:
    device = control_device(*IN_MEMORY)
    async with shop(device) as (server, driver):
        plan = driver.prepare(device)
        await driver.read(plan, Group.FAST)
        server.received.clear()
        await driver.read(plan, Group.FAST)
        assert server.received.count("R_MB") == 2  # the marker, and byte, word and double word at once
        assert set(server.received) == {"R_RI", "R_MB"}


async def test_an_answer_in_single_bytes_is_whole() -> None:
    device = control_device()
    async with shop(device) as (server, driver):
        plan = driver.prepare(device)
        server.control.faults.set(Fault("split"))
        reading = await driver.read(plan, Group.FAST)
    assert by_tag(reading)["axis_z"] == (300.001, 0)


async def test_a_late_answer_never_becomes_the_answer_to_a_later_question() -> None:
    device = control_device()
    async with shop(device, timeout_s=1.0) as (server, driver):
        plan = driver.prepare(device)
        await driver.read(plan, Group.FAST)
        server.control.faults.set(Fault("delay", seconds=1.3, times=1))
        with pytest.raises(DeviceUnreachable, match="no answer"):
            await driver.read(plan, Group.FAST)
        reading = await driver.read(plan, Group.FAST)
        assert server.accepted == 2
    assert by_tag(reading)["program_status"] == (0.0, 0)
    assert by_tag(reading)["execution_state"] == (4.0, 0)


@pytest.mark.parametrize(
    ("fault", "error", "counted"),
    [
        ("silence", DeviceUnreachable, None), ("cut", DecodeError, "cut"), ("noise", DecodeError, "damaged"),
        ("wrong_function", DecodeError, "foreign_telegram"), ("double", DeviceError, "unasked_telegram"),
        ("drop", LineDown, None),
    ],
)  # fmt: skip
async def test_a_bad_answer_is_counted_and_the_next_read_is_good(fault: str, error: type[DeviceError], counted: str | None) -> None:
    device = control_device()
    async with shop(device, timeout_s=1.0 if fault in {"silence", "cut"} else 10) as (server, driver):
        plan = driver.prepare(device)
        await driver.read(plan, Group.FAST)
        server.control.faults.set(Fault(fault, times=1))
        with pytest.raises(error):
            await driver.read(plan, Group.FAST)
        assert by_tag(await driver.read(plan, Group.FAST))["execution_state"] == (4.0, 0)
        faults = plan.faults  # type: ignore[attr-defined]
        assert counted is None or faults[counted] == 1


async def test_a_refused_question_is_bad_in_its_place_and_rests() -> None:
    device = control_device(memory_point("beyond", Quantity.OTHER, "word", 60_000))
    async with shop(device) as (server, driver):
        plan = driver.prepare(device)
        reading = await driver.read(plan, Group.FAST)
        assert by_tag(reading)["beyond"] == (None, Quality.REFUSED)
        server.control.faults.set(Fault("exception", code=24, times=1))
        first = await driver.read(plan, Group.FAST)
        assert by_tag(first)["program_status"] == (None, Quality.REFUSED)
        assert by_tag(first)["execution_state"] == (4.0, 0)
        assert plan.last_fault == "program_status: R_RI 001a: error 24 (wrong parameter)"  # type: ignore[attr-defined]
        again = await driver.read(plan, Group.FAST)
        assert by_tag(again)["program_status"] == (None, Quality.REFUSED)
        by_hand = await driver.read(plan, Group.FAST, Trace())  # who reads by hand wants to see it asked
        assert by_tag(by_hand)["program_status"] == (0.0, 0)


async def test_a_wrong_password_hits_the_plc_memory_only_and_is_tried_once() -> None:
    device = control_device(*IN_MEMORY, password="807667")
    async with shop(device) as (server, driver):
        plan = driver.prepare(replace(device, password="wrong"))
        for _ in range(3):
            reading = by_tag(await driver.read(plan, Group.FAST))
        assert reading["parts"] == (None, Quality.ACCESS_DENIED)
        assert reading["execution_state"] == (4.0, 0)
        assert server.received.count("A_LG") == 2  # DNC, and PLCDEBUG once
        assert plan.faults["login_refused"] == 1  # type: ignore[attr-defined]


async def test_a_control_that_lets_nobody_in_says_what_to_do() -> None:
    device = control_device()
    async with shop(device) as (server, driver):
        server.control.faults.set(Fault("refuse_login"))
        with pytest.raises(AccessDenied, match=r"login DNC refused: .*option 18"):
            await driver.read(driver.prepare(device), Group.FAST)


async def test_a_control_without_a_free_connection_is_a_line_that_is_down() -> None:
    device = control_device()
    async with shop(device) as (server, driver):
        server.control.faults.set(Fault("exception", code=80, times=1))
        with pytest.raises(LineDown, match="no free connection"):
            await driver.read(driver.prepare(device), Group.FAST)


async def test_a_control_that_restarts_is_read_again() -> None:
    device = control_device()
    async with shop(device) as (server, driver):
        plan = driver.prepare(device)
        await driver.read(plan, Group.FAST)
        port = server.port
        await server.stop()
        with pytest.raises(LineDown):
            await driver.read(plan, Group.FAST)
        with pytest.raises(LineDown):
            await driver.read(plan, Group.FAST)
        await server.start(port=port)
        assert by_tag(await driver.read(plan, Group.FAST))["execution_state"] == (4.0, 0)


async def test_a_scan_tells_which_control_it_is() -> None:
    device = control_device()
    async with serve_control(SimulatedControl(device, dict)) as server:
        collector = Collector(SystemClock(), lambda _reading: None)
        found = await collector.survey(line_to(server.port))
    assert found is not None
    assert [item.answer for item in found] == ["iTNC530, NC 340494 08 SP2, PLC SIM PLC 1.0"]


def test_every_query_of_a_profile_can_be_asked() -> None:
    assert set(QUERIES) == set(ITEMS)
    assert set(MEMORY) == set(MEMORY_BYTES)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ("", "either query, or memory and address"), ("query: program_status, memory: word, address: 2", "either query"),
        ("query: programm_status", "did you mean"), ("query: overrides, item: fed", "feed"),
        ("query: axes", "item: is missing"), ("query: program_stack, item: main", "is a text"),
        ("query: program_status, item: main", "item"), ("memory: words, address: 1", "memory"),
        ("memory: word, address: 3", "a multiple of 2"), ("memory: marker, address: M4300", "address"),
        ("memory: marker", "address: is missing"),
    ],
)  # fmt: skip
def test_a_point_that_lies_nowhere_is_named(fields: str, words: str) -> None:
    text = (
        "site: {name: S}\nlines: [{id: l, transport: lsv2, host: h}]\ndevices:\n  - id: hh\n    line: l\n    points:\n"
        f"      - {{tag: x, quantity: other, unit: mm, {fields}}}\n"
    )
    with pytest.raises(PlantFileError, match=words) as wrong:
        parse_plant(text, catalog=ProfileCatalog.shipped(), environ={})
    assert "7: devices[hh].points[x]" in str(wrong.value)


# ---- a plant file ----


async def test_a_shop_with_a_control_is_simulated_and_its_parts_are_pulses(fake_clock: FakeClock) -> None:
    plant = parse_plant(PLANT, catalog=ProfileCatalog.shipped(), environ={"PLC": "807667"}).plant
    async with simulate(plant, clock=fake_clock, free_ports=True) as simulation:
        simulation.put("hh", {"program_status": 5.0, "alarm": 1.0, "alarm_text": "Servo drive fault X"})
        simulation.put("more", {"level": -7.0})
        device, (line,) = simulation.plant.device("hh"), simulation.plant.lines
        async with connects()["lsv2"](line) as driver:
            reading = await driver.read(driver.prepare(device), Group.FAST)
            view = await driver.read(driver.prepare(simulation.plant.device("more")), Group.FAST)
        async with connects()["lsv2"](line) as driver:
            wrong = await driver.read(driver.prepare(replace(device, password="0")), Group.FAST)
        start = fake_clock.now_us() - 3 * 86_400_000_000
        series = simulation.devices["hh"]._source.series(np.arange(start, start + 86_400_000_000, 1_000_000))
    assert by_tag(reading)["program_status"] == (5.0, 0)
    assert reading.texts["alarm_text"] == "Servo drive fault X"
    assert by_tag(reading)["pulse"][1] == 0
    assert by_tag(view) == {"level": (-7.0, 0)}
    assert by_tag(wrong)["pulse"] == (None, Quality.ACCESS_DENIED)
    parts = series["parts"]
    rises = int(np.sum(np.diff(series["pulse"]) > 0))
    assert rises == pytest.approx(float(parts[-1] - parts[0]), abs=1)
    assert rises > 50


PLANT = """
site: {name: S}
lines:
  - {id: l, transport: lsv2, host: 127.0.0.1, port: 19000, timeout_s: 10, password_env: PLC}
devices:
  - id: hh
    line: l
    scan_s: 1
    points:
      - {tag: program_status, quantity: state, query: program_status, enum: {0: started, 2: finished, 5: error, 7: idle}}
      - {tag: program, quantity: text, query: program_stack, item: main}
      - {tag: alarm, quantity: state, query: alarms, item: active}
      - {tag: alarm_text, quantity: text, query: alarms, item: texts}
      - {tag: pulse, quantity: state, memory: marker, address: 4300}
      - {tag: parts, quantity: count, memory: dword, address: 1080}
  - {id: more, line: l, points: [{tag: level, quantity: other, unit: x, memory: byte, address: 1100}]}
machines:
  - id: mill
    name: DMU 50
    rated_kw: 20
    control:
      {execution: hh.program_status, running: [started], idle: [finished, idle], alarm: [error], program: hh.program,
       part_count: hh.pulse}
"""


# ---- the second opinion ----


@contextmanager
def second_opinion(port: int) -> Iterator[pyLSV2.LSV2]:
    client = pyLSV2.LSV2("127.0.0.1", port, timeout=5, safe_mode=False)
    client.connect()
    try:
        yield client
    finally:
        client.disconnect()


def read_everything(port: int, folder: Path) -> dict[str, object]:
    """All that pyLSV2 can read of a control, but for its oscilloscope and pictures of the screen."""
    with second_opinion(port) as c:
        assert c.login(pyLSV2.Login.PLCDEBUG, "807667")
        stack, override, tool = c.program_stack(), c.override_state(), c.spindle_tool_status()
        assert stack is not None
        assert override is not None
        assert tool is not None
        assert c.recive_file("TNC:/nc_prog/shaft.h", folder / "shaft.h")
        found: dict[str, object] = {
            "control": c.versions.control, "nc": c.versions.nc_sw, "itnc": c.versions.is_itnc(),
            "execution_state": c.execution_state(), "program_status": c.program_status(),
            "stack": (stack.main, stack.current, stack.line_no), "override": (override.feed, override.spindle, override.rapid),
            "tool": tool.number, "axes": c.axes_location(), "alarms": [(e.e_number, e.e_text) for e in c.get_error_messages()],
            "pulse": c.read_plc_memory(4300, MemoryType.MARKER, 1), "parts": c.read_plc_address("D1080"),
            "load": c.read_plc_address("W1090"), "level": c.read_plc_address("B1100"),
            "parameter": c.get_machine_parameter("MP7230.0"), "path": c.read_data_path("/PLC/memory/K/1"),
            "drives": [d.name for d in c.drive_info()], "year": c.get_remote_datetime().year > 2020,
        }  # fmt: skip
        c.change_directory("TNC:/nc_prog")
        found["folder"] = c.directory_info().path
        found["files"] = [entry.name for entry in c.directory_content()]
        info = c.file_info("TNC:/nc_prog/shaft.h")
        found["size"] = None if info is None else info.size
        return found


async def test_the_simulated_control_passes_the_whole_reading_interface_of_pylsv2(tmp_path: Path) -> None:
    device = control_device(*IN_MEMORY, password="807667")
    async with shop(device) as (server, _):
        found = await asyncio.to_thread(read_everything, server.port, tmp_path)
    assert found == {
        "control": "iTNC530", "nc": "340494 08 SP2", "itnc": True, "execution_state": ExecState.AUTOMATIC,
        "program_status": PgmState.STARTED, "stack": (SHOWN["selected_program"], SHOWN["program"], 118),
        "override": (85.0, 100.0, 25.0), "tool": 7, "axes": {"X": -12.5, "Y": 0.0, "Z": 300.001},
        "alarms": [(1024, "Oil low"), (1025, "Door open")], "pulse": [True], "parts": 70_000, "load": -3, "level": 12,
        "parameter": "3", "path": 7.0, "drives": ["TNC:"], "year": True, "folder": "TNC:\\nc_prog", "files": ["shaft.h"],
        "size": 36,
    }  # fmt: skip
    assert (tmp_path / "shaft.h").read_bytes() == b"BEGIN PGM SHAFT MM\r\nEND PGM SHAFT MM\r\n"
