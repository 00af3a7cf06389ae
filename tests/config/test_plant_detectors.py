"""Section detectors of a plant file: what it becomes, and what is refused with its fix."""

from __future__ import annotations

import pytest

from config.plant_detectors import said, with_rules
from config.plant_file import PlantFileError, parse_plant
from config.profile_catalog import ProfileCatalog
from domain.detector import DetectorSettings

CATALOG = ProfileCatalog.load()
HEAD = "site: {name: Works, language: en}\nmachines: [{id: lathe-1}, {id: mill-1}]\n"


def settings(text: str) -> DetectorSettings:
    return parse_plant(HEAD + text, catalog=CATALOG, environ={}).plant.detectors


def problem(text: str) -> str:
    with pytest.raises(PlantFileError) as wrong:
        settings(text)
    assert len(wrong.value.problems) == 1
    return str(wrong.value.problems[0])


def test_nothing_said_means_the_defaults() -> None:
    found = settings("")
    assert found == DetectorSettings()
    assert found.of("long_idle", "lathe-1") == {"min_minutes": 30.0, "medium_kwh": 5.0}


def test_a_machine_wins_over_the_site_and_a_rule_can_be_switched_off() -> None:
    found = settings(
        "detectors:\n  long_idle: {min_minutes: 20}\n  dry_run: {enabled: false}\n"
        "  machines: {lathe-1: {long_idle: {min_minutes: 60}, dry_run: {enabled: true, no_load_kw: 3}}}\n"
    )
    assert (found.of("long_idle", "lathe-1") or {})["min_minutes"] == 60
    assert (found.of("long_idle", "mill-1") or {})["min_minutes"] == 20
    assert found.of("dry_run", "mill-1") is None
    assert (found.of("dry_run", "lathe-1") or {})["no_load_kw"] == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("detectors: {long_idel: {}}", "detectors.long_idel: unknown field 'long_idel' (did you mean long_idle?)"),
        ("detectors: {long_idle: {minutes: 3}}", "detectors.long_idle.minutes: unknown field"),
        ("detectors: {long_idle: {min_minutes: 0}}", "min_minutes: is 0; expected a number from 1 to 10080"),
        ("detectors: {machines: {lathe-2: {}}}", "detectors.machines.lathe-2: there is no machine 'lathe-2'; expected lathe-1"),
        ("detectors: {machines: {lathe-1: {voltage_range: {}}}}", "voltage_range: watches the supply of the whole site"),
        ("detectors: {low_cos_phi: {limit: 0.97}}", "limit: is 0.97, above the target; expected at most target (0.944)"),
        (
            "detectors: {low_cos_phi: {target: 0.8}, machines: {mill-1: {low_cos_phi: {limit: 0.9}}}}",
            "machines.mill-1.low_cos_phi.limit: is 0.9, above the target; expected at most target (0.8)",
        ),
        ("detectors: {dry_run: {enabled: 3}}", "enabled: is 3; expected true or false"),
    ],
)
def test_what_is_wrong_is_named_with_its_place_and_fix(text: str, words: str) -> None:
    assert words in problem(text)


def test_what_one_machine_is_told_leaves_the_others_and_the_site_alone() -> None:
    document = {"detectors": {"long_idle": {"min_minutes": 20}, "machines": {"lathe-1": {"dry_run": {"margin": 0.2}}}}}
    made = with_rules(document, "mill-1", {"long_idle": {"min_minutes": 60}, "off_shift": {}})
    assert made["detectors"] == {
        "long_idle": {"min_minutes": 20},
        "machines": {"lathe-1": {"dry_run": {"margin": 0.2}}, "mill-1": {"long_idle": {"min_minutes": 60}}},
    }
    assert "mill-1" not in document["detectors"]["machines"]  # the document given is not touched
    site = with_rules(made, None, {"anomaly": {"alpha": 0.01}})
    assert said(site, None) == {"anomaly": {"alpha": 0.01}}
    assert said(site, "mill-1") == {"long_idle": {"min_minutes": 60}}
    bare = with_rules(with_rules(with_rules(site, "mill-1", {}), "lathe-1", {}), None, {})
    assert bare == {}
