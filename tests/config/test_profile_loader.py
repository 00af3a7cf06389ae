"""A wrong profile names file, line, point and field, and everything that is wrong at once; a right one means what it says."""

from __future__ import annotations

import pytest

from config.problems import Problem
from config.profiles import ProfileError, load_profile, resolve
from domain.errors import ConfigError
from domain.places.opcua import OpcUaPlace
from domain.profile import Group, MercuryPoint, ModbusPoint, Profile, WordOrder
from domain.quantity import Quantity

HEAD = """\
title: {ru: "Прибор", en: "Device"}
vendor: ACME
protocol: modbus
source: "register map 1.4"
confidence: H
"""
U = "{tag: u, quantity: voltage, unit: V, table: holding, address: 1, type: int16, "
POWER = "{tag: active_power, quantity: active_power, unit: W, table: holding, address: 10, type: float32}"


def load(*points: str, head: str = HEAD, extra: str = "") -> Profile:
    text = head + extra + "points:\n" + "".join(f"  - {point}\n" for point in points)
    return load_profile(text, file="acme.yaml", name="acme")


def wrong(*points: str, head: str = HEAD, extra: str = "") -> tuple[Problem, ...]:
    with pytest.raises(ProfileError) as caught:
        load(*points, head=head, extra=extra)
    return caught.value.problems


def test_a_point_becomes_what_it_says() -> None:
    point = load(
        "{tag: t, quantity: active_power, unit: kW, table: input, address: 0x10, type: int32, word_order: little, scale: 0.1, "
        "offset: -5, plausible: [-10, 10], group: slow, sentinel: [0x7FFFFFFF], secondary: true, max_rate: 3, spike: true, "
        "frozen_after_s: 60, confidence: M}"
    ).points[0]
    assert point.where == ModbusPoint("input", 16, "int32", WordOrder.LITTLE, None, 1, (0x7FFFFFFF,))
    assert (point.quantity, point.unit, point.scale, point.offset) == (Quantity.ACTIVE_POWER, "kW", 0.1, -5.0)
    assert (point.plausible, point.group, point.secondary) == ((-10.0, 10.0), Group.SLOW, True)
    assert (point.max_rate, point.spike, point.frozen_after_s, point.confidence) == (3.0, True, 60.0, "M")


def test_every_problem_names_file_line_point_and_field() -> None:
    problems = wrong(
        POWER,
        "{tag: u, quantity: voltage, unit: kWh, table: holding, address: 20, type: float32}",
        "{tag: i, quantity: curent, unit: A, table: holding, address: 30, type: float32}",
        "{tag: f, quantity: frequency, unit: Hz, table: coil, address: 1, type: float32, colour: red}",
    )
    assert [(p.file, p.line, p.field) for p in problems] == [
        ("acme.yaml", 8, "points[u].unit"), ("acme.yaml", 9, "points[i].quantity"),
        ("acme.yaml", 10, "points[f].type"), ("acme.yaml", 10, "points[f].colour"),
    ]  # fmt: skip
    assert "one of mV, V, kV" in problems[0].expected
    assert "current" in problems[1].message
    assert str(problems[0]).startswith("acme.yaml:8: points[u].unit: 'kWh' does not measure voltage; expected one of")


