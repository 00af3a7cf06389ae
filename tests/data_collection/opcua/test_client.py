"""The OPC UA client against a real server over sockets: subscriptions, quality and time, loss and return, polling."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asyncua import ua

from data_collection.collector import Collector
from data_collection.driver import Trace
from data_collection.registry import connects
from data_collection.workspace import Workspace
from domain.places.opcua import OpcUaPlace
from domain.plant import Device, Line, Plant, Site
from domain.profile import Point, Profile
from domain.quality import Quality
from domain.quantity import Quantity
from domain.sample import Reading
from runtime.clock import SystemClock
from tests.conftest import eventually
from tests.data_collection.opcua.server import URI, Machine
from tests.ports import free_port

pytestmark = pytest.mark.asyncio(loop_scope="session")


def point(tag: str, quantity: Quantity, node: str, unit: str = "1", **place: object) -> Point:
    return Point(tag, quantity, unit, OpcUaPlace(f"ns=9;s={node}", URI, **place))  # type: ignore[arg-type]


POINTS = (
    point("active_power", Quantity.ACTIVE_POWER, "power", "W"),
    point("execution_state", Quantity.STATE, "state"),
    point("program", Quantity.TEXT, "program", ""),
    point("spindle_speed", Quantity.SPEED, "speeds", "1/min", index=1),
    Point("part_count", Quantity.COUNT, "1", OpcUaPlace("/Machine/parts", URI)),
)


def device(*points: Point, scan_s: float = 0.2, device_id: str = "m") -> Device:
    return Device(device_id, "l", Profile("machine", {}, "", "opcua", "", "M", points or POINTS), scan_s=scan_s)


@dataclass
class Shop:
    collector: Collector
    readings: list[Reading]

    def samples(self, tag: str, device_id: str = "m") -> list[tuple[int, float | None, int]]:
        return [
            (r.time_us, v, q) for r in self.readings if r.device_id == device_id
            for p, v, q in zip(r.points, r.values, r.qualities, strict=True) if p == tag
        ]

    def last(self, tag: str) -> tuple[float | None, int] | None:
        found = self.samples(tag)
        return found[-1][1:] if found else None

    def texts(self, tag: str) -> list[str]:
        return [r.texts[tag] for r in self.readings if tag in r.texts]

    @property
    def state(self) -> str:
        return self.collector.devices()[0].state

    @property
    def error(self) -> str:
        return self.collector.lines()[0].last_error or ""


@asynccontextmanager
async def shop(line: Line, *devices: Device, data_dir: Path | None = None) -> AsyncIterator[Shop]:
    readings: list[Reading] = []
    collector = Collector(SystemClock(), readings.append, connects(Workspace(data_dir)))
    collector.apply(Plant(Site("s"), lines=(line,), devices=devices))
    task = asyncio.create_task(collector.run())
    try:
        yield Shop(collector, readings)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def line_to(machine: Machine, **options: object) -> Line:
    return Line("l", "opcua", {"url": machine.url, "timeout_s": 2.0, **options})


async def test_values_come_by_subscription_with_the_sources_time_and_status(machine: Machine) -> None:
    async with shop(line_to(machine), device()) as s:
        await eventually(lambda: s.last("part_count") == (7.0, 0), 20)
        assert s.last("active_power") == (1.5, 0)
        assert s.last("execution_state") == (2.0, 0)
        assert s.last("spindle_speed") == (20.0, 0)
        assert s.texts("program")[-1] == "SHAFT-1"
        assert s.state == "online"

        await eventually(lambda: len(s.samples("active_power")) >= 4, 20)  # not in the first moment: a change before it is none
        at = await machine.write("power", 2500.0, source=datetime.now(UTC) - timedelta(milliseconds=137))
        await eventually(lambda: s.last("active_power") == (2.5, 0), 20)
        assert round(at.timestamp() * 1e6) in [time for time, value, _ in s.samples("active_power") if value == 2.5]

        await machine.write("program", "FLANGE-2")
        await eventually(lambda: s.texts("program")[-1:] == ["FLANGE-2"], 20)

        await machine.write("power", 3.0, status=ua.StatusCodes.BadSensorFailure)
        await eventually(lambda: s.last("active_power") == (None, int(Quality.DEVICE_FAULT)), 20)
        await machine.write("power", 900.0, status=ua.StatusCodes.UncertainLastUsableValue)
        await eventually(lambda: s.last("active_power") == (0.9, int(Quality.HELD)), 20)

        await machine.write("power", 800.0, source=datetime.now(UTC) + timedelta(hours=1))
        await eventually(lambda: s.last("active_power") == (0.8, int(Quality.CLOCK)), 20)
        times = [time for time, _, _ in s.samples("active_power")]
        assert times == sorted(set(times))
        assert s.collector.devices()[0].errors["clock"] >= 1


async def test_a_value_that_does_not_change_is_confirmed_at_each_scan_and_each_change_in_between_is_kept(machine: Machine) -> None:
    fast = point("active_power", Quantity.ACTIVE_POWER, "power", "W", sampling_s=0.0, queue=100)
    async with shop(line_to(machine), device(fast, scan_s=0.3)) as s:
        await eventually(lambda: len(s.samples("active_power")) >= 4, 20)
        assert {value for _, value, _ in s.samples("active_power")} == {1.5}
        for number in range(20):
            await machine.write("power", 1000.0 * number)
        await eventually(lambda: s.last("active_power") == (19.0, 0), 20)
        assert {float(n) for n in range(20)} <= {value for _, value, _ in s.samples("active_power")}


async def test_what_stands_still_is_confirmed_beside_what_changes_all_the_time(machine: Machine) -> None:
    async with shop(line_to(machine), device(scan_s=0.3)) as s:
        await eventually(lambda: s.state == "online", 20)
        for number in range(60):
            await machine.write("power", 100.0 + number)
            await asyncio.sleep(0.05)  # a spindle's load: faster than any scan
        begin = s.samples("active_power")[0][0]
        still = [value for time, value, quality in s.samples("execution_state") if time > begin and quality == 0]
        assert len(still) >= 4
        assert set(still) == {2.0}
        assert [quality for _, _, quality in s.samples("execution_state") if quality] == []
        assert "clock" not in s.collector.devices()[0].errors
        assert len({value for _, value, _ in s.samples("active_power")}) > 10


async def test_a_dead_band_is_kept_also_where_the_server_does_not(machine: Machine) -> None:
    banded = point("active_power", Quantity.ACTIVE_POWER, "power", "W", deadband=100.0)
    async with shop(line_to(machine), device(banded)) as s:
        await eventually(lambda: s.last("active_power") == (1.5, 0), 20)
        await machine.write("power", 1550.0)
        await machine.write("power", 1700.0)
        await eventually(lambda: s.last("active_power") == (1.7, 0), 20)
        assert 1.55 not in {value for _, value, _ in s.samples("active_power")}


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")  # of the server's library, when its nodes go
async def test_the_return_of_a_killed_server_is_found_even_with_other_namespace_numbers(machine: Machine) -> None:
    async with shop(line_to(machine), device()) as s:
        await eventually(lambda: s.last("active_power") == (1.5, 0), 20)
        first = machine.index
        await machine.stop()
        await eventually(lambda: s.last("active_power") == (None, int(Quality.LINE_DOWN)), 20)
        assert s.state == "offline"
        await machine.start(fillers=3)
        await machine.write("power", 4000.0)
        assert machine.index != first
        await eventually(lambda: s.last("active_power") == (4.0, 0) and s.last("part_count") == (7.0, 0), 40)
        assert s.state == "online"


async def test_a_subscription_that_the_server_loses_is_made_anew(machine: Machine) -> None:
    async with shop(line_to(machine), device()) as s:
        await eventually(lambda: s.last("active_power") == (1.5, 0), 20)
        assert machine.server is not None
        service = machine.server.iserver.subscription_service
        await service.delete_subscriptions(list(service.subscriptions))
        count = len(s.readings)
        await machine.write("power", 5000.0)
        await eventually(lambda: s.last("active_power") == (5.0, 0), 40)
        assert len(s.readings) > count


async def test_a_server_that_makes_no_subscriptions_is_read(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert machine.server is not None

    async def refuse(*_args: object, **_more: object) -> None:
        raise ua.UaStatusCodeError(ua.StatusCodes.BadTooManySubscriptions)

    monkeypatch.setattr(machine.server.iserver.subscription_service, "create_subscription", refuse)
    async with shop(line_to(machine), device()) as s:
        await eventually(lambda: s.last("active_power") == (1.5, 0), 20)
        await machine.write("power", 2200.0)
        await eventually(lambda: s.last("active_power") == (2.2, 0), 20)
        assert s.texts("program")[-1] == "SHAFT-1"


async def test_one_item_that_is_not_monitored_is_read_beside_the_others(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert machine.server is not None
    service = machine.server.iserver.subscription_service
    create = service.create_monitored_items

    async def all_but_the_first(params: ua.CreateMonitoredItemsParameters) -> list[ua.MonitoredItemCreateResult]:
        results = await create(params)
        results[0].StatusCode = ua.StatusCode(ua.StatusCodes.BadTooManyMonitoredItems)
        return list(results)

    monkeypatch.setattr(service, "create_monitored_items", all_but_the_first)
    async with shop(line_to(machine), device()) as s:
        await eventually(lambda: s.last("active_power") == (1.5, 0) and s.last("part_count") == (7.0, 0), 20)
        await machine.write("power", 2200.0)
        await machine.write("state", 3)
        await eventually(lambda: s.last("active_power") == (2.2, 0) and s.last("execution_state") == (3.0, 0), 20)
        times = [time for time, _, _ in s.samples("execution_state")]
        assert times == sorted(set(times))


async def test_polling_can_be_asked_for(machine: Machine) -> None:
    assert machine.server is not None
    service = machine.server.iserver.subscription_service
    others = set(service.subscriptions)  # of a client before: its goodbye may not be heard yet
    async with shop(line_to(machine, updates="poll"), device()) as s:
        await eventually(lambda: s.last("spindle_speed") == (20.0, 0), 20)
        assert set(service.subscriptions) <= others
        await machine.stop()
        await eventually(lambda: s.state == "offline", 20)


async def test_what_the_server_does_not_have_is_bad_with_its_reason_and_costs_nothing_else(machine: Machine) -> None:
    points = (
        POINTS[0],
        point("voltage_l1", Quantity.VOLTAGE, "nowhere", "V"),
        Point("voltage_l2", Quantity.VOLTAGE, "V", OpcUaPlace("ns=1;s=power", "urn:nobody")),
        Point("voltage_l3", Quantity.VOLTAGE, "V", OpcUaPlace("/Machine/nothing", URI)),
        point("current_l1", Quantity.CURRENT, "program", "A"),
        point("current_l2", Quantity.CURRENT, "speeds", "A", index=9),
    )
    async with shop(line_to(machine), device(*points)) as s:
        await eventually(lambda: s.last("active_power") == (1.5, 0) and s.last("voltage_l3") is not None, 20)
        for tag in ("voltage_l1", "voltage_l2", "voltage_l3"):
            await eventually(lambda tag=tag: s.last(tag) == (None, int(Quality.REFUSED)), 20)
        for tag in ("current_l1", "current_l2"):
            await eventually(lambda tag=tag: s.last(tag) == (None, int(Quality.DECODE_ERROR)), 20)

        def counted() -> bool:
            errors = s.collector.devices()[0].errors
            return errors["refused"] >= 3 and errors["decode"] >= 2

        await eventually(counted, 20)


async def test_reading_by_hand_scanning_and_browsing_work_beside_the_subscription(machine: Machine) -> None:
    line = line_to(machine)
    async with shop(line, device()) as s:
        await eventually(lambda: s.last("active_power") == (1.5, 0), 20)
        trace = Trace()
        (reading,) = await s.collector.read_once(device(), line, trace)
        assert dict(zip(reading.points, reading.values, strict=True))["active_power"] == 1.5
        assert reading.texts == {"program": "SHAFT-1"}
        assert reading.raw["active_power"] == "Double 1500.0"
        assert trace.frames
        found = await s.collector.survey(line)
        assert found is not None
        assert {"Machine", URI} <= {item.answer for item in found}
        top = await s.collector.browse(line, None)
        (node,) = [n for n in top if n.name == "Machine"]
        below: Sequence[object] = await s.collector.browse(line, node.node)
        assert {(n.name, n.value, n.namespace, n.length) for n in below} >= {  # type: ignore[attr-defined]
            ("power", "1500.0", URI, None), ("speeds", "10.0, 20.0, 30.0", URI, 3),
        }


async def test_nobody_there_is_a_plain_error() -> None:
    async with shop(Line("l", "opcua", {"url": f"opc.tcp://127.0.0.1:{free_port()}"}), device()) as s:
        await eventually(lambda: s.error != "", 20)
        assert "refused" in s.error.lower() or "connect" in s.error.lower()
        await eventually(lambda: s.last("active_power") == (None, int(Quality.LINE_DOWN)), 20)
