"""The register map: where everything lies, what is written there, and that growth moves nothing."""

from __future__ import annotations

import itertools
import math
import struct
import tomllib
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_transfer.modbus import layout
from data_transfer.modbus.layout import HEADER, MACHINE, MACHINE_DIRECTORY, MACHINES, TAG, TAG_DIRECTORY, TAGS
from data_transfer.modbus.protocol import Answers
from data_transfer.modbus.registers import Registers
from domain.plant import Device, Machine, Plant, Site, Tag
from domain.product import VERSION
from domain.profile import Profile
from domain.quality import Quality
from domain.quantity import Quantity
from domain.sample import Batch, TagId
from domain.served import Block, MachineFigures
from domain.state import MachineState
from tests.conftest import ROOT

NOW = 1_763_548_800_000_000
POWER = Tag(TagId(11), "m1.active_power", "m1", "active_power", Quantity.ACTIVE_POWER, "kW")
ENERGY = Tag(TagId(12), "m1.energy_import", "m1", "energy_import", Quantity.ENERGY_IMPORT, "kWh")
TAG_LIST = (POWER, ENERGY)
PROFILE = Profile("p", {}, "", "modbus", "", "L", ())
PLANT = Plant(
    Site("Цех №1"), devices=(Device("m1", "tcp1", PROFILE),), machines=(Machine("lathe-1", "16К20", "Turning", "m1"),)
)
BLOCKS = (Block(MACHINE, 0, "lathe-1"), Block(TAG, 0, POWER.name), Block(TAG, 1, ENERGY.name))


def registers(blocks: tuple[Block, ...] = BLOCKS, plant: Plant = PLANT, tags: tuple[Tag, ...] = TAG_LIST) -> Registers:
    made = Registers("1.2.3")
    made.apply(blocks, plant, tags, 0, NOW)
    return made


def words(found: bytes | None) -> bytes:
    assert found is not None
    return found


def tag_block(made: Registers, number: int, now_us: int = NOW) -> tuple[float, int, int, int, int]:
    value, scaled, quality, age, decimals, _ = layout.TAG_BLOCK.unpack(words(made.read(TAGS.address(number), 8, now_us)))
    return value, scaled, quality, age, decimals


def test_the_version_told_is_that_of_the_project() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == VERSION


def test_areas_do_not_touch_and_fields_fill_their_blocks_without_overlap() -> None:
    areas = sorted((HEADER, MACHINES, TAGS, MACHINE_DIRECTORY, TAG_DIRECTORY), key=lambda area: area.start)
    for area, after in itertools.pairwise(areas):
        assert area.start + area.size * area.room <= after.start
    assert areas[-1].start + areas[-1].size * areas[-1].room <= 65536
    for area in areas:
        taken = [register for field in area.fields for register in range(field.offset, field.offset + field.count)]
        assert len(taken) == len(set(taken))
        assert max(taken) < area.size
    assert (layout.MACHINE_BLOCK.size, layout.TAG_BLOCK.size) == (MACHINES.size * 2, TAGS.size * 2)


def test_every_quantity_that_has_numbers_has_its_decimals() -> None:
    assert set(layout.DECIMALS) == set(Quantity) - {Quantity.TEXT}


