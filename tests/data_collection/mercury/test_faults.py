"""What lines do to frames: a value is right or it is absent, and the meter comes back by itself."""

from __future__ import annotations

import asyncio
import random

import pytest

from data_collection.driver import Trace
from data_collection.mercury.plan import MercuryPlan
from data_collection.registry import connects
from domain.errors import DecodeError, DeviceError, DeviceUnreachable
from domain.plant import Device, Line
from domain.profile import Group, ModbusPoint, Point, Profile
from domain.quantity import Quantity
from domain.sample import Reading
from simulator.faults import Fault
from simulator.mercury import Habits
from simulator.modbus_rtu import crc16
from tests.conftest import eventually
from tests.data_collection.mercury.peers import PRIMARY, Bench, bench, device, meter, qualities, values

GROUPS_ONLY = Habits(all_in_one="refused", accelerated=False)  # many replies of the same length: the worst case


def assert_right_or_absent(reading: Reading) -> int:
    """How many values there are; each is the one of its tag."""
    found = {tag: value for tag, value in values(reading).items() if value is not None}
    for tag, value in found.items():
        if tag in PRIMARY:
            assert value == pytest.approx(PRIMARY[tag], rel=1e-9), tag
    return len(found)


async def read(b: Bench, plan: MercuryPlan, group: Group) -> int:
    """Values that came; an error of the whole group counts as none."""
    try:
        return assert_right_or_absent(await b.protocol.read(b.stream, plan, group))
    except (DeviceUnreachable, DecodeError):
        return 0


@pytest.mark.parametrize("terminal", [False, True], ids=["tcp", "pty"])
@pytest.mark.parametrize("kind", ["echo", "split", "noise", "bad_crc", "wrong_unit", "double", "silence"])
async def test_one_fault_in_each_question(kind: str, terminal: bool) -> None:
    """Each question of a read meets the fault once: at most its own value is missing, none is wrong."""
    m = meter(habits=GROUPS_ONLY)
    async with bench([m], terminal=terminal) as b:
        plan = b.protocol.prepare(device(long_replies="off"))
        whole = await read(b, plan, Group.FAST)
        assert whole == 23
        for question in range(7):
            already = m.asked

            def at_that_question(before: int = already + question) -> bool:
                return m.asked >= before

            reading = asyncio.ensure_future(read(b, plan, Group.FAST))
            await eventually(at_that_question)
            m.faults.set(Fault(kind, times=1))
            assert await reading >= 23 - 4
            m.faults.clear()
        assert await read(b, plan, Group.FAST) == whole


@pytest.mark.parametrize("kind", ["echo", "split", "noise", "double"])
async def test_faults_that_only_add_bytes_cost_no_value(kind: str) -> None:
    m = meter()
    async with bench([m]) as b:
        m.faults.set(Fault(kind))
        plan = b.protocol.prepare(device(long_replies="off"))
        assert await read(b, plan, Group.FAST) == 23
        assert await read(b, plan, Group.SLOW) == 21


async def test_an_adapter_that_echoes_everything() -> None:
    m = meter()
    async with bench([m]) as b:
        b.server.wire.echo = True
        plan = b.protocol.prepare(device())
        for _ in range(3):
            assert await read(b, plan, Group.FAST) == 23
        assert plan.faults["noise"] == 0  # the echo is known, not passed over
        m.faults.set(Fault("silence"))
        with pytest.raises(DeviceUnreachable):  # an echo alone is silence, not a damaged reply
            await b.protocol.read(b.stream, plan, Group.FAST)


async def healed(b: Bench, plan: MercuryPlan) -> bool:
    """Everything is read again, at once or (on a busy computer) soon."""

    async def whole() -> bool:
        return await read(b, plan, Group.FAST) == 23

    return bool(await eventually(whole))


