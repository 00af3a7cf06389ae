"""The collector against real sockets: grid, silence, back-off, reconnection, changes of the plant, reads by hand."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from data_collection.collector import Collector
from data_collection.driver import Connect, DevicePlan, Driver, ScanHit, Trace
from data_collection.line import PROBE_WAIT_S, LineRunner
from data_collection.modbus.plan import Plan
from domain.errors import DeviceUnreachable, LineDown
from domain.plant import Device, Line, Plant, Site
from domain.profile import Group, ModbusPoint, Point
from domain.quality import Quality
from domain.quantity import Quantity
from domain.sample import Reading
from runtime.clock import SystemClock
from tests.conftest import FakeClock, eventually
from tests.data_collection.peers import (
    Peer,
    Registers,
    device,
    float_words,
    floats,
    gateway_line,
    mbap_size,
    profile,
    rtu_size,
    tcp_line,
    tcp_server,
    voltage,
)


class Shop:
    """A running collector and what it handed on."""

    def __init__(self, collector: Collector, readings: list[Reading]) -> None:
        self.collector, self.readings = collector, readings

    def of(self, device_id: str) -> list[Reading]:
        return [r for r in self.readings if r.device_id == device_id]

    def good(self, device_id: str) -> list[Reading]:
        return [r for r in self.of(device_id) if set(r.qualities) == {0}]

    def apply(self, lines: list[Line], devices: list[Device]) -> None:
        self.collector.apply(Plant(Site("test"), lines=tuple(lines), devices=tuple(devices)))

    def state(self, device_id: str) -> str:
        return next(d.state for d in self.collector.devices() if d.device_id == device_id)


@asynccontextmanager
async def running(lines: list[Line], devices: list[Device], connect: Mapping[str, Connect] | None = None) -> AsyncIterator[Shop]:
    readings: list[Reading] = []
    shop = Shop(Collector(SystemClock(), readings.append, connect), readings)
    shop.apply(lines, devices)
    task = asyncio.create_task(shop.collector.run())
    try:
        yield shop
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


@asynccontextmanager
async def meter(count: int = 2) -> AsyncIterator[tuple[Registers, Peer, int]]:
    slave = Registers(start=100, values=float_words(*(230.0 + i for i in range(count))))
    async with tcp_server(lambda r: [(0.0, slave.tcp(r))], mbap_size) as (peer, port):
        yield slave, peer, port


async def test_polls_keep_a_fixed_grid_and_times_increase() -> None:
    async with meter() as (_, peer, port), running([line := tcp_line(port)], [device("a", line, floats(2))]) as shop:
        await eventually(lambda: len(shop.good("a")) >= 20)
        starts = peer.times[1:20]
        assert (starts[-1] - starts[0]) / 18 == pytest.approx(0.1, rel=0.03)
        times = [r.time_us for r in shop.of("a")]
        assert times == sorted(set(times))
        assert len({id(r.points) for r in shop.of("a")}) == 1
        assert list(shop.good("a")[0].values) == [230.0, 231.0]
        status = shop.collector.lines()[0]
        assert (status.state, status.devices_online, peer.connections) == ("online", 1, 1)
        assert shop.collector.lateness().polls >= 20


async def test_slow_and_daily_points_are_read_at_connect_and_not_with_the_fast_ones() -> None:
    points = [
        voltage("fast", 100),
        Point("slow", Quantity.ENERGY_IMPORT, "kWh", ModbusPoint("holding", 102, "float32"), group=Group.SLOW),
        Point("serial", Quantity.TEXT, "", ModbusPoint("holding", 200, "string", length=2), group=Group.DAILY),
    ]
    async with meter() as (slave, _, port):
        slave.words.update({200: 0x4142, 201: 0x3132})
        line = tcp_line(port)
        async with running([line], [device("a", line, profile(*points), scan_s=0.05)]) as shop:
            await eventually(lambda: len(shop.of("a")) >= 12)
            kinds = [r.points for r in shop.of("a")]
            assert kinds.count(("slow",)) == 1
            assert [dict(r.texts) for r in shop.of("a") if r.texts] == [{"serial": "AB12"}]
            assert kinds.count(("fast",)) >= 9


async def test_a_silent_device_turns_bad_at_once_and_is_asked_once_a_back_off_period() -> None:
    async with meter() as (slave, peer, port):
        line = tcp_line(port, timeout_s=0.1)
        devices = [device("dead", line, floats(2), address=9), device("alive", line, floats(2))]

        def answer(request: bytes) -> list[tuple[float, bytes]]:
            return [] if request[6] == 9 else [(0.0, slave.tcp(request))]

        peer.handler = answer
        async with running([line], devices) as shop:
            await eventually(lambda: len(shop.good("alive")) >= 35)
            dead = shop.of("dead")
            assert {q for r in dead for q in r.qualities} == {Quality.TIMEOUT}
            assert all(v is None for r in dead for v in r.values)
            assert len(dead) >= 25, "a bad reading stands at each grid point"
            assert sum(r[6] == 9 for r in peer.requests) <= 4, "1 s, then 2 s ... and not at each grid point"
            status = {d.device_id: d for d in shop.collector.devices()}
            assert (status["dead"].state, status["alive"].state) == ("offline", "online")
            assert status["dead"].timeouts == status["dead"].errors["timeout"] >= 1
            assert status["dead"].next_attempt_us is not None
            assert shop.collector.lines()[0].state == "partial"
            peer.handler = lambda r: [(0.0, slave.tcp(r))]
            await eventually(lambda: shop.good("dead"), 10.0)


async def test_back_online_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with meter() as (slave, peer, port):
        peer.handler = lambda _: []
        line = tcp_line(port, timeout_s=0.05)
        async with running([line], [device("a", line, floats(2), scan_s=0.05)]) as shop:
            await eventually(lambda: len(shop.of("a")) >= 5)
            peer.handler = lambda r: [(0.0, slave.tcp(r))]
            await eventually(lambda: len(shop.good("a")) >= 5)
    texts = [r.getMessage() for r in caplog.records if r.getMessage().startswith("device a")]
    assert len([t for t in texts if "offline" in t]) == 1
    assert len([t for t in texts if "back online" in t]) == 1


async def test_after_an_outage_of_the_line_everything_turns_bad_and_returns_on_one_connection() -> None:
    slave = Registers(start=100, values=float_words(1.0, 2.0))
    async with tcp_server(lambda r: [(0.0, slave.tcp(r))], mbap_size) as (_, port):
        line = tcp_line(port)
        devices = [device(f"d{i}", line, floats(2), address=i + 1) for i in range(3)]
        first = running([line], devices)
        shop = await first.__aenter__()
        await eventually(lambda: all(shop.good(d.id) for d in devices))
    try:
        lost_at = time.monotonic()
        await eventually(lambda: all(set(shop.of(d.id)[-1].qualities) == {Quality.LINE_DOWN} for d in devices), 2.0)
        assert time.monotonic() - lost_at < 0.5, "bad within two intervals and a time-out"
        status = shop.collector.lines()[0]
        assert (status.state, status.devices_online) == ("down", 0)
        assert status.last_error
        await eventually(lambda: shop.collector.lines()[0].next_attempt_us)
        bad = len(shop.of("d0"))
        await eventually(lambda: len(shop.of("d0")) >= bad + 5, 2.0)
        good = len(shop.good("d0"))
        async with tcp_server(lambda r: [(0.0, slave.tcp(r))], mbap_size, port) as (peer, _):
            await eventually(lambda: len(shop.good("d0")) > good and shop.collector.lines()[0].state == "online", 10.0)
            assert peer.connections == 1
    finally:
        await first.__aexit__(None, None, None)


async def test_attempts_to_connect_back_off() -> None:
    attempts: list[float] = []

    @asynccontextmanager
    async def refuse(line: Line) -> AsyncIterator[Driver]:
        attempts.append(time.monotonic())
        raise LineDown("refused")
        yield

    line = Line("x", "modbus-tcp", {})
    async with running([line], [device("a", line, floats(1))], {"modbus-tcp": refuse}) as shop:
        await eventually(lambda: len(attempts) >= 3, 6.0)
        gaps = [b - a for a, b in pairwise(attempts)]
        assert 0.75 <= gaps[0] <= 1.2
        assert 1.5 <= gaps[1] <= 2.3
        assert {q for r in shop.of("a") for q in r.qualities} == {Quality.LINE_DOWN}


async def test_a_gateway_that_serves_another_is_not_stormed(caplog: pytest.LogCaptureFixture) -> None:
    """It takes the connection and closes it at once (T3): attempts follow the back-off although each connect succeeds."""
    async with meter() as (_, peer, port):
        peer.refuse = True
        line = tcp_line(port)
        async with running([line], [device("a", line, floats(2), scan_s=0.05)]) as shop:
            await eventually(lambda: peer.connections >= 3, 8.0)
            assert peer.accepted_at[1] - peer.accepted_at[0] >= 0.75
            assert peer.accepted_at[2] - peer.accepted_at[1] >= 1.5
            status = shop.collector.lines()[0]
            assert "someone else" in str(status.last_error)
            await eventually(lambda: shop.collector.devices()[0].next_attempt_us)
            assert len([r for r in caplog.records if "down" in r.getMessage()]) == 1
            peer.refuse = False
            await eventually(lambda: shop.good("a"), 10.0)
            assert {q for r in shop.of("a") for q in r.qualities} == {Quality.GOOD, Quality.LINE_DOWN}


async def test_a_transport_without_driver_is_shown_and_stops_nothing() -> None:
    async with meter() as (_, _, port):
        strange, line = Line("odd", "carrier-pigeon", {}), tcp_line(port)
        async with running([strange, line], [device("p", strange, floats(1)), device("a", line, floats(2))]) as shop:
            await eventually(lambda: shop.good("a") and shop.of("p"))
            status = {s.line_id: s for s in shop.collector.lines()}
            assert status["odd"].state == "down"
            assert "carrier-pigeon" in str(status["odd"].last_error)


class Raising:
    """A driver that fails in a way no driver should; the other device's reads work."""

    def prepare(self, device: Device) -> DevicePlan:
        return Plan(device)

    async def read(self, plan: DevicePlan, group: Group, trace: Trace | None = None) -> Reading:
        if plan.device.id == "mad":
            raise ZeroDivisionError("a bug")
        points = plan.points(group)
        await asyncio.sleep(0)
        return Reading(plan.device.id, time.time_ns() // 1000, points, (1.0,) * len(points), (0,) * len(points))

    async def probe(self, address: int, protocol: str) -> ScanHit | None:
        return None


async def test_a_raising_driver_never_ends_the_line(caplog: pytest.LogCaptureFixture) -> None:
    @asynccontextmanager
    async def connect(line: Line) -> AsyncIterator[Driver]:
        yield Raising()

    line = Line("x", "modbus-tcp", {})
    devices = [device("mad", line, floats(1)), device("sane", line, floats(1))]
    async with running([line], devices, {"modbus-tcp": connect}) as shop:
        await eventually(lambda: len(shop.good("sane")) >= 15)
        assert {q for r in shop.of("mad") for q in r.qualities} == {Quality.INTERNAL}
        errors = {d.device_id: d.errors for d in shop.collector.devices()}
        assert errors["mad"]["internal"] >= 1
        assert shop.collector.lateness().polls < 40, "the raising device backs off"
    assert len([r for r in caplog.records if r.exc_info and "mad" in r.getMessage()]) == 1, "one traceback, not one a poll"


async def test_a_consumer_that_raises_does_not_stop_the_polls() -> None:
    seen: list[Reading] = []

    def picky(reading: Reading) -> None:
        seen.append(reading)
        raise RuntimeError("a bug behind")

    async with meter() as (_, _, port):
        line = tcp_line(port)
        collector = Collector(SystemClock(), picky)
        collector.apply(Plant(Site("t"), lines=(line,), devices=(device("a", line, floats(2)),)))
        task = asyncio.create_task(collector.run())
        await eventually(lambda: len(seen) >= 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_only_changed_lines_restart() -> None:
    async with meter() as (_, peer1, port1), meter() as (_, peer2, port2):
        one, two = tcp_line(port1, "one"), tcp_line(port2, "two")
        a, b = device("a", one, floats(2)), device("b", two, floats(2))
        async with running([one, two], [a, b]) as shop:
            await eventually(lambda: shop.good("a") and shop.good("b"))
            shop.apply([one, two], [a, b, device("c", two, floats(1))])
            await eventually(lambda: shop.good("c"))
            assert (peer1.connections, peer2.connections) == (1, 2)
            assert peer2.open == 1, "never two connections of one line"
            shop.apply([one], [a])
            await eventually(lambda: peer2.open == 0)
            count = len(shop.of("b"))
            await asyncio.sleep(0.25)
            assert len(shop.of("b")) == count
            assert [s.line_id for s in shop.collector.lines()] == ["one"]
            assert peer1.connections == 1


async def test_disabled_devices_and_lines_are_not_asked_and_say_so() -> None:
    async with meter() as (_, peer, port):
        line = tcp_line(port)
        off = Device("off", line.id, floats(2), 5, 0.05, enabled=False)
        dark = Line("dark", "modbus-tcp", {"host": "127.0.0.1", "port": port}, enabled=False)
        async with running([line, dark], [off, device("a", line, floats(2)), device("d", dark, floats(1))]) as shop:
            await eventually(lambda: len(shop.good("a")) >= 3)
            assert {q for r in shop.of("off") + shop.of("d") for q in r.qualities} == {Quality.DISABLED}
            assert {r[6] for r in peer.requests} == {1}
            assert (shop.state("off"), shop.state("d")) == ("disabled", "disabled")
            assert {s.line_id: s.state for s in shop.collector.lines()} == {"tcp": "online", "dark": "disabled"}
            assert peer.connections == 1


async def test_read_once_uses_the_live_connection_and_shows_the_wire() -> None:
    async with meter() as (_, peer, port), running([line := tcp_line(port)], [device("a", line, floats(2))]) as shop:
        await eventually(lambda: shop.good("a"))
        trace = Trace()
        draft = device("draft", line, floats(2))
        readings = await shop.collector.read_once(draft, line, trace)
        assert [list(r.values) for r in readings] == [[230.0, 231.0]]
        assert readings[0].raw == {"u0": "4366 0000", "u1": "4367 0000"}
        assert [d for d, _, _ in trace.frames] == ["tx", "rx"]
        assert peer.connections == 1
        peer.handler = lambda _: []
        with pytest.raises(DeviceUnreachable):
            await shop.collector.read_once(draft, line, None)


async def test_read_once_opens_a_connection_of_the_moment_for_an_unknown_line() -> None:
    async with meter() as (_, peer, port):
        collector = Collector(SystemClock(), lambda _: None)
        line = tcp_line(port)
        readings = await collector.read_once(device("draft", line, floats(2)), line, None)
        assert list(readings[0].values) == [230.0, 231.0]
        await eventually(lambda: peer.open == 0)
        nobody = tcp_line(1)
        with pytest.raises(LineDown):
            await collector.read_once(device("draft", nobody, floats(2)), nobody, None)


async def test_scan_tells_who_answers_while_polls_go_on() -> None:
    async with meter() as (slave, peer, port):
        peer.handler = lambda r: [(0.0, slave.tcp(r))] if r[6] in {1, 3} else []
        line = tcp_line(port, timeout_s=0.1)
        async with running([line], [device("a", line, floats(2))]) as shop:
            await eventually(lambda: shop.good("a"))
            before = len(shop.good("a"))
            hits = [hit async for hit in shop.collector.scan(line, range(1, 6), "modbus")]
            assert [h.address for h in hits] == [1, 3]
            assert all(h.protocol == "modbus" and h.seconds < 0.1 for h in hits)
            assert len(shop.good("a")) > before
            assert peer.connections == 1


async def test_a_device_that_refuses_gaps_gets_smaller_reads_and_keeps_them() -> None:
    of = profile(voltage("mask", 51, "uint16"), voltage("c1", 64, "uint16"), voltage("c2", 65, "uint16"))
    slave = Registers({51: 0x8005, 64: 65534, 65: 3})
    async with tcp_server(lambda r: [(0.0, slave.tcp(r))], mbap_size) as (_, port):
        line = tcp_line(port)
        async with running([line], [device("mv", line, of)]) as shop:
            await eventually(lambda: len(shop.good("mv")) >= 3)
            assert list(shop.good("mv")[0].values) == [32773.0, 65534.0, 3.0]
            assert [(a, c) for _, _, a, c in slave.asked][:7] == [(51, 15), (51, 1), (64, 2), (51, 1), (64, 2), (51, 1), (64, 2)]
            assert shop.collector.devices()[0].errors == {"refused": 1}


async def test_a_single_refused_point_is_bad_in_its_place_and_comes_back_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data_collection.reads.ASK_AGAIN_S", 0.4)
    slave = Registers(start=100, values=float_words(1.0, 2.0, 3.0, 4.0))
    missing = slave.refuse
    slave.refuse = lambda f, a, c: 2 if a <= 104 < a + c else missing(f, a, c)
    async with tcp_server(lambda r: [(0.0, slave.tcp(r))], mbap_size) as (_, port):
        line = tcp_line(port)
        async with running([line], [device("a", line, floats(4), scan_s=0.05)]) as shop:
            await eventually(lambda: len(shop.of("a")) >= 3)
            assert list(shop.of("a")[2].values) == [1.0, 2.0, None, 4.0]
            assert list(shop.of("a")[2].qualities) == [0, 0, Quality.REFUSED, 0]
            assert shop.state("a") == "online"
            slave.refuse = missing
            await eventually(lambda: shop.good("a"))
            assert list(shop.good("a")[0].values) == [1.0, 2.0, 3.0, 4.0]


async def test_a_dead_unit_on_a_shared_line_leaves_the_others_their_cadence() -> None:
    """16 units behind a transparent gateway, one silent, one at 95 % of the time-out (T2)."""
    slave = Registers(start=100, values=float_words(5.0, 6.0))

    def answer(request: bytes) -> list[tuple[float, bytes]]:
        if request[0] == 16:
            return []
        return [(0.19 if request[0] == 15 else 0.002, slave.rtu(request))]

    async with tcp_server(answer, rtu_size) as (peer, port):
        line = gateway_line(port, timeout_s=0.2)
        devices = [device(f"d{i}", line, floats(2), address=i, scan_s=1.0) for i in range(1, 17)]
        async with running([line], devices) as shop:
            await eventually(lambda: len(shop.good("d1")) >= 6, 20.0)
            peer.times.clear()
            peer.requests.clear()
            await eventually(lambda: len([r for r in peer.requests if r[0] == 1]) >= 9, 20.0)
            late = polls = 0
            for unit in range(1, 15):
                times = [t for t, r in zip(peer.times, peer.requests, strict=True) if r[0] == unit and r[1] == 3]
                for i, at in enumerate(times[1:], 1):
                    polls += 1
                    late += abs(at - times[0] - i) > 0.1
            assert polls >= 14 * 7
            assert late <= 0.01 * polls
            assert any(r[0] == 16 for r in peer.requests), "the silent one was asked meanwhile"
            assert {q for r in shop.of("d16")[-3:] for q in r.qualities} == {Quality.TIMEOUT}
            assert shop.good("d15"), "slow, but within its time-out"
            assert peer.connections == 1


async def test_starting_many_lines_is_spread() -> None:
    async with meter() as (_, peer, port):
        lines = [tcp_line(port, f"l{i}") for i in range(20)]
        devices = [device(f"d{i}", line, floats(1), scan_s=5.0) for i, line in enumerate(lines)]
        began = time.monotonic()
        async with running(lines, devices) as shop:
            await eventually(lambda: all(shop.good(d.id) for d in devices))
            assert time.monotonic() - began > 1.0
            firsts = sorted(peer.times)
            assert max(sum(1 for t in firsts if a <= t < a + 0.2) for a in firsts) <= 6


async def test_a_driver_that_hangs_is_broken_off(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr("data_collection.line.WATCH_S", 0.05)
    opened = 0

    class Hanging(Raising):
        async def read(self, plan: DevicePlan, group: Group, trace: Trace | None = None) -> Reading:
            if opened == 1:
                await asyncio.Event().wait()
            return await super().read(plan, group, trace)

    @asynccontextmanager
    async def connect(line: Line) -> AsyncIterator[Driver]:
        nonlocal opened
        opened += 1
        yield Hanging()

    line = Line("x", "modbus-tcp", {})
    async with running([line], [device("a", line, floats(1))], {"modbus-tcp": connect}) as shop:
        await eventually(lambda: opened)
        runner = shop.collector._runners["x"]
        await eventually(lambda: runner._hang.until < 1e12)
        runner._hang.until = 0.0  # as if half a minute had passed
        await eventually(lambda: set(shop.of("a")[-1].qualities) == {Quality.LINE_DOWN} if shop.of("a") else False)
        await eventually(lambda: shop.good("a"), 5.0)
        assert opened == 2
        assert "no result within" in str(shop.collector.lines()[0].last_error)


async def test_cancelling_while_a_read_is_under_way_ends_at_once() -> None:
    """Nothing swallows the cancellation, also when it meets the reply."""
    for wait_s in (0.0, 0.0, 0.05, 5.0):
        async with meter() as (slave, peer, port):
            peer.handler = lambda r, s=slave, w=wait_s: [(w, s.tcp(r))]
            line = tcp_line(port, timeout_s=10.0)
            began = 0.0
            async with running([line], [device("a", line, floats(2), scan_s=0.0)]):
                await eventually(lambda p=peer: p.requests)
                began = time.monotonic()
            assert time.monotonic() - began < 1.0
            await eventually(lambda p=peer: p.open == 0)


def test_a_silent_device_waits_for_a_stretch_without_polls_but_not_for_ever() -> None:
    line = gateway_line(4001, timeout_s=0.5)
    devices = [device("dead", line, floats(2), address=9, scan_s=1.0), device("alive", line, floats(2), scan_s=1.0)]
    runner = LineRunner(line, devices, clock=FakeClock(), on_reading=lambda _: None, connect=None)
    dead, alive = runner.devices
    for polled in runner.devices:
        polled.plan = Plan(polled.device, 0.5)
    runner._lay_out(100.0)
    assert runner._probe_due(100.0) is None, "nobody is silent"
    dead.backoff.next_at = 101.0
    runner._note_silent()
    alive.slots[0].due = 103.0
    assert runner._probe_due(100.9) is None, "its back-off is not over"
    assert runner._probe_due(102.0) is dead, "a whole time-out fits before the next poll"
    assert runner._probe_due(102.6) is None, "it would make the next poll late"
    dead.failed_s = 1.5
    assert runner._probe_due(102.0) is None, "what its silence really costs counts"
    alive.slots[0].due = 101.0 + PROBE_WAIT_S + 0.2
    assert runner._probe_due(101.0 + PROBE_WAIT_S + 0.1) is dead, "recovery is seen in time all the same"
