"""Which tags a changed filter of a profile touches, and how the rehearsal of one is told."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

from domain.plant import Device, Plant, Tag
from domain.rehearsal import FilterRehearsal
from tests.analysis.fakes import meter_device, plant_of
from web_interface.format import Format
from web_interface.pages.profile_filters import cells, changes

PLANT, TAGS = plant_of(meter_device("a"), meter_device("b"), zone="UTC")
PROFILE = PLANT.devices[0].profile
POWER = next(tag for tag in TAGS if tag.name == "a.active_power")
FMT = Format("ru", ZoneInfo("UTC"), "₽")


def changed(plant: Plant = PLANT, **fields: object) -> list[tuple[str, float | None, float | None, bool]]:
    points = tuple(replace(p, **fields) if p.tag == "active_power" else p for p in PROFILE.points)  # type: ignore[arg-type]
    draft = replace(PROFILE, points=points)
    return [(c.tag.name, c.low, c.high, c.spike) for c in changes(plant, TAGS, ["a"], draft)]


def test_only_filters_that_differ_are_tried_and_only_on_devices_of_the_profile() -> None:
    assert changed() == []
    ((name, low, high, spike),) = changed(plausible=(-1000.0, 50_000.0), unit="W")
    assert (name, spike) == ("a.active_power", False)
    assert (round(low or 0, 3), round(high or 0, 3)) == (-1, 50)  # the wire's watts in kW
    assert [entry[3] for entry in changed(spike=True)] == [True]


def test_a_range_that_is_taken_away_has_no_border() -> None:
    old = tuple(replace(p, plausible=(0.0, 10.0)) if p.tag == "active_power" else p for p in PROFILE.points)
    device: Device = replace(PLANT.devices[0], profile=replace(PROFILE, points=old))
    assert changed(replace(PLANT, devices=(device, *PLANT.devices[1:])), plausible=None) == [("a.active_power", None, None, False)]


def test_a_result_tells_samples_state_time_and_energy() -> None:
    tag: Tag = POWER
    found = cells(FilterRehearsal(tag.name, 0, 1, 20_000, 30, -4.25, ((5, 905.0),), (), 2, 300.0), tag, FMT)
    words = {name: cell["text"] if isinstance(cell, dict) else cell for name, cell in found.items()}
    assert words["changed"] == "30 (0,15\u00a0%)"
    assert (words["restored"], words["state"], words["kwh"]) == ("2", "5\u00a0мин", "−4,25\u00a0кВт·ч")
    assert words["farthest"] == "905\u00a0кВт"
    none = cells(FilterRehearsal(tag.name, 0, 1, 20_000, 0, None, (), ()), tag, FMT)
    assert (none["state"], none["kwh"], none["farthest"]) == ("—", "—", "—")
