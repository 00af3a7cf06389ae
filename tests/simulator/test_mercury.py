"""The simulated meter against the maker's own frames and rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest

from simulator.mercury import Habits, MercuryMeter, default_address
from simulator.mercury_values import MeterValues
from simulator.modbus_rtu import crc16

VALUES = MeterValues(
    p=(7123.45, 2400.11, 2360.01, 2363.33), q=(2100.22, 700.1, 700.06, 700.06), s=(7426.6, 2500.13, 2461.65, 2464.82),
    pf=(0.959, 0.96, 0.958, 0.959), u=(231.07, 229.84, 232.51), i=(10.82, 10.71, 10.601), f=50.01, angle=(120.1, 239.9, 119.8),
    thd_u=(1.5, 1.6, 1.7), temperature=31.0, u_line=(399.01, 398.02, 400.03),
    energy={0: (3196200.0, 11.0, 300444.0, 12.0), 1: (1.0, 2.0, 3.0, 4.0), 2: (5.0, 6.0, 7.0, 8.0)},
    energy_phase=(3196201.0, 3145769.0, 300445.0),
)  # fmt: skip


def meter(address: int = 0x11, **more: Any) -> MercuryMeter:
    given: dict[str, Any] = {"values": lambda: VALUES, **more}
    return MercuryMeter(
        address, given.pop("serial", "41906467"), given.pop("values"), lambda: datetime(2008, 2, 27, 16, 14, 43),  # noqa: DTZ001
        **given,
    )  # fmt: skip


def ask(m: MercuryMeter, body: str, now_s: float = 0.0, address: int | None = None) -> str | None:
    """A request without address and check sum, as hex; the reply's data as hex, None for silence."""
    frame = bytes((m.address if address is None else address,)) + bytes.fromhex(body)
    reply = m.feed(frame + crc16(frame), now_s)
    if reply is None:
        return None
    assert crc16(reply[:-2]) == reply[-2:]
    return reply[1:-2].hex(" ").upper()


def opened(address: int = 0x11, **more: Any) -> MercuryMeter:
    m = meter(address, **more)
    assert ask(m, "01 01" + m.password_1.hex()) == "00"
    return m


NOT_OPEN, NOT_ALLOWED, LEVEL = "05", "01", "03"


@pytest.mark.parametrize(
    ("request_body", "reply", "changes"),
    [  # all from the maker's description or from recordings of real meters
        ("08 16 11", "00 43 5A 00 C8 59 00 D3 5A", {}),
        ("08 16 21", "00 A0 11 00 00 00 00 93 0F", {"i": (4.512, 0.0, 3.987)}),
        ("08 16 04", "42 19 53 40 79 CC 00 60 EA 40 40 9C", {"q": (-1523.45, -523.45, 600.0, -400.0)}),
        ("08 16 51", "FF FF FF FF FF FF FF FF FF", {"angle": (None, None, None)}),
        ("08 16 00", "0B 00 3B 0B 00 3B 00 00 00 80 D2 04", {"p": (7360.0, 7360.0, 0.0, -12.34)}),
        ("08 16 40", "00 8B 13", {"f": 50.03}),
        ("08 11 40", "00 87 13", {"f": 49.99}), ("08 11 11", "00 5B 56", {"u": (221.07, 1.0, 2.0)}),
        ("08 11 61", "C9 00", {"thd_u": (2.01, 0.0, 0.0)}), ("08 11 70", "00 18", {"temperature": 24.0}),
        ("08 11 01", "C8 87 70", {"p": (0.0, -5530.95, 0.0, 0.0), "q": (0.0, -5530.95, 0.0, 0.0)}),
        ("08 11 23", "00 66 00", {"i": (0.0, 0.0, 0.102)}),
        ("05 60 00", "30 00 29 C5 30 00 29 00 04 00 9D 95", {}), ("08 00", "29 5A 40 43 16 06 14", {}),
        ("04 00", "43 14 16 03 27 02 08 01", {}), ("08 02", "00 01 00 01", {}), ("08 05", "00 11", {}),
    ],
)  # fmt: skip
def test_its_bytes_are_the_makers(request_body: str, reply: str, changes: dict[str, Any]) -> None:
    values = replace(VALUES, **changes)
    if "q" not in changes:
        values = replace(values, q=(0.0, 0.0, 0.0, 0.0))
    m = opened(values=lambda: values, made=date(2020, 6, 22))
    assert ask(m, request_body) == reply


