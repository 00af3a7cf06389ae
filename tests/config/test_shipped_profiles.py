"""Every shipped Modbus profile against a table written anew from the makers' documents, decoded by the product's own decoder."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest

from config.profiles import ProfileCatalog, resolve
from data_collection.modbus.plan import Plan
from domain.plant import Device
from domain.profile import Group, ModbusPoint, Profile

CATALOG = ProfileCatalog.shipped()
SHIPPED = (
    "mercury-234-modbus", "owen-plc210", "owen-mv110-16dn", "eastron-sdm630", "carlo-gavazzi-em340", "janitza-umg96rm",
    "siemens-pac3200", "schneider-iem3000", "schneider-pm5100", "abb-b23", "chint-dtsu666",
)
CODE = {
    "int16": ">h", "uint16": ">H", "int32": ">i", "uint32": ">I", "int64": ">q", "uint64": ">Q", "float32": ">f", "float64": ">d",
}


@dataclass(frozen=True)
class Row:
    """Registers from the 0-based `address`; canonical value = raw * factor."""

    tag: str
    table: str
    address: int
    type: str
    factor: float
    order: str = "ABCD"


def three(tag: str, addresses: Sequence[int], *rest: object, table: str, order: str = "ABCD") -> Iterator[Row]:
    kind, factor = rest
    for phase, address in zip((1, 2, 3), addresses, strict=True):
        yield Row(f"{tag}_l{phase}", table, address, str(kind), float(str(factor)), order)


def lines(tag: str, addresses: Sequence[int], kind: str, factor: float, *, table: str, order: str = "ABCD") -> Iterator[Row]:
    for pair, address in zip((12, 23, 31), addresses, strict=True):
        yield Row(f"{tag}_l{pair}", table, address, kind, factor, order)


def sdm630() -> list[Row]:
    f, t = "float32", "input"
    return [
        *three("voltage", (0, 2, 4), f, 1, table=t), *three("current", (6, 8, 10), f, 1, table=t),
        *three("active_power", (12, 14, 16), f, 1e-3, table=t), *three("apparent_power", (18, 20, 22), f, 1e-3, table=t),
        *three("reactive_power", (24, 26, 28), f, 1e-3, table=t), *three("power_factor", (30, 32, 34), f, 1, table=t),
        Row("active_power", t, 52, f, 1e-3), Row("apparent_power", t, 56, f, 1e-3), Row("reactive_power", t, 60, f, 1e-3),
        Row("power_factor", t, 62, f, 1), Row("phase_angle", t, 66, f, 1), Row("frequency", t, 70, f, 1),
        Row("energy_import", t, 72, f, 1), Row("energy_export", t, 74, f, 1),
        Row("reactive_energy_import", t, 76, f, 1), Row("reactive_energy_export", t, 78, f, 1),
        *lines("voltage", (200, 202, 204), f, 1, table=t), Row("current_n", t, 224, f, 1),
        *three("thd_voltage", (234, 236, 238), f, 1, table=t), *three("energy_import", (346, 348, 350), f, 1, table=t),
        *three("energy_export", (352, 354, 356), f, 1, table=t),
    ]


def em340() -> list[Row]:
    t, o = "holding", "CDAB"

    def row(tag: str, address: int, divide: float, kind: str = "int32", kilo: bool = False) -> Row:
        return Row(tag, t, address, kind, (1e-3 if kilo else 1.0) / divide, o)

    return [
        *three("voltage", (0, 2, 4), "int32", 0.1, table=t, order=o),
        *lines("voltage", (6, 8, 10), "int32", 0.1, table=t, order=o),
        *three("current", (12, 14, 16), "int32", 1e-3, table=t, order=o),
        *three("active_power", (18, 20, 22), "int32", 1e-4, table=t, order=o),
        *three("apparent_power", (24, 26, 28), "int32", 1e-4, table=t, order=o),
        *three("reactive_power", (30, 32, 34), "int32", 1e-4, table=t, order=o),
        row("active_power", 40, 10, kilo=True), row("apparent_power", 42, 10, kilo=True),
        row("reactive_power", 44, 10, kilo=True),
        *three("power_factor", (46, 47, 48), "int16", 1e-3, table=t), row("power_factor", 49, 1000, "int16"),
        row("phase_sequence", 50, 1, "int16"), row("frequency", 51, 10, "int16"),
        row("energy_import", 52, 10), row("energy_export", 78, 10),
        row("reactive_energy_import", 54, 10), row("reactive_energy_export", 80, 10),
        *three("energy_import", (64, 66, 68), "int32", 0.1, table=t, order=o),
    ]


def umg96rm() -> list[Row]:
    f, t, b = "float32", "holding", 19000
    return [
        *three("voltage", (b, b + 2, b + 4), f, 1, table=t), *lines("voltage", (b + 6, b + 8, b + 10), f, 1, table=t),
        *three("current", (b + 12, b + 14, b + 16), f, 1, table=t), Row("current_n", t, b + 18, f, 1),
        *three("active_power", (b + 20, b + 22, b + 24), f, 1e-3, table=t), Row("active_power", t, b + 26, f, 1e-3),
        *three("apparent_power", (b + 28, b + 30, b + 32), f, 1e-3, table=t), Row("apparent_power", t, b + 34, f, 1e-3),
        *three("reactive_power", (b + 36, b + 38, b + 40), f, 1e-3, table=t), Row("reactive_power", t, b + 42, f, 1e-3),
        *three("cos_phi", (b + 44, b + 46, b + 48), f, 1, table=t), Row("frequency", t, b + 50, f, 1),
        Row("phase_sequence", t, b + 52, f, 1), *three("energy_import", (b + 62, b + 64, b + 66), f, 1e-3, table=t),
        Row("energy_import", t, b + 68, f, 1e-3), *three("energy_export", (b + 70, b + 72, b + 74), f, 1e-3, table=t),
        Row("energy_export", t, b + 76, f, 1e-3), Row("reactive_energy_import", t, b + 92, f, 1e-3),
        *three("thd_voltage", (b + 110, b + 112, b + 114), f, 1, table=t),
        *three("thd_current", (b + 116, b + 118, b + 120), f, 1, table=t),
    ]


def pac3200() -> list[Row]:
    f, d, t = "float32", "float64", "holding"
    energies = ("energy_import", "energy_export", "reactive_energy_import", "reactive_energy_export")
    return [
        *three("voltage", (1, 3, 5), f, 1, table=t), *lines("voltage", (7, 9, 11), f, 1, table=t),
        *three("current", (13, 15, 17), f, 1, table=t), *three("apparent_power", (19, 21, 23), f, 1e-3, table=t),
        *three("active_power", (25, 27, 29), f, 1e-3, table=t), *three("reactive_power", (31, 33, 35), f, 1e-3, table=t),
        *three("power_factor", (37, 39, 41), f, 1, table=t), Row("frequency", t, 55, f, 1),
        Row("apparent_power", t, 63, f, 1e-3), Row("active_power", t, 65, f, 1e-3), Row("reactive_power", t, 67, f, 1e-3),
        Row("power_factor", t, 69, f, 1),
        *(Row(tag, t, 801 + 8 * n, d, 1e-3) for n, tag in enumerate(energies)),
        *(Row(f"{tag}_t2", t, 805 + 8 * n, d, 1e-3) for n, tag in enumerate(energies)),
    ]


def schneider() -> list[Row]:
    f, q, t = "float32", "int64", "holding"
    return [
        *three("current", (2999, 3001, 3003), f, 1, table=t), *lines("voltage", (3019, 3021, 3023), f, 1, table=t),
        *three("voltage", (3027, 3029, 3031), f, 1, table=t), *three("active_power", (3053, 3055, 3057), f, 1, table=t),
        Row("active_power", t, 3059, f, 1), Row("reactive_power", t, 3067, f, 1), Row("apparent_power", t, 3075, f, 1),
        Row("frequency", t, 3109, f, 1), Row("energy_import", t, 3203, q, 1e-3), Row("energy_export", t, 3207, q, 1e-3),
        Row("reactive_energy_import", t, 3219, q, 1e-3), Row("reactive_energy_export", t, 3223, q, 1e-3),
    ]


def iem3000() -> list[Row]:
    t = "holding"
    return [
        *schneider(), Row("power_factor", t, 3083, "float32", 1),
        *three("energy_import", (3517, 3521, 3525), "int64", 1e-3, table=t),
    ]


def pm5100() -> list[Row]:
    t = "holding"
    return [
        *schneider(), Row("apparent_energy_import", t, 3235, "int64", 1), Row("apparent_energy_export", t, 3239, "int64", 1),
    ]


def abb() -> list[Row]:
    t = "holding"
    powers = (("active_power", 0x5B14), ("reactive_power", 0x5B1C), ("apparent_power", 0x5B24))
    return [
        Row("energy_import", t, 0x5000, "uint64", 0.01), Row("energy_export", t, 0x5004, "uint64", 0.01),
        *three("energy_import", (0x5460, 0x5464, 0x5468), "uint64", 0.01, table=t),
        *three("energy_export", (0x546C, 0x5470, 0x5474), "uint64", 0.01, table=t),
        *three("voltage", (0x5B00, 0x5B02, 0x5B04), "uint32", 0.1, table=t),
        *lines("voltage", (0x5B06, 0x5B08, 0x5B0A), "uint32", 0.1, table=t),
        *three("current", (0x5B0C, 0x5B0E, 0x5B10), "uint32", 0.01, table=t),
        *(Row(tag, t, first, "int32", 1e-5) for tag, first in powers),
        *(row for tag, first in powers for row in three(tag, (first + 2, first + 4, first + 6), "int32", 1e-5, table=t)),
        Row("frequency", t, 0x5B2C, "uint16", 0.01), Row("power_factor", t, 0x5B3A, "int16", 1e-3),
        *three("power_factor", (0x5B3B, 0x5B3C, 0x5B3D), "int16", 1e-3, table=t),
    ]


def dtsu666() -> list[Row]:
    f, t = "float32", "holding"
    return [
        *three("voltage", (0x2006, 0x2008, 0x200A), f, 0.1, table=t),
        *three("current", (0x200C, 0x200E, 0x2010), f, 1e-3, table=t),
        Row("active_power", t, 0x2012, f, 1e-4), *three("active_power", (0x2014, 0x2016, 0x2018), f, 1e-4, table=t),
        Row("reactive_power", t, 0x201A, f, 1e-4), *three("reactive_power", (0x201C, 0x201E, 0x2020), f, 1e-4, table=t),
        Row("power_factor", t, 0x202A, f, 1e-3), *three("power_factor", (0x202C, 0x202E, 0x2030), f, 1e-3, table=t),
        Row("frequency", t, 0x2044, f, 0.01),
        Row("energy_import", t, 0x101E, f, 1), *three("energy_import", (0x1020, 0x1022, 0x1024), f, 1, table=t),
        Row("energy_export", t, 0x1028, f, 1), *three("energy_export", (0x102A, 0x102C, 0x102E), f, 1, table=t),
    ]


def mv110() -> list[Row]:
    return [Row(f"counter_{n + 1}", "holding", 64 + n, "uint16", 1) for n in range(16)]


TABLES = {
    "eastron-sdm630": sdm630(), "carlo-gavazzi-em340": em340(), "janitza-umg96rm": umg96rm(), "siemens-pac3200": pac3200(),
    "schneider-iem3000": iem3000(), "schneider-pm5100": pm5100(), "abb-b23": abb(), "chint-dtsu666": dtsu666(),
    "owen-mv110-16dn": mv110(),
}


def wire_bytes(row: Row, raw: float) -> bytes:
    code = CODE[row.type]
    data = struct.pack(code, raw if code in {">f", ">d"} else int(raw))
    words = [data[i : i + 2] for i in range(0, len(data), 2)]
    return b"".join(words[::-1] if row.order == "CDAB" else words)


def registers(rows: Sequence[Row], raws: Sequence[float]) -> dict[str, dict[int, bytes]]:
    """The device's memory as the maker's document describes it: two bytes an address."""
    image: dict[str, dict[int, bytes]] = {}
    for row, raw in zip(rows, raws, strict=True):
        data = wire_bytes(row, raw)
        for i in range(0, len(data), 2):
            place = image.setdefault(row.table, {})
            assert row.address + i // 2 not in place, f"{row.tag} overlaps in the test's own table"
            place[row.address + i // 2] = data[i : i + 2]
    return image


def read_all(profile: Profile, image: dict[str, dict[int, bytes]]) -> dict[str, float | None]:
    """What the product reads out of that memory; addresses nobody described hold FFFFh."""
    plan = Plan(Device("d", "l", profile, 1))
    found: dict[str, float | None] = {}
    for group in Group:
        for block in plan.groups[group].blocks:
            request = block.request
            table = {3: "holding", 4: "input"}[request.function]
            data = b"".join(image.get(table, {}).get(request.address + i, b"\xff\xff") for i in range(request.count))
            values, _ = block.decode(data)
            found |= dict(zip(block.names, values, strict=True))
    return found


def test_all_shipped_profiles_load_without_problem() -> None:
    assert CATALOG.problems == ()
    assert set(SHIPPED) <= set(CATALOG.names())


@pytest.mark.parametrize("name", TABLES)
def test_each_value_lies_where_the_maker_says(name: str) -> None:
    rows = TABLES[name]
    raws = [101.0 + 3 * n if n % 3 else -(105.0 + n) if row.type.startswith(("int", "float")) else 107.0 + n
            for n, row in enumerate(rows)]  # fmt: skip
    profile = CATALOG.get(name)
    values = read_all(profile, registers(rows, raws))
    others = {tag for tag in values if not tag.startswith("di_")} - {row.tag for row in rows}
    assert others == set(), "points that the table does not know"
    for row, raw in zip(rows, raws, strict=True):
        assert values[row.tag] == pytest.approx(raw * row.factor, rel=1e-6), row


@pytest.mark.parametrize("name", SHIPPED)
def test_each_profile_tells_source_vendor_and_titles(name: str) -> None:
    profile = CATALOG.get(name)
    assert profile.source
    assert profile.vendor
    assert profile.confidence in {"H", "M", "L"}
    assert profile.title["ru"]
    assert profile.title["en"]
    assert profile.protocol == "modbus"


@pytest.mark.parametrize("name", SHIPPED)
def test_energy_is_slow_and_power_is_fast(name: str) -> None:
    for point in CATALOG.get(name).points:
        if "energy" in point.quantity.value:
            assert point.group is Group.SLOW, point.tag
        if "power" in point.quantity.value or point.quantity.value == "count":
            assert point.group is Group.FAST, point.tag


def test_worked_values_of_the_documents() -> None:
    """SDM630: U_L1 230.2 V is 4366 3333h at 0. EM340: 2301 tenths of a volt, low word first. iEM3000: 64-bit Wh."""
    sdm = read_all(CATALOG.get("eastron-sdm630"), {"input": {0: b"\x43\x66", 1: b"\x33\x33"}})
    assert sdm["voltage_l1"] == pytest.approx(230.2)
    em = read_all(CATALOG.get("carlo-gavazzi-em340"), {"holding": {0: b"\x08\xfd", 1: b"\0\0", 51: b"\x01\xf4"}})
    assert em["voltage_l1"] == pytest.approx(230.1)
    assert em["frequency"] == pytest.approx(50.0)
    memory = dict(enumerate([b"\0\0", b"\0\0", b"\0\x01", b"\xe2\x40"], 3203))
    wh = read_all(CATALOG.get("schneider-iem3000"), {"holding": memory})
    assert wh["energy_import"] == pytest.approx(123.456)


def test_mv110_mask_and_counters_of_the_worked_frames() -> None:
    """Mask 8005h: inputs 1, 3 and 16; counters 65534, 3, 0 ..."""
    profile = CATALOG.get("owen-mv110-16dn")
    memory = {51: b"\x80\x05", 64: b"\xff\xfe", 65: b"\0\x03"} | dict.fromkeys(range(66, 80), b"\0\0")
    values = read_all(profile, {"holding": memory})
    assert [n for n in range(1, 17) if values[f"di_{n}"]] == [1, 3, 16]
    assert values["counter_1"] == 65534
    assert values["counter_2"] == 3
    assert {profile.point(f"counter_{n}").wrap_at for n in range(1, 17)} == {65536.0}


def test_mv110_is_never_read_over_its_hole() -> None:
    plan = Plan(Device("d", "l", CATALOG.get("owen-mv110-16dn"), 16))
    reads = [(b.request.address, b.request.count) for b in plan.groups[Group.FAST].blocks]
    assert reads == [(51, 1), (64, 16)]


@pytest.mark.parametrize(("name", "limit"), [("eastron-sdm630", 60), ("carlo-gavazzi-em340", 20)])
def test_reads_stay_within_the_makers_limit(name: str, limit: int) -> None:
    plan = Plan(Device("d", "l", CATALOG.get(name), 1))
    assert max(b.request.count for group in Group for b in plan.groups[group].blocks) <= limit


def test_missing_values_are_no_numbers() -> None:
    """EM340 overflow 7FFFFFFFh (low word first FFFF 7FFF), ABB all FF and 7F FF."""
    em = read_all(CATALOG.get("carlo-gavazzi-em340"), {"holding": {40: b"\xff\xff", 41: b"\x7f\xff"}})
    assert em["active_power"] is None
    b23 = read_all(CATALOG.get("abb-b23"), {"holding": {0x5B14: b"\x7f\xff", 0x5B15: b"\xff\xff"}})
    assert b23["voltage_l1"] is None
    assert b23["energy_import"] is None
    assert b23["active_power"] is None


def test_the_mercury_map_is_never_presented_as_the_makers() -> None:
    profile = CATALOG.get("mercury-234-modbus")
    assert profile.confidence == "L"
    assert "not a register map of the maker" in profile.notes["en"]
    assert "не карта регистров завода-изготовителя" in profile.notes["ru"]


def test_the_mercury_map_follows_its_parameters() -> None:
    order = ["frequency", 2, "active_power", "energy_import"]
    profile = resolve(
        CATALOG.get("mercury-234-modbus"),
        {"base_address": 40, "word_order": "little", "order": order, "power_unit": "kW", "energy_unit": "Wh", "table": "input"},
    )
    low_first = [struct.pack(">f", v) for v in (50.01, 7.25, 123456.0)]
    words = [w for data in low_first for w in (data[2:], data[:2])]
    memory = dict(zip((40, 41, 44, 45, 46, 47), words, strict=True))
    values = read_all(profile, {"input": memory})
    assert set(values) == {"frequency", "active_power", "energy_import"}
    assert values["frequency"] == pytest.approx(50.01)
    assert values["active_power"] == pytest.approx(7.25)
    assert values["energy_import"] == pytest.approx(123.456)


def test_plc210_defaults_to_low_word_first() -> None:
    """50.01 is 0A3D 4248 when the low word comes first."""
    profile = CATALOG.get("owen-plc210")
    where = profile.point("frequency").where
    assert isinstance(where, ModbusPoint)
    values = read_all(profile, {"holding": {where.address: b"\x0a\x3d", where.address + 1: b"\x42\x48"}})
    assert values["frequency"] == pytest.approx(50.01)
