"""scan: the whole range of addresses on a line whose two protocols end at different ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from application.device import _scan_line
from config.plant_file import parse_plant
from config.profile_catalog import ProfileCatalog
from data_collection.collector import Collector
from data_collection.scan import likeness, scan
from domain.commissioning import ReadNowRow
from main import main
from runtime.clock import SystemClock
from simulator.serve import simulate

PLANT = """
site: {name: Shop, timezone: Europe/Moscow}
lines:
  - {id: gw, transport: rtu-over-tcp, host: 127.0.0.1, port: 4001, baud: 115200, timeout_s: 0.1}
devices:
  - {id: old, profile: mercury-234, line: gw, address: 100}
  - {id: new, profile: eastron-sdm630, line: gw, address: 242}
machines: []
"""


async def test_addresses_no_mercury_meter_has_are_asked_in_modbus_only(capsys: pytest.CaptureFixture[str]) -> None:
    plant = parse_plant(PLANT, catalog=ProfileCatalog.shipped(), environ={}).plant
    async with simulate(plant, clock=SystemClock(), free_ports=True) as floor:
        assert await _scan_line(floor.plant.line("gw"), (100, *range(240, 245)), "both") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[:-1]] == [["100", "mercury"], ["242", "modbus"]]
    assert "2 of 6 addresses answered" in lines[-1]


@pytest.mark.parametrize("span", [("300", "2"), ("9", "8"), ("0", "8"), ("1", "248")])
def test_a_span_without_addresses_is_refused_before_anything_is_asked(
    span: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plant = tmp_path / "plant.yaml"
    plant.write_text(PLANT, encoding="utf-8")
    assert main(["scan", "gw", "--plant", str(plant), "--from", span[0], "--to", span[1]]) == 2
    assert f"--from {span[0]} --to {span[1]}" in capsys.readouterr().err


async def test_who_answers_is_recognised_by_what_it_shows() -> None:
    patient = PLANT.replace("timeout_s: 0.1", "timeout_s: 2")  # a busy computer is not a silent meter
    plant = parse_plant(patient, catalog=ProfileCatalog.shipped(), environ={}).plant
    profiles = [ProfileCatalog.shipped().get(name) for name in ProfileCatalog.shipped().names()]
    async with simulate(plant, clock=SystemClock(), free_ports=True) as floor:
        collector = Collector(SystemClock(), lambda _reading: None)
        empty = replace(floor.plant, devices=floor.plant.devices[:1], machines=())
        asked = scan(collector, empty, floor.plant.line("gw"), (100, 241, 242), profiles)
        steps = [step async for step in asked]
    assert [(step.asked, step.of, step.address) for step in steps] == [(1, 4, 100), (2, 4, 100), (3, 4, 241), (4, 4, 242)]
    old, new = (step.answer for step in steps if step.answer is not None)
    assert (old.protocol, old.device, old.profiles, old.told) == ("mercury", "old", ("mercury-234",), False)
    assert (new.protocol, new.device, new.told) == ("modbus", None, True)
    assert new.profiles[0] == "eastron-sdm630"


@pytest.mark.parametrize(
    ("values", "good"),
    [
        ({"voltage": (230.1, 229.8), "frequency": (50.0,)}, 3),
        ({"voltage": (230.1, 0.0), "frequency": (50.0,)}, 2),  # a dead phase
        ({"voltage": (230.1, 1e-39), "frequency": (50.0,)}, 0),
        ({"voltage": (230.1, 5.0), "frequency": ()}, 0),
    ],
)
def test_only_values_of_a_net_speak_for_a_profile(values: dict[str, tuple[float, ...]], good: int) -> None:
    rows = [ReadNowRow("p", q, "", "", value, None, "", 0, None) for q, found in values.items() for value in found]
    assert likeness(rows) == good
