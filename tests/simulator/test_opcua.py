"""The simulated OPC UA shop, read by the product's own client: every shipped profile, two machines, security, silence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from config.plant_file import parse_plant
from config.profile_catalog import ProfileCatalog
from data_collection.collector import Collector
from data_collection.opcua.trust import TrustList
from data_collection.registry import connects
from data_collection.workspace import Workspace
from domain.errors import AccessDenied
from domain.plant import Plant
from domain.profile import Profile
from domain.quality import Quality
from runtime.clock import SystemClock
from simulator.serve import Simulation, simulate
from tests.conftest import eventually

CATALOG = ProfileCatalog.shipped()
SHOP = """
site: {name: "Цех"}
lines:
  - {id: ua, transport: opcua, url: "opc.tcp://127.0.0.1:4840", security: Basic256Sha256, user: reader, password_env: UA_PASSWORD}
devices:
  - {id: cnc1, profile: siemens-sinumerik-opcua, line: ua, scan_s: 0.5}
  - {id: cnc2, profile: owen-plc210-opcua, line: ua, object: GVL_CNC2}
  - {id: plc, profile: siemens-s7-1500-opcua, line: ua, db: Machine7}
  - {id: umati, profile: opc-40001-machine, line: ua, machine: Press}
machines:
  - {id: mill, name: "DMG", rated_kw: 30, control: {execution: cnc1.execution_state, running: [active], idle: [stopped], part_count: cnc1.part_count, program: cnc1.program}}
  - {id: lathe, name: "CTX", rated_kw: 20, meter: cnc2, states: {idle_above_kw: 0.5, production_above_kw: 3}, control: {execution: cnc2.execution_state, running: [active], idle: [ready, stopped], alarm: [fault]}}
"""  # noqa: E501


def plant() -> Plant:
    return parse_plant(SHOP, catalog=CATALOG, environ={"UA_PASSWORD": "секрет-1"}).plant


@pytest.mark.parametrize("name", [p for p in CATALOG.names() if CATALOG.get(p).protocol == "opcua"])
def test_shipped_profiles_name_their_namespaces(name: str) -> None:
    profile: Profile = CATALOG.get(name)
    assert all(getattr(point.where, "namespace", None) for point in profile.points)


async def test_a_shop_of_controls_is_served_and_read_with_security(tmp_path: Path) -> None:
    shop = plant()
    async with simulate(shop, clock=SystemClock(), free_ports=True) as simulation:
        collector = Collector(SystemClock(), lambda _reading: None, connects(Workspace(tmp_path)))
        line = simulation.plant.line("ua")
        with pytest.raises(AccessDenied, match="not trusted yet"):
            await collector.read_once(shop.device("cnc1"), line)
        trust = TrustList(tmp_path / "opcua")
        trust.approve(trust.certificates()[0].fingerprint)
        with pytest.raises(AccessDenied, match="refuses the sign-in"):
            await collector.read_once(shop.device("cnc1"), replace(line, password="falsch"))

        for device_id in ("cnc1", "cnc2", "plc", "umati"):
            values, texts = await _read(collector, simulation, device_id)
            shown = simulation.values(device_id)
            for tag, (value, quality) in values.items():
                assert quality == 0, (device_id, tag)
                assert value == pytest.approx(shown[tag], rel=0.02, abs=1.01), (device_id, tag)
            assert texts == {tag: shown[tag] for tag in texts}
        assert set((await _read(collector, simulation, "cnc1"))[1]) == {"program", "selected_program"}

        simulation.put("cnc1", {"spindle_load": 71.5, "execution_state": 3.0, "program": "FLANGE-118"})
        simulation.fault("plc", "silence")
        await eventually(lambda: _shows(collector, simulation), 20)
        values, texts = await _read(collector, simulation, "cnc1")
        assert (values["spindle_load"][0], values["execution_state"][0], texts["program"]) == (71.5, 3.0, "FLANGE-118")
        silent, _ = await _read(collector, simulation, "plc")
        assert set(silent.values()) == {(None, int(Quality.NO_COMMUNICATION))}
        found = await collector.survey(line)
        assert found is not None
        assert {"SinumerikVarProvider", "CODESYSSPV3/3S/IecVarAccess"} <= {item.answer for item in found}


async def _shows(collector: Collector, simulation: Simulation) -> bool:
    """Has the server taken over what was put?"""
    values, _ = await _read(collector, simulation, "cnc1")
    silent, _ = await _read(collector, simulation, "plc")
    return values["spindle_load"][0] == 71.5 and None in {value for value, _ in silent.values()}


async def _read(
    collector: Collector, simulation: Simulation, device_id: str
) -> tuple[dict[str, tuple[float | None, int]], dict[str, str]]:
    line = simulation.plant.line("ua")
    values: dict[str, tuple[float | None, int]] = {}
    texts: dict[str, str] = {}
    for reading in await collector.read_once(simulation.plant.device(device_id), line):
        values |= {p: (v, q) for p, v, q in zip(reading.points, reading.values, reading.qualities, strict=True)}
        texts |= reading.texts
    return values, texts