def test_the_header_says_where_everything_is() -> None:
    made = registers()
    header = words(made.read(0, 100, NOW + 5_000_000))
    assert header[:4] == b"EMON"
    assert struct.unpack_from(">12H", header, 4) == (1, 100, 1, 2, 1000, 20, 5000, 8, 20000, 40, 28000, 24)
    assert struct.unpack_from(">QI", header, 32) == ((NOW + 5_000_000) // 1000, (NOW + 5_000_000) // 1_000_000)
    assert header[48:80].rstrip(b"\0") == b"1.2.3"
    assert header[80:144].rstrip(b"\0").decode() == "Цех №1"
    assert struct.unpack_from(">2H", header, 28) == (0, 1)
    made.tick([], NOW)
    assert struct.unpack_from(">H", words(made.read(14, 1, NOW))) == (1,)


def test_the_directories_name_machines_and_tags() -> None:
    made = registers()
    entry = words(made.read(MACHINE_DIRECTORY.start, 40, NOW))
    assert (entry[:32].rstrip(b"\0"), entry[32:].rstrip(b"\0").decode()) == (b"lathe-1", "16К20")
    entry = words(made.read(TAG_DIRECTORY.start, 24, NOW))
    assert (entry[:40].rstrip(b"\0"), entry[40:46].rstrip(b"\0"), entry[46:]) == (b"m1.active_power", b"kW", b"\0\0")


def test_a_tag_is_never_read_then_has_a_value_then_none_with_its_reason() -> None:
    made = registers()
    value, scaled, quality, age, decimals = tag_block(made, 0)
    assert math.isnan(value)
    assert (scaled, quality, age, decimals) == (layout.NO_INT32, layout.NOT_READ, layout.NEVER_S, 3)
    made.on_batch(Batch("m1", NOW, (POWER.id, ENERGY.id), [0.0, 1234.56], [0, int(Quality.SPIKE)]))
    assert tag_block(made, 0) == (0.0, 0, 0, 0, 3)  # nothing is not zero, and zero is a value
    assert tag_block(made, 1)[1:] == (123456, int(Quality.SPIKE), 0, 2)
    made.tick([], NOW + 7_900_000)
    assert tag_block(made, 0)[3] == 7
    made.on_batch(Batch("m1", NOW + 8_000_000, (POWER.id, ENERGY.id), [None, None], [int(Quality.TIMEOUT)] * 2))
    value, scaled, quality, _, _ = tag_block(made, 0)
    assert math.isnan(value)
    assert (scaled, quality) == (layout.NO_INT32, int(Quality.TIMEOUT))


def test_a_machine_shows_state_power_shift_and_counter() -> None:
    made = registers()
    made.on_batch(Batch("m1", NOW, (POWER.id, ENERGY.id), [11.5, 98_765.4321], [0, 0]))
    made.tick([MachineFigures("lathe-1", MachineState.PRODUCTION, NOW - 60_000_000, 11.5, 0, 42.25)], NOW + 2_000_000)
    block = words(made.read(MACHINES.start, 20, NOW))
    state, quality, power, power_int, shift, shift_int, counter, counter_int, age, _, since = layout.MACHINE_BLOCK.unpack(block)
    assert (state, quality, power, power_int, shift, shift_int) == (3, 0, 11.5, 11500, 42.25, 4225)
    assert counter == pytest.approx(98_765.4321, rel=1e-6)
    assert (counter_int, age, since) == (98_765_432, 2, (NOW - 60_000_000) // 1_000_000)


def test_a_removed_machine_and_tag_keep_their_blocks_and_say_removed() -> None:
    made = registers()
    made.on_batch(Batch("m1", NOW, (POWER.id, ENERGY.id), [11.5, 1.0], [0, 0]))
    mill = Tag(TagId(13), "m2.active_power", "m2", "active_power", Quantity.ACTIVE_POWER, "kW")
    plant = Plant(Site("S"), devices=(Device("m2", "tcp1", PROFILE),), machines=(Machine("mill-2", "Mill", meter="m2"),))
    new, left_out = layout.assign(BLOCKS, ["mill-2"], [mill.name])
    assert (new, left_out) == ([Block(MACHINE, 1, "mill-2"), Block(TAG, 2, mill.name)], 0)
    made.apply((*BLOCKS, *new), plant, [mill], 0, NOW)
    assert layout.MACHINE_BLOCK.unpack(words(made.read(1000, 20, NOW)))[1] == layout.REMOVED
    value, _, quality, age, _ = tag_block(made, 0)
    assert math.isnan(value)
    assert (quality, age) == (layout.REMOVED, layout.NEVER_S)
    assert words(made.read(TAG_DIRECTORY.start, 24, NOW)).startswith(b"m1.active_power")
    assert layout.MACHINE_BLOCK.unpack(words(made.read(1020, 20, NOW)))[1] == layout.NOT_READ
    made.apply((*BLOCKS, *new), PLANT, TAG_LIST, 0, NOW)
    made.on_batch(Batch("m1", NOW, (POWER.id, ENERGY.id), [9.5, 1.0], [0, 0]))
    assert tag_block(made, 0)[0] == 9.5  # back in the plant, back in its block


def test_only_what_was_given_can_be_read() -> None:
    made = registers()
    for address, count in ((100, 1), (99, 2), (999, 1), (1019, 2), (5016, 1), (65535, 1), (65530, 20), (5000, 17)):
        assert made.read(address, count, NOW) is None, address
    assert len(words(made.read(5000, 16, NOW))) == 32


@given(st.lists(st.sets(st.integers(0, 30), max_size=12), max_size=8))
def test_whatever_comes_and_goes_no_block_moves_and_none_is_given_twice(plants: list[set[int]]) -> None:
    given_blocks: list[Block] = []
    for names in plants:
        before = {(b.kind, b.name): b.number for b in given_blocks}
        new, _ = layout.assign(given_blocks, [f"x{n}" for n in sorted(names)], [f"t{n}" for n in sorted(names)])
        given_blocks += new
        after = {(b.kind, b.name): b.number for b in given_blocks}
        assert all(after[key] == number for key, number in before.items())
        assert all((kind, f"{sign}{n}") in after for n in names for kind, sign in ((MACHINE, "x"), (TAG, "t")))
    assert len({(b.kind, b.number) for b in given_blocks}) == len({(b.kind, b.name) for b in given_blocks}) == len(given_blocks)


def test_what_finds_no_room_is_counted() -> None:
    new, left_out = layout.assign((), [f"x{n}" for n in range(203)], [])
    assert (len(new), left_out) == (200, 3)


def test_every_entry_of_the_list_lies_where_it_can_be_read() -> None:
    made, found = registers(), list(layout.describe(BLOCKS, {tag.name: tag for tag in TAG_LIST}))
    assert [entry.address for entry in found] == sorted(entry.address for entry in found)
    assert all(made.read(entry.address, entry.count, NOW) is not None for entry in found)
    energy = next(entry for entry in found if (entry.subject, entry.field) == (ENERGY.name, "value_int"))
    assert (energy.address, energy.count, energy.type, energy.unit, energy.decimals) == (5010, 2, "int32", "kWh", 2)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, layout.NO_INT32), (float("nan"), layout.NO_INT32), (float("inf"), layout.NO_INT32), (2_147_483.647, 2_147_483_647),
     (2_147_483.648, layout.NO_INT32), (-0.0004, 0), (-1.5, -1500)],
)  # fmt: skip
def test_scaled_integers(value: float | None, expected: int) -> None:
    assert layout.scaled(value, 3) == expected