@pytest.mark.parametrize(
    ("point", "field", "words"),
    [
        ("{quantity: voltage, unit: V, table: holding, address: 1, type: int16}", "points[0].tag", "missing"),
        ("{tag: Ab, quantity: voltage, unit: V, table: holding, address: 1, type: int16}", "points[Ab].tag", "lower-case"),
        ("{tag: u, quantity: voltage, table: holding, address: 1, type: int16}", "points[u].unit", "missing"),
        ("{tag: u, quantity: voltage, unit: V, table: holdin, address: 1, type: int16}",
         "points[u].table", "did you mean holding"),
        ("{tag: u, quantity: voltage, unit: V, address: 1, type: int16}", "points[u].table", "missing"),
        ("{tag: u, quantity: voltage, unit: V, table: holding, type: int16}", "points[u].address", "missing"),
        ("{tag: u, quantity: voltage, unit: V, table: holding, address: 1}", "points[u].type", "missing"),
        ("{tag: u, quantity: voltage, unit: V, table: holding, address: 1, type: float}", "points[u].type", "float32"),
        ("{tag: u, quantity: voltage, unit: V, table: holding, address: -1, type: int16}", "points[u].address", "0 to 65535"),
        ("{tag: u, quantity: voltage, unit: V, table: holding, address: 65535, type: int32}",
         "points[u].address", "last address"),
        ("{tag: u, quantity: voltage, unit: V, table: holding, address: true, type: int16}", "points[u].address", "whole number"),
        ("{tag: u, quantity: voltage, unit: V, table: holding, address: 1, type: int32, word_order: abcd}",
         "points[u].word_order", "big-swapped"),
        (U + "scale: 0}", "points[u].scale", "0"),
        (U + "scale: .nan}", "points[u].scale", "number"),
        (U + "plausible: [9, 1]}",
         "points[u].plausible", "rising"),
        (U + "group: often}", "points[u].group", "fast"),
        (U + "wrap_at: 10}", "points[u].wrap_at", "no counter"),
        (U + "enum: {0: a}}", "points[u].enum", "state"),
        (U + "sentinel: 0x12345}",
         "points[u].sentinel", "16 bits"),
        ("{tag: s, quantity: state, table: holding, address: 1, type: bit}", "points[s].bit", "missing"),
        ("{tag: s, quantity: state, table: holding, address: 1, bit: 16}", "points[s].bit", "0 to 15"),
        ("{tag: s, quantity: state, table: holding, address: 1, type: int32, bit: 1}", "points[s].bit", "int32"),
        ("{tag: s, quantity: state, table: coil, address: 1, bit: 1}", "points[s].bit", "single bit"),
        ("{tag: s, quantity: state, table: holding, address: 1, type: uint16, enum: {a: b}}", "points[s].enum.a", "whole number"),
        ("{tag: s, quantity: text, table: holding, address: 1, type: string}", "points[s].length", "missing"),
        ("{tag: s, quantity: voltage, unit: V, table: holding, address: 1, type: string, length: 4}", "points[s].type", "text"),
        ("{tag: f, quantity: frequency, unit: Hz, table: holding, address: 1, type: int16, secondary: true}",
         "points[f].secondary", "ratios"),
        ("just a word", "points[0]", "a point"),
    ],
)  # fmt: skip
def test_a_wrong_point(point: str, field: str, words: str) -> None:
    problems = wrong(point)
    assert field in [p.field for p in problems]
    assert any(words in str(p) for p in problems if p.field == field)


def test_a_tag_stands_once() -> None:
    (problem,) = wrong(POWER, POWER.replace("10", "20"))
    assert problem.field == "points[active_power].tag"
    assert (problem.line, "line 7" in problem.message) == (8, True)


def test_values_do_not_lie_over_each_other() -> None:
    over = "{tag: u, quantity: voltage, unit: V, table: holding, address: 11, type: int16}"
    (problem,) = wrong(POWER, over)
    assert "u (11) lies over active_power (10 to 11)" in problem.message
    assert len(load(POWER, over.replace("}", ", overlaps: true}")).points) == 2
    assert len(load(POWER, over.replace("holding", "input")).points) == 2, "another table is another place"


def test_a_long_value_is_checked_against_all_that_follow() -> None:
    long = "{tag: e, quantity: energy_import, unit: Wh, table: holding, address: 0, type: uint64}"
    shorts = [f"{{tag: v{n}, quantity: voltage, unit: V, table: holding, address: {n}, type: int16}}" for n in (1, 2, 4)]
    assert [p.field for p in wrong(long, *shorts)] == ["points[v1].address", "points[v2].address"]


def test_bits_share_a_register_but_not_a_bit() -> None:
    def bit(n: int, tag: str = "") -> str:
        return f"{{tag: b{tag or n}, quantity: state, table: holding, address: 5, bit: {n}}}"

    mask = "{tag: mask, quantity: other, table: holding, address: 5, type: uint16}"
    assert len(load(bit(0), bit(1), mask).points) == 3
    assert wrong(bit(3), bit(3, "again"))[0].field == "points[bagain].address"