@pytest.mark.parametrize("seed", range(5))
async def test_a_late_reply_never_lands_on_another_tag(seed: int) -> None:
    """Replies late by any time, in any question, also later than the whole next exchange, also of errors."""
    rng = random.Random(seed)
    m = meter(habits=GROUPS_ONLY)
    async with bench([m]) as b:
        plan = b.protocol.prepare(device(timeout_s=0.05, long_replies="off"))
        for _ in range(16):
            group = rng.choice([Group.FAST, Group.SLOW, Group.DAILY])
            task = asyncio.ensure_future(read(b, plan, group))
            await asyncio.sleep(rng.uniform(0, 0.04))
            late = rng.choice([0.04, 0.055, 0.08, 0.1, 0.11, 0.15, 0.2, 0.3])
            m.faults.set(Fault("delay", seconds=late, times=rng.randint(1, 3)))
            if rng.random() < 0.2:
                m._level = 0  # a late "channel not open" too
            await task
        m.faults.clear()
        await asyncio.sleep(0.35)
        assert await healed(b, plan)


async def test_a_cancelled_read_leaves_nothing_that_is_taken_later() -> None:
    m = meter(habits=GROUPS_ONLY)
    async with bench([m], latency_s=0.02) as b:
        plan = b.protocol.prepare(device(long_replies="off"))
        assert await read(b, plan, Group.FAST) == 23
        for wait in (0.005, 0.055, 0.062, 0.069, 0.076, 0.115, 0.122, 0.129):  # in the first questions, each a few times
            task = asyncio.ensure_future(b.protocol.read(b.stream, plan, Group.FAST))
            await asyncio.sleep(wait)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await read(b, plan, Group.FAST) == 23


@pytest.mark.parametrize("baud", [None, 9600])
async def test_a_read_that_is_cancelled_right_behind_a_request_does_not_spoil_the_next(baud: int | None) -> None:
    """The next request needs its pause, or the meter hears both as one."""
    async with bench([meter(habits=GROUPS_ONLY)], baud=baud) as b:
        plan = b.protocol.prepare(device(long_replies="off"))
        assert await read(b, plan, Group.FAST) == 23
        for number in range(1, 8):
            trace = Trace()
            task = asyncio.ensure_future(b.protocol.read(b.stream, plan, Group.FAST, trace))
            while sum(direction == "tx" for direction, _, _ in trace.frames) < number:  # noqa: ASYNC110 (at that very turn)
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await read(b, plan, Group.FAST) == 23


async def test_a_reply_asked_for_by_a_former_connection_is_not_taken() -> None:
    m = meter(habits=GROUPS_ONLY)
    async with bench([m]) as b:
        plan = b.protocol.prepare(device(long_replies="off"))
        assert await read(b, plan, Group.FAST) == 23
        for late in (0.02, 0.04, 0.06, 0.08):
            m.faults.set(Fault("delay", seconds=late))
            task = asyncio.ensure_future(b.protocol.read(b.stream, plan, Group.FAST))
            await asyncio.sleep(2.5 * (late + 0.01))  # two questions later
            task.cancel()
            m.faults.clear()
            await asyncio.gather(task, return_exceptions=True)
            await b.reconnect()
            await read(b, plan, Group.FAST)
            assert await read(b, plan, Group.FAST) == 23


async def test_a_dead_meter_costs_little_and_its_neighbour_nothing() -> None:
    dead, alive = meter(21), meter(22, serial="41906467")
    async with bench([dead, alive]) as b:
        gone, here = b.protocol.prepare(device(21)), b.protocol.prepare(device(22))
        assert await read(b, gone, Group.FAST) == 23
        dead.faults.set(Fault("silence"))
        assert await read(b, gone, Group.FAST) == 0
        asked = b.server.wire.requests
        for _ in range(3):
            with pytest.raises(DeviceUnreachable):
                await b.protocol.read(b.stream, gone, Group.FAST)
            assert await read(b, here, Group.FAST) == 23
        assert b.server.wire.requests - asked <= 3 + 3 + 3  # one question to the dead one each time
        dead.faults.clear()
        assert await read(b, gone, Group.FAST) == 23