def test_the_long_reply_is_the_makers() -> None:
    assert ask(opened(), "08 16 A0") == (
        "0A 99 DE 03 8B A9 03 E1 99 03 2D 9B 03 66 34 01 7A 11 01 76 11 01 76 11 0B 04 55 03 9D D0 03 95 C1 03 D2 C2"
        " 00 43 5A 00 C8 59 00 D3 5A 00 EA 2E 00 B6 5D 00 CC 2E 00 44 2A 00 D6 29 00 69 29 00 BF 03 00 C0 03 00 BE 03 00 BF 03"
        " 00 89 13 96 00 A0 00 AA 00 00 1F"
    )


def test_masked_energy_of_a_meter_for_one_direction() -> None:
    m = opened(two_directions=False)
    assert ask(m, "05 00 00") == "30 00 28 C5 FF FF FF FF 04 00 9C 95 FF FF FF FF"


def test_error_flags() -> None:
    assert ask(opened(errors=frozenset({3})), "08 0A") == "00 00 00 00 04 00"
    assert ask(opened(errors=frozenset({17, 48})), "08 0A") == "00 80 01 00 00 00"


@pytest.mark.parametrize(
    "frame",
    [
        b"", b"\x11", b"\x11\x00\x00\x00", b"\x12\x00" + crc16(b"\x12\x00"), b"\x11\x00\x00" + crc16(b"\x11\x00\x00"),
        b"\x11\x08\x16" + crc16(b"\x11\x08\x16")[:1], b"\x11\x05\x00" + crc16(b"\x11\x05\x00"),
        b"\xfe\x08\x00" + crc16(b"\xfe\x08\x00"), b"\x00\x03\x08" + crc16(b"\x00\x03\x08"),
        b"\x11\x01\x0111111" + crc16(b"\x11\x01\x0111111"),
    ],
    ids=["nothing", "a byte", "bad sum", "foreign", "too long", "cut", "too short", "broadcast", "write to 0", "short password"],
)  # fmt: skip
def test_it_is_silent_where_a_meter_is(frame: bytes) -> None:
    assert opened().feed(frame, 0.0) is None


def test_a_closed_channel_answers_link_test_and_serial_only() -> None:
    m = meter()
    assert ask(m, "00") == "00"
    assert ask(m, "08 00", address=0) is not None
    for body in ("08 16 00", "05 00 00", "08 02", "04 00", "18 03 01 02 19 00"):
        assert ask(m, body) == NOT_OPEN


def test_the_channel_closes_240_s_after_the_last_valid_request() -> None:
    m = meter()
    assert ask(m, "01 01 31 31 31 31 31 31", 0.0) == "00"
    assert ask(m, "08 02", 239.0) == "00 01 00 01"
    assert m.feed(b"\x11\x08\x02\x00\x00", 300.0) is None  # damaged: does not count
    assert ask(m, "08 02", 478.0) == "00 01 00 01"
    assert ask(m, "08 02", 718.5) == NOT_OPEN
    assert ask(m, "02", 719.0) == NOT_OPEN


def test_passwords_by_index_d() -> None:
    with_d, without = meter(), meter(d_protocol=False)
    assert ask(with_d, "01 01 01 01 01 01 01 01") == LEVEL
    assert ask(without, "01 01 31 31 31 31 31 31") == LEVEL
    assert ask(without, "01 01 01 01 01 01 01 01") == "00"
    assert ask(meter(habits=Habits(refusal="silence")), "01 01 39 39 39 39 39 39") is None
    assert (with_d.denied, with_d.opened) == (1, 0)