def test_floats_beyond_32_bits_are_infinite_and_text_is_cut_between_characters() -> None:
    struct.pack(">f", layout.float32(1e300))
    assert layout.float32(-1e300) == float("-inf")
    assert layout.text("Цех", 2) == "Це".encode()
    assert layout.text("Цех", 1) + layout.text("aЦ", 1) == "Ц".encode() + b"a\0"


def answers() -> tuple[Answers, Counter[str]]:
    refused: Counter[str] = Counter()
    made = Answers(registers(), refused)
    made.site = "Цех №1"
    return made, refused


@pytest.mark.parametrize(
    ("unit", "pdu", "expected", "kind"),
    [
        (1, "0600000001", "8601", "function"), (1, "100000000102ffff", "9001", "function"), (1, "05000aff00", "8501", "function"),
        (1, "0f0000000101", "8f01", "function"), (1, "17", "9701", "function"), (1, "2b0d", "ab01", "function"), (1, "2b", "ab01", "function"),
        (1, "0300000000", "8303", "value"), (1, "030000007e", "8303", "value"), (1, "03", "8303", "value"), (1, "04000000010000", "8403", "value"),
        (1, "0300640001", "8302", "address"), (1, "04ffff0002", "8402", "address"), (2, "0300000001", "830b", "unit"),
        (1, "2b0e0500", "ab03", "value"), (1, "2b0e01", "ab03", "value"), (1, "2b0e0477", "ab02", "address"),
    ],
)  # fmt: skip
def test_what_is_refused_and_how(unit: int, pdu: str, expected: str, kind: str) -> None:
    made, refused = answers()
    assert made.answer(unit, bytes.fromhex(pdu), NOW).hex() == expected
    assert refused == Counter({kind: 1})


@pytest.mark.parametrize("unit", [0, 1, 255])
@pytest.mark.parametrize("function", ["03", "04"])
def test_both_functions_and_the_three_unit_ids_read_the_same(unit: int, function: str) -> None:
    made, refused = answers()
    assert made.answer(unit, bytes.fromhex(function + "00000002"), NOW) == bytes.fromhex(function + "04") + b"EMON"
    assert not refused


def test_the_device_identifies_itself() -> None:
    made, _ = answers()
    basic = made.answer(1, bytes.fromhex("2b0e0100"), NOW)
    assert basic.startswith(bytes.fromhex("2b0e01820000030011") + b"Energy Monitoring")
    assert made.answer(1, bytes.fromhex("2b0e0302"), NOW)[6] == 5  # objects 2 to 6
    one = made.answer(1, bytes.fromhex("2b0e0406"), NOW)
    assert one[7:9] == bytes((6, len("Цех №1".encode())))