@pytest.mark.parametrize(
    ("missing", "field"),
    [("title", "title"), ("vendor", "vendor"), ("protocol", "protocol"), ("source", "source"), ("confidence", "confidence")],
)
def test_the_head_is_complete(missing: str, field: str) -> None:
    head = "".join(line + "\n" for line in HEAD.splitlines() if not line.startswith(missing))
    assert field in [p.field for p in wrong(POWER, head=head)]


def test_titles_come_in_both_languages() -> None:
    assert wrong(POWER, head=HEAD.replace(', en: "Device"', ""))[0].field == "title.en"


@pytest.mark.parametrize(
    ("extra", "field"),
    [
        ("quirks: {max_registers: 126}\n", "quirks.max_registers"), ("quirks: {max_gpa: 1}\n", "quirks.max_gpa"),
        ("address_base: 2\n", "address_base"), ("parameters: {word_order: abcd}\n", "parameters.word_order"),
        ("defaults: {address: 1}\n", "defaults.address"), ("name: other\n", "name"), ("vendro: x\n", "vendro"),
        ("notes: {ru: a}\n", "notes.en"), ("layout: heap\n", "layout"),
    ],
)  # fmt: skip
def test_a_wrong_head(extra: str, field: str) -> None:
    assert field in [p.field for p in wrong(POWER, extra=extra)]


def test_a_file_without_points_or_without_fields() -> None:
    with pytest.raises(ProfileError, match="points: are missing"):
        load_profile(HEAD, file="f", name="acme")
    for text in ("", "- 1\n", "word"):
        with pytest.raises(ProfileError, match="holds no fields"):
            load_profile(text, file="f", name="acme")


def test_a_value_must_fit_into_one_read() -> None:
    text = "{tag: s, quantity: text, table: holding, address: 0, type: string, length: 20}"
    assert "one read brings 10" in wrong(text, extra="quirks: {max_registers: 10}\n")[0].message


def test_printed_addresses_that_count_from_one() -> None:
    where = load(POWER, extra="address_base: 1\n").points[0].where
    assert isinstance(where, ModbusPoint)
    assert where.address == 9
    assert wrong(POWER.replace("10", "0"), extra="address_base: 1\n")[0].expected == "a whole number from 1 to 65536"


@pytest.mark.parametrize(
    ("quantity", "unit", "group"),
    [
        ("active_power", "W", Group.FAST), ("energy_import", "Wh", Group.SLOW), ("reactive_energy_export", "varh", Group.SLOW),
        ("count", "1", Group.FAST), ("ratio", "1", Group.DAILY), ("frequency", "Hz", Group.FAST),
    ],
)  # fmt: skip
def test_groups_when_the_profile_names_none(quantity: str, unit: str, group: Group) -> None:
    point = f'{{tag: t, quantity: {quantity}, unit: "{unit}", table: holding, address: 1, type: uint16}}'
    assert load(point).points[0].group is group


def test_text_is_daily_from_a_meter_and_fast_from_a_machine_tool() -> None:
    assert load("{tag: s, quantity: text, table: holding, address: 1, type: string, length: 4}").points[0].group is Group.DAILY
    opcua = load("{tag: program, quantity: text, node: 'ns=2;s=Prog'}", head=HEAD.replace("modbus", "opcua"))
    assert opcua.points[0].group is Group.FAST
    assert opcua.points[0].where == OpcUaPlace("ns=2;s=Prog")


def test_believable_ranges_only_where_physics_sets_them() -> None:
    profile = load(
        "{tag: f, quantity: frequency, unit: mHz, table: holding, address: 1, type: uint16}",
        "{tag: pf, quantity: power_factor, table: holding, address: 2, type: int16, scale: 0.001}",
        "{tag: u, quantity: voltage, unit: V, table: holding, address: 3, type: uint16}",
    )
    assert profile.point("f").plausible == pytest.approx((45_000, 65_000))
    assert profile.point("pf").plausible == (-1.0, 1.0)
    assert profile.point("u").plausible is None


