"""scan: the whole range of addresses on a line whose two protocols end at different ones."""

from __future__ import annotations

import pytest

from application.device import _scan_line
from config.plant_file import parse_plant
from config.profile_catalog import ProfileCatalog
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