async def test_two_meters_one_after_the_other_hear_their_own_requests() -> None:
    """A request that follows another meter's words without a pause would be heard as their continuation."""
    meters = [meter(21), meter(22, serial="41906467"), meter(23, serial="32874766")]
    async with bench(meters, baud=115200, pause_s=0.004) as b:
        plans = [b.protocol.prepare(device(n, timeout_multiplier=2)) for n in (21, 22, 23)]
        for _ in range(3):
            for plan in plans:
                assert await read(b, plan, Group.FAST) == 23
        assert all(plan.faults.total() == 0 for plan in plans)


async def test_modbus_rtu_and_mercury_share_a_wire() -> None:
    registers = [Point("x", Quantity.OTHER, "", ModbusPoint("holding", 7, "uint16"))]
    odd = Profile("odd", {}, "", "modbus", "", "H", tuple(registers))
    m = meter()

    class Rtu:
        """A holding register 7 of unit 5 that holds 4711."""

        def feed(self, request: bytes, now_s: float) -> bytes | None:
            if request != (asked := b"\x05\x03\x00\x07\x00\x01") + crc16(asked):
                return None
            reply = b"\x05\x03\x02" + (4711).to_bytes(2, "big")
            return reply + crc16(reply)

    async with bench([Rtu(), m]) as b:
        line = Line("gw", "rtu-over-tcp", {"host": "127.0.0.1", "port": b.server.port, "baud": 9600})
        async with connects()["rtu-over-tcp"](line) as driver:
            mercury, modbus = driver.prepare(device()), driver.prepare(Device("rtu", "gw", odd, 5))
            for _ in range(3):
                assert assert_right_or_absent(await driver.read(mercury, Group.FAST)) == 23
                assert list((await driver.read(modbus, Group.FAST)).values) == [4711.0]
            hit = await driver.probe(21, "mercury")
            assert hit is not None
            # a foreign master's Modbus request and its reply pass by while the meter is being asked
            b.server.wire.receive(b"\x05\x03\x00\x07\x00\x01" + crc16(b"\x05\x03\x00\x07\x00\x01"))
            assert assert_right_or_absent(await driver.read(mercury, Group.FAST)) in {0, 23}
            assert assert_right_or_absent(await driver.read(mercury, Group.FAST)) == 23


async def test_replies_to_a_foreign_master_on_the_same_gateway_are_passed_over() -> None:
    """A gateway sends what the line says to all its clients."""
    first, second = meter(21), meter(22, serial="41906467", values=lambda: meter().values())
    async with bench([first, second]) as b:
        plan = b.protocol.prepare(device(21))
        _, writer = await asyncio.open_connection("127.0.0.1", b.server.port)
        try:
            for _ in range(10):
                asked = b"\x16\x08\x00"
                writer.write(asked + crc16(asked))
                try:
                    reading = await b.protocol.read(b.stream, plan, Group.FAST)
                except DeviceError:
                    continue  # two masters at once: the frames collided
                assert_right_or_absent(reading)
                assert set(qualities(reading).values()) == {0}
        finally:
            writer.close()
            await writer.wait_closed()
        assert await read(b, plan, Group.FAST) == 23


async def test_random_damage_never_makes_a_value() -> None:
    rng = random.Random(11)
    m = meter(habits=GROUPS_ONLY)
    kinds = ["noise", "bad_crc", "wrong_unit", "double", "split", "echo", "silence", "delay"]
    async with bench([m]) as b:
        plan = b.protocol.prepare(device(timeout_s=0.05, long_replies="off"))
        for _ in range(20):
            for kind in rng.sample(kinds, rng.randint(1, 3)):
                m.faults.set(Fault(kind, seconds=rng.uniform(0.03, 0.2), times=rng.randint(1, 2)))
            await read(b, plan, rng.choice(list(Group)))
        m.faults.clear()
        await asyncio.sleep(0.25)
        assert await healed(b, plan)