def test_mercury_points() -> None:
    head = HEAD.replace("modbus", "mercury")
    good = "{tag: active_power, quantity: active_power, unit: W, query: instant, item: p_sum, secondary: true}"
    assert load(good, head=head).points[0].where == MercuryPoint("instant", "p_sum")
    assert wrong(good.replace("instant", "write"), head=head)[0].field == "points[active_power].query"
    assert wrong(good.replace(", item: p_sum", ""), head=head)[0].field == "points[active_power].item"
    assert wrong(good.replace("secondary", "address: 1, secondary"), head=head)[0].field == "points[active_power].address"


# -- parameters -------------------------------------------------------------------------------------------------------

SEQUENTIAL = "layout: sequential\nparameters: {base_address: 100, table: holding, word_order: big}\n"
ROW = ("{tag: a, quantity: voltage, unit: V, type: float32}", "{tag: b, quantity: current, unit: A, type: uint16}",
       "{tag: c, quantity: active_power, unit: W, type: float64, plausible: [0, 1000]}")  # fmt: skip


def addresses(profile: Profile) -> dict[str, int]:
    return {p.tag: p.where.address for p in profile.points if isinstance(p.where, ModbusPoint)}


def test_a_sequential_map_follows_base_and_order() -> None:
    profile = load(*ROW, extra=SEQUENTIAL)
    assert addresses(profile) == {"a": 100, "b": 102, "c": 103}
    assert addresses(resolve(profile, {"base_address": 0})) == {"a": 0, "b": 2, "c": 3}
    assert addresses(resolve(profile, {"base_address": 1, "address_base": 1})) == {"a": 0, "b": 2, "c": 3}
    assert addresses(resolve(profile, {"order": ["c", 3, "a"]})) == {"c": 100, "a": 107}


def test_resolving_changes_only_what_is_asked_and_keeps_the_original() -> None:
    profile = load(*ROW, extra=SEQUENTIAL)
    other = resolve(profile, {"word_order": "little-swapped", "max_gap": 0, "timeout_s": 3, "password_env": "X"})
    assert [p.where.word_order for p in other.points if isinstance(p.where, ModbusPoint)] == [
        WordOrder.LITTLE_SWAPPED, WordOrder.BIG, WordOrder.LITTLE_SWAPPED,
    ], "a single register has no word order"  # fmt: skip
    assert (other.quirks.max_gap, other.quirks.timeout_s) == (0, 3.0)
    assert other.parameters["word_order"] == "little-swapped"
    assert profile.quirks.max_gap == 16
    assert resolve(profile, {}) is profile


def test_units_of_the_wire_may_be_set() -> None:
    extra = SEQUENTIAL.replace("word_order: big", "word_order: big, power_unit: W")
    point = resolve(load(*ROW, extra=extra), {"power_unit": "kW"}).point("c")
    assert (point.unit, point.plausible) == ("kW", (0.0, 1.0))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"word_order": "ABCD"}, "big-swapped"), ({"order": ["a", "x"]}, "no point 'x'"), ({"order": ["a", "a"]}, "twice"),
        ({"order": "a"}, "list of tags"), ({"base_address": 65535}, "65535"), ({"ct_ratio": 0}, "greater than 0"),
        ({"table": "coil"}, "one of holding, input"), ({"max_registers": 200}, "1 to 125"),
    ],
)  # fmt: skip
def test_wrong_options_say_what_was_expected(options: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match="acme") as caught:
        resolve(load(*ROW, extra=SEQUENTIAL), options)
    assert words in str(caught.value)


def test_a_sequential_point_names_no_address() -> None:
    (problem,) = wrong("{tag: a, quantity: voltage, unit: V, type: float32, address: 4}", extra=SEQUENTIAL)
    assert problem.field == "points[a].address"


def test_a_bit_needs_no_type_whatever_the_default() -> None:
    profile = load(
        "{tag: door, quantity: state, table: holding, address: 4, bit: 3}",
        "{tag: run, quantity: state, table: coil, address: 4}",
        extra="defaults: {table: holding, type: float32}\n",
    )  # fmt: skip
    assert [p.where.type for p in profile.points if isinstance(p.where, ModbusPoint)] == ["bit", "bit"]
