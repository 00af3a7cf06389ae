"""Field kef of a machine: what they become, and what is refused with its fix."""

from __future__ import annotations

import pytest

from config.plant_file import PlantFileError, parse_plant
from config.profile_catalog import ProfileCatalog
from domain.efficiency import KefSettings
from domain.plant import Machine

CATALOG = ProfileCatalog.load()
HEAD = """
site: {name: Works, language: en}
lines: [{id: l, transport: modbus-tcp, host: h}]
devices:
  - {id: m1, profile: mercury-234-modbus, line: l}
  - id: cnc
    line: l
    address: 2
    points:
      - {tag: spindle_power, quantity: active_power, unit: kW, table: holding, address: 0, type: float32}
      - {tag: good, quantity: count, unit: "1", table: holding, address: 2, type: uint32}
"""
STATES = "states: {idle_above_kw: 0.3, production_above_kw: 1.3}"


def machine(fields: str) -> Machine:
    text = f"{HEAD}machines: [{{id: a, meter: m1, {fields}}}]\n"
    return parse_plant(text, catalog=CATALOG, environ={}).plant.machines[0]


def problem(fields: str) -> str:
    with pytest.raises(PlantFileError) as wrong:
        machine(fields)
    assert len(wrong.value.problems) == 1, wrong.value
    return str(wrong.value.problems[0])


def test_without_the_field_there_is_no_setting() -> None:
    assert machine(STATES).kef is None


def test_everything_is_read() -> None:
    found = machine(
        f"{STATES}, kef: {{card: K7, idle_kw: 2.4, ideal_s_per_part: 720, good_parts: cnc.good, process_power: cnc.spindle_power}}"
    ).kef
    assert found == KefSettings("K7", 2.4, None, "cnc.spindle_power", None, 720.0, "cnc.good")
    assert machine(f"{STATES}, kef: {{card: K2, idle_kw: learned}}").kef == KefSettings("K2")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ("kef: {card: K6}, " + STATES, "machines[a].kef.card: is 'K6'"),
        ("kef: {card: K4}", "kef.norm_kwh_per_part: is missing: card K4 is w_norm · N / E_total"),
        ("kef: {card: K7, ideal_s_per_part: 60}, " + STATES, "kef.good_parts: is missing"),
        ("kef: {card: K1}", "kef.card: is K1, but the machine has no states; expected states"),
        ("kef: {card: K2, idle_kw: -1}, " + STATES, "kef.idle_kw: is -1"),
        ("kef: {card: K3, process_power: cnc.spindel_power}", "there is no tag 'cnc.spindel_power'; expected cnc.spindle_power"),
        ("kef: {card: K3, process_power: cnc.good}", "is 'cnc.good', which is no active_power; expected cnc.spindle_power"),
        ("kef: {card: K7, ideal_s_per_part: 60, good_share: 2}, " + STATES, "kef.good_share: is 2"),
        ("kef: {crad: K1}, " + STATES, "unknown field 'crad' (did you mean card?)"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_fix(fields: str, words: str) -> None:
    assert words in problem(fields)

