"""Which values are a machine's: its meter's, its control's; of a module that several share, its own signals only."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from domain.alert import Alert, AlertState, Priority
from domain.plant import Device, Machine, Plant, Site, machine_of_device, tags_of
from domain.production import ControlSignals
from domain.profile import Point, Profile
from domain.quantity import Quantity
from domain.sample import Batch, TagId
from tests.conftest import FakeClock
from web_interface.live import LiveView
from web_interface.pages.machine_view import by_point
from web_interface.texts import alert_subject

POWER = Point("active_power", Quantity.ACTIVE_POWER, "kW", None)
PARTS = Point("part_count", Quantity.COUNT, "1", None)
PROGRAM = Point("program", Quantity.TEXT, "", None)
INPUTS = (Point("counter_1", Quantity.COUNT, "1", None), Point("counter_2", Quantity.COUNT, "1", None))
PLANT = Plant(
    Site("s"),
    devices=tuple(
        Device(name, "l", Profile(name, {}, "", "modbus", "", "H", points))
        for name, points in (("m1", (POWER,)), ("cnc", (PARTS, PROGRAM, POWER)), ("io", INPUTS), ("cnc2", (PARTS,)))
    ),
    machines=(
        Machine("a", "Станок A", meter="m1", control=ControlSignals(part_count="cnc.part_count", program="cnc.program")),
        Machine("b", "Станок B", control=ControlSignals(part_count="io.counter_1", program="cnc2.part_count")),
        Machine("c", "Станок C", control=ControlSignals(part_count="io.counter_2")),
    ),
)


def live() -> LiveView:
    unused: Any = None
    view = LiveView(FakeClock(10_000_000), unused, unused, unused, unused, lambda: (0, 0), unused)
    tags = [replace(tag, id=TagId(n)) for n, tag in enumerate((t for d in PLANT.devices for t in tags_of(d)), 1)]
    view.apply(PLANT, tags)
    for device in PLANT.devices:
        own = [tag.id for tag in tags if tag.device_id == device.id]
        view.on_batch(Batch(device.id, 9_000_000, tuple(own), tuple(float(i) for i in own), (0,) * len(own)))
    return view


def test_a_machine_shows_its_meter_and_its_control_and_of_a_shared_module_its_own_signals() -> None:
    view = live()
    shown = {m: {v.tag.name for v in view.latest(machine=m)} for m in "abc"}
    assert shown == {
        "a": {"m1.active_power", "cnc.part_count", "cnc.program", "cnc.active_power"},
        "b": {"io.counter_1", "cnc2.part_count"}, "c": {"io.counter_2"},
    }  # fmt: skip
    assert by_point(view.latest(machine="a"), "m1")["active_power"].tag.name == "m1.active_power"
    assert {v.machine_id for v in view.latest(device="cnc")} == {"a"}
    assert {v.machine_id for v in view.latest(device="io")} == {None}


def test_an_alert_about_a_control_names_its_machine() -> None:
    def about(device: str) -> str:
        alert = Alert(1, "k", "no_data", Priority.HIGH, AlertState.UNACKNOWLEDGED, None, None, device, None, None, "", 0)
        return alert_subject(alert, PLANT, "ru")

    assert [about(device) for device in ("m1", "cnc", "cnc2", "io")] == ["Станок A", "Станок A", "Станок B", "io"]
    assert machine_of_device(PLANT) == {"m1": "a", "cnc": "a", "cnc2": "b"}