def test_addresses_from_the_factory() -> None:
    numbers = ("38395190", "38395790", "38395700", "38395507")
    assert [default_address(n, d_protocol=False) for n in numbers] == [190, 90, 1, 7]
    assert [default_address(n, d_protocol=True) for n in numbers] == [90, 90, 20, 17]
    with pytest.raises(ValueError, match="17 to 124"):
        meter(190)
    assert meter(190, d_protocol=False).address == 190


def test_firmware_differs() -> None:
    assert len((ask(opened(habits=Habits(power_factor=9)), "08 16 31") or "").split()) == 9
    assert len((ask(opened(), "08 16 31") or "").split()) == 12
    assert len((ask(opened(habits=Habits(all_in_one="95")), "08 16 A0") or "").split()) == 95
    assert ask(opened(habits=Habits(all_in_one="refused")), "08 16 A0") == NOT_ALLOWED
    assert ask(opened(habits=Habits(all_in_one="silent")), "08 16 A0") is None
    kept = {(3, 2): (1.0, 2.0, 3.0, 4.0)}
    assert ask(opened(snapshots=kept), "18 03 01 02 19 00") == "00 00 01 00 00 00 02 00 00 00 03 00 00 00 04 00"
    assert ask(opened(habits=Habits(snapshots="refused")), "18 03 01 02 19 00") == NOT_ALLOWED
    assert ask(opened(habits=Habits(snapshots="silent")), "18 03 01 02 19 00") is None


def test_the_mode_that_repeats_the_command() -> None:
    m = meter(habits=Habits(repeats_command=True))
    assert ask(m, "00") == "00 80"
    assert ask(m, "08 02") == "08 05"
    assert ask(m, "01 01 31 31 31 31 31 31") == "01 00"
    assert ask(m, "08 02") == "08 00 00 01 00 01"


def test_energy_by_tariff() -> None:
    m = opened()
    assert ask(m, "05 00 02") == "00 00 05 00 00 00 06 00 00 00 07 00 00 00 08 00"
    accelerated = (ask(m, "05 00 06") or "").split()
    assert len(accelerated) == 80
    assert accelerated[:16] == ["00", "00", "01", "00", "00", "00", "02", "00", "00", "00", "03", "00", "00", "00", "04", "00"]
    assert accelerated[64:] == (ask(m, "05 00 00") or "").split()
    assert ask(opened(habits=Habits(accelerated=False)), "05 00 06") == NOT_ALLOWED
    assert ask(m, "05 31 00") == NOT_ALLOWED


def test_a_fix_by_broadcast_holds_one_instant() -> None:
    now = [VALUES]
    m = opened(values=lambda: now[0])
    assert ask(m, "08 14 11") == NOT_ALLOWED
    assert ask(m, "03 08", address=0xFE) is None
    before = ask(m, "08 16 11")
    now[0] = replace(VALUES, u=(1.0, 2.0, 3.0))
    assert ask(m, "08 14 11") == before != ask(m, "08 16 11")
    assert len((ask(m, "08 14 A0") or "").split()) == 178
    assert ask(m, "08 14 E0") == "43 14 16 03 27 02 08 01"


def test_fixed_power_has_four_bytes() -> None:
    m = opened(values=lambda: replace(VALUES, s=(107.27, 107.27, 0.0, 0.0), p=(0.0,) * 4, q=(-1.0, -1.0, 0.0, 0.0)))
    assert ask(m, "03 08") == "00"
    assert ask(m, "08 14 08") == "00 40 E7 29 00 40 E7 29 00 00 00 00 00 00 00 00"


def test_who_writes_is_written_down() -> None:
    m = opened()
    assert ask(m, "03 05 40") == LEVEL
    assert m.writes == [b"\x05\x40"]


def test_values_from_primary_tags() -> None:
    tags = {"active_power": 12.0, "active_power_l2": -4.0, "voltage_l1": 460.0, "current_l3": 40.0, "energy_import": 1000.5}
    found = MeterValues.from_tags(tags, kn=2, kt=20)
    assert (found.p[0], found.p[2]) == (300.0, -100.0)
    assert (found.u[0], found.i[2]) == (230.0, 2.0)
    assert found.energy[0][0] == pytest.approx(25012.5)
    assert MeterValues.from_tags({"voltage_l2": None}).u[1] is None
