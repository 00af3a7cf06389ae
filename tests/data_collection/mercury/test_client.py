"""Reading simulated meters over TCP and a pseudo terminal: every tag its own value."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from data_collection.driver import Trace
from data_collection.mercury.client import MercuryProtocol
from domain.errors import AccessDenied, ConfigError, DeviceUnreachable
from domain.plant import Device
from domain.profile import Group, MercuryPoint, Point, Profile
from domain.quality import Quality
from domain.quantity import Quantity
from domain.sample import Reading
from simulator.faults import Fault
from simulator.mercury import Habits
from simulator.modbus_rtu import crc16
from tests.data_collection.mercury.peers import KT, PRIMARY, SECONDARY, Bench, bench, device, meter, qualities, values


async def read_all(b: Bench, of: Device, trace: Trace | None = None) -> list[Reading]:
    plan = b.protocol.prepare(of)
    return [await b.protocol.read(b.stream, plan, group, trace) for group in Group]


def assert_all_right(readings: list[Reading], leave_out: frozenset[str] = frozenset()) -> None:
    found = {k: v for r in readings for k, v in values(r).items()}
    wanted = {tag: pytest.approx(value, rel=1e-9) for tag, value in PRIMARY.items() if tag in found and tag not in leave_out}
    assert {tag: found[tag] for tag in wanted} == wanted
    assert len(wanted) > 35


@pytest.mark.parametrize("terminal", [False, True], ids=["tcp", "pty"])
async def test_every_tag_shows_its_own_value(terminal: bool) -> None:
    m = meter(errors=frozenset({3, 48}))
    async with bench([m], terminal=terminal) as b:
        readings = await read_all(b, device())
    assert_all_right(readings)
    fast, slow, daily = readings
    assert all(q == 0 for r in (fast, slow) for q in r.qualities)
    assert set(PRIMARY) | {"clock_drift"} == {p for r in readings for p in r.points}
    assert daily.texts["serial_number"] == "38395521"
    assert daily.texts["manufactured"] == "2023-05-15"
    assert daily.texts["firmware"] == "9.0.0"
    assert daily.texts["meter_status"] == "E-03 E-48"
    assert m.writes == []
    assert m.opened == 1
    assert m.denied == 0


@pytest.mark.parametrize(
    "habits",
    [
        Habits(all_in_one="95"), Habits(all_in_one="refused"), Habits(all_in_one="refused", accelerated=False),
        Habits(repeats_command=True), Habits(all_in_one="refused", accelerated=False, repeats_command=True),
    ],
    ids=["95 bytes", "no A0h", "single questions", "repeats the command", "repeats, single questions"],
)
async def test_every_firmware_gives_the_same_values(habits: Habits) -> None:
    async with bench([meter(habits=habits)]) as b:
        for _ in range(2):  # before and after it was learned what the meter knows
            assert_all_right(await read_all(b, device()))


async def test_a_meter_without_the_long_reply_stays_silent_to_it_and_is_read_in_groups() -> None:
    m = meter(habits=Habits(all_in_one="silent"))
    async with bench([m]) as b:
        plan = b.protocol.prepare(device())
        for _ in range(3):
            reading = await b.protocol.read(b.stream, plan, Group.FAST)
            assert all(q == 0 for q in reading.qualities)
        asked = m.asked
        reading = await b.protocol.read(b.stream, plan, Group.FAST)
        assert all(q == 0 for q in reading.qualities)
        assert m.asked - asked == 7  # P, Q, S, U, I, power factor, f: the long one is no longer tried
        assert plan.cost(Group.FAST).transactions == 7


async def test_group_questions_are_used_where_long_replies_are_off() -> None:
    m = meter()
    async with bench([m]) as b:
        assert_all_right(await read_all(b, device(long_replies="off")))


@pytest.mark.parametrize(("profile", "d_protocol"), [("mercury-230", False), ("mercury-231", False), ("mercury-236", True)])
async def test_other_models(profile: str, d_protocol: bool) -> None:
    m = meter(d_protocol=d_protocol, habits=Habits(line_voltages=False, temperature=False))
    async with bench([m]) as b:
        fast, slow, _ = await read_all(b, device(profile=profile))
    assert values(fast)["active_power_l2"] == pytest.approx(PRIMARY["active_power_l2"])
    assert values(slow)["energy_import_t3"] == pytest.approx(PRIMARY["energy_import_t3"])
    assert (m.opened, m.denied) == (1, 0)


async def test_masked_values_are_no_value() -> None:
    m = meter(two_directions=False, values=lambda: replace(SECONDARY, angle=(None, None, None)))
    async with bench([m]) as b:
        _, slow, _ = await read_all(b, device())
    found, why = values(slow), qualities(slow)
    for tag in ("energy_export", "reactive_energy_export", "voltage_angle_l12", "voltage_angle_l23"):
        assert found[tag] is None
        assert why[tag] == Quality.NO_VALUE
    assert found["energy_import"] == pytest.approx(PRIMARY["energy_import"])


async def test_ratios_set_at_the_device_replace_the_meters_own() -> None:
    async with bench([meter(kn=1, kt=1)]) as b:
        readings = await read_all(b, device(ct_ratio=20, vt_ratio=2))
        assert_all_right(readings)


async def test_one_ratio_may_be_overridden() -> None:
    async with bench([meter(kt=1)]) as b:
        readings = await read_all(b, device(ct_ratio=KT))
        assert_all_right(readings)


async def test_without_ratios_no_value_is_guessed() -> None:
    async with bench([meter(kt=0)]) as b:
        fast = (await read_all(b, device()))[0]
    assert values(fast)["active_power"] is None
    assert qualities(fast)["active_power"] == Quality.NO_VALUE
    assert values(fast)["power_factor"] == pytest.approx(-0.951)


# ---- channel and passwords ----


@pytest.mark.parametrize(
    ("profile", "d_protocol", "password", "right", "denied"),
    [
        ("mercury-234", True, None, b"111111", 0), ("mercury-234", False, None, b"\1" * 6, 1),
        ("mercury-230", False, None, b"\1" * 6, 0), ("mercury-234", True, "s3cret", b"s3cret", 0),
        ("mercury-234", False, "hex:0a0b0c0d0e0f", bytes.fromhex("0a0b0c0d0e0f"), 0),
        ("mercury-234", False, "123456", b"\1\2\3\4\5\6", 1),
    ],
)  # fmt: skip
async def test_both_encodings(profile: str, d_protocol: bool, password: str | None, right: bytes, denied: int) -> None:
    m = meter(d_protocol=d_protocol, password_1=right)
    async with bench([m]) as b:
        of = device(profile=profile, password=password)
        await read_all(b, of)
        m._level = 0  # the channel closes by itself
        await read_all(b, of)
    assert (m.opened, m.denied) == (2, denied)  # the second time without trying


@pytest.mark.parametrize("how", ["status", "silence"])
async def test_a_wrong_password_is_said_once_and_not_hammered(how: str) -> None:
    m = meter(password_1=b"secret", habits=Habits(refusal="silence" if how == "silence" else "status"))
    async with bench([m]) as b:
        plan = b.protocol.prepare(device(password="111111"))
        if how == "silence":  # once is no proof
            with pytest.raises(DeviceUnreachable):
                await b.protocol.read(b.stream, plan, Group.FAST)
        with pytest.raises(AccessDenied, match="password") as caught:
            await b.protocol.read(b.stream, plan, Group.FAST)
        assert "111111" not in str(caught.value)
        asked = m.asked
        assert m.denied == (2 if how == "status" else 4)  # as characters and as digits
        for _ in range(5):
            with pytest.raises(AccessDenied):
                await b.protocol.read(b.stream, plan, Group.FAST)
        assert m.asked == asked
        corrected = b.protocol.prepare(device(password="secret"))  # another password is tried at once
        assert (await b.protocol.read(b.stream, corrected, Group.FAST)).qualities[0] == 0


async def test_the_channel_is_opened_again_after_it_closed() -> None:
    m = meter()
    async with bench([m]) as b:
        plan = b.protocol.prepare(device())
        await b.protocol.read(b.stream, plan, Group.FAST)
        b.clock.now += 239.0
        await b.protocol.read(b.stream, plan, Group.FAST)
        assert m.opened == 1
        b.clock.now += 241.0
        reading = await b.protocol.read(b.stream, plan, Group.FAST)
        assert m.opened == 2
        assert all(q == 0 for q in reading.qualities)


async def test_the_channel_is_opened_beforehand_when_it_must_have_closed() -> None:
    m = meter()
    async with bench([m]) as b:
        plan = b.protocol.prepare(device())
        await b.protocol.read(b.stream, plan, Group.FAST)
        assert plan.state.open_since_s is not None
        plan.state.open_since_s -= 236.0
        asked = m.asked
        await b.protocol.read(b.stream, plan, Group.FAST)
        assert m.asked - asked == 2  # open and read: no refused question first


async def test_a_fresh_connection_starts_from_nothing() -> None:
    m = meter()
    async with bench([m]) as b:
        plan = b.protocol.prepare(device())
        await b.protocol.read(b.stream, plan, Group.FAST)
        await b.reconnect()
        reading = await b.protocol.read(b.stream, plan, Group.FAST)
        assert all(q == 0 for q in reading.qualities)
        assert m.opened == 2


# ---- refusals ----


def one_point(query: str, item: str, quantity: Quantity, unit: str, group: Group = Group.FAST) -> Point:
    return Point(f"{query}_{item}", quantity, unit, MercuryPoint(query, item), group=group)


async def test_a_refused_point_leaves_the_others_and_is_believed_after_three_times() -> None:
    points = (one_point("instant", "u_l12", Quantity.VOLTAGE, "V"), one_point("instant", "f", Quantity.FREQUENCY, "Hz"))
    profile = Profile("p", {}, "", "mercury", "", "H", points)
    m = meter(habits=Habits(line_voltages=False))
    async with bench([m]) as b:
        plan = b.protocol.prepare(Device("d", "line", profile, 21))
        counts = []
        for _ in range(5):
            asked = m.asked
            reading = await b.protocol.read(b.stream, plan, Group.FAST)
            counts.append(m.asked - asked)
            assert list(reading.values) == [None, 50.04]
            assert list(reading.qualities) == [Quality.REFUSED, 0]
        assert counts == [4, 2, 2, 1, 1]  # serial number, open and two questions; then two; then one
        plan.state.refusals["u_line"].until_s = 0.0  # a day later
        m.habits = Habits(line_voltages=True)
        reading = await b.protocol.read(b.stream, plan, Group.FAST)
        assert list(reading.values) == [398.81, 50.04]


async def test_one_disturbed_answer_teaches_nothing() -> None:
    m = meter(habits=Habits(all_in_one="refused"))
    async with bench([m]) as b:
        plan = b.protocol.prepare(device())
        await b.protocol.read(b.stream, plan, Group.FAST)
        for _ in range(4):
            m.faults.set(Fault("bad_crc", times=2))
            reading = await b.protocol.read(b.stream, plan, Group.FAST)
            assert all(q == 0 for q in reading.qualities)
        assert set(plan.state.refusals) <= {"all"}


# ---- about itself ----


@pytest.mark.parametrize(
    ("options", "ahead", "expected"),
    [
        ({}, timedelta(hours=3, seconds=42), 42.0), ({}, timedelta(hours=5, minutes=45, seconds=-70), -70.0),
        ({"clock_timezone": "Europe/Moscow"}, timedelta(hours=3, minutes=20), 1200.0),
    ],
)
async def test_the_drift_of_the_clock(options: dict[str, object], ahead: timedelta, expected: float) -> None:
    m = meter(local_time=lambda: datetime.now(UTC) + ahead)
    async with bench([m]) as b:
        plan = b.protocol.prepare(device(**options))
        daily = await b.protocol.read(b.stream, plan, Group.DAILY)
    assert values(daily)["clock_drift"] == pytest.approx(expected, abs=0.8)


async def test_another_meter_at_the_address_is_noticed() -> None:
    m = meter()
    async with bench([m]) as b:
        plan = b.protocol.prepare(device())
        await b.protocol.read(b.stream, plan, Group.FAST)
        m.serial, m.kt, m._level = "41906467", 1, 0
        await b.reconnect()
        await b.protocol.read(b.stream, plan, Group.FAST)
        reading = await b.protocol.read(b.stream, plan, Group.FAST)
        assert values(reading)["current_l1"] == pytest.approx(4.501)


async def test_a_trace_shows_all_bytes_but_the_password() -> None:
    async with bench([meter(password_1=b"s3cret")]) as b:
        b.server.wire.echo = True
        trace = Trace()
        readings = await read_all(b, device(password="s3cret"), trace)
    sent = [frame for direction, _, frame in trace.frames if direction == "tx"]
    assert sent[0] == b"\x15\x08\x00" + crc16(b"\x15\x08\x00")
    assert any(frame[:3] == b"\x15\x01\x01" for frame in sent)
    assert not any(b"s3cret" in frame for _, _, frame in trace.frames)
    assert readings[0].raw["frequency"].split()[75:78] == ["00", "8C", "13"]
    assert readings[2].raw["serial_number"] == "26 27 37 15 0F 05 17"


async def test_probe_finds_meters_without_opening_a_channel() -> None:
    m = meter()
    async with bench([m]) as b:
        assert await b.protocol.probe(b.stream, 22) is None
        hit = await b.protocol.probe(b.stream, 21)
        assert hit is not None
        assert (hit.address, hit.protocol, hit.answer) == (21, "mercury", "serial 38395521, 2023-05-15")
        b.server.wire.echo = True
        assert await b.protocol.probe(b.stream, 22) is None
        assert await b.protocol.probe(b.stream, 21) is not None
        assert m.opened == 0


async def test_the_universal_address_reads_the_only_meter() -> None:
    async with bench([meter()]) as b:
        assert_all_right(await read_all(b, device(0)))


async def test_nobody_there() -> None:
    async with bench([meter()]) as b:
        plan = b.protocol.prepare(device(44))
        with pytest.raises(DeviceUnreachable):
            await b.protocol.read(b.stream, plan, Group.FAST)


# ---- compiling ----


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"where": MercuryPoint("instant", "p_l4")}, "no item 'p_l4' of instant; known: angle_12"),
        ({"where": MercuryPoint("power", "p_l1")}, "no query 'power'"), ({"unit": "kW"}, "comes in W"),
        ({"where": MercuryPoint("serial", "serial")}, "is a text"),
    ],
)
def test_a_wrong_point_is_named(changes: dict[str, object], message: str) -> None:
    point = replace(one_point("instant", "p_sum", Quantity.ACTIVE_POWER, "W"), **changes)  # type: ignore[arg-type]
    of = Device("d7", "line", Profile("odd", {}, "", "mercury", "", "H", (point,)), 21)
    with pytest.raises(ConfigError, match=message) as caught:
        MercuryProtocol().prepare(of)
    assert "d7" in str(caught.value)


@pytest.mark.parametrize(
    ("address", "password", "options"),
    [
        (None, None, {}), (241, None, {}), (21, "12345", {}), (21, "hex:0102", {}), (21, "hex:zz", {}),
        (21, "abcdef", {"password_encoding": "binary"}), (21, None, {"password_encoding": "utf"}), (21, None, {"ct_ratio": 0}),
        (21, None, {"clock_timezone": "Mars/Base"}), (21, None, {"timeout_multiplier": 1.5}), (21, "пароль", {}),
    ],
)
def test_wrong_settings_are_refused_without_repeating_the_password(
    address: int | None, password: str | None, options: dict[str, object]
) -> None:
    of = replace(device(21, password=password, **options), address=address)
    with pytest.raises(ConfigError) as caught:
        MercuryProtocol().prepare(of)
    assert password is None or password not in str(caught.value)
