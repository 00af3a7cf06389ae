"""Findings in words, in both languages."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from analysis.detectors.catalog import machine_detectors, supply_detectors
from analysis.detectors.episode import run
from domain.detector import RULES, DetectorSettings
from domain.finding import Finding
from tests.analysis.test_detectors import busy_days
from tests.web_interface import fake_shop as shop
from tests.web_interface.fake_findings import FakeFindings
from web_interface.format import MISSING, Format
from web_interface.locale import has
from web_interface.pages import energy_findings_view as view_of

CLOCK = shop.ShopClock()
NOW = CLOCK.now_us()


def made(lang: str, rule: str) -> view_of.FindingWords:
    finding = next(f for f in FakeFindings(CLOCK).items if f.rule == rule)
    return view_of.words(finding, shop.plant(), Format(lang, ZoneInfo("Europe/Moscow"), "₽"), NOW)


def plain(text: str) -> str:
    return text.replace("\u00a0", " ").replace("\u202f", " ")


def test_a_lasting_finding_tells_since_when_and_what_it_cost() -> None:
    told = made("en", "long_idle")
    assert (told.subject, told.title, told.href) == ("16К20 №2", "Long idling", "/machines/lathe-2")
    assert plain(told.when).endswith("by now")
    assert plain(told.waste) == "3.8 kWh, 31 ₽"
    assert [plain(e) for e in told.evidence] == ["lasted 1h 35m, limit 30m", "mean power 2.40 kW"]


def test_an_anomaly_names_the_channels_that_make_it() -> None:
    told = made("ru", "anomaly")
    assert plain(told.because) == "Главное: Ток L2 71 %, Активная мощность 20 %"
    assert not any("модель" in evidence for evidence in told.evidence)


def test_the_supply_leads_to_no_machine_and_a_program_is_named() -> None:
    assert (made("ru", "voltage_range").subject, made("ru", "voltage_range").href) == ("Сеть", "")
    assert made("en", "program_power").title == "Power above the usual: VAL_2041.NC"


def test_sums_by_rule_the_dearest_first() -> None:
    rows = view_of.summary_rows(FakeFindings(CLOCK).items, Format("en", ZoneInfo("Europe/Moscow"), "₽"), NOW)
    assert [row["id"] for row in rows][:3] == ["off_shift", "long_idle", "program_power"]
    first, last = rows[0]["cells"], rows[-1]["cells"]
    assert (plain(first["kwh"]["text"]), plain(first["kwh"]["sub"][0][0])) == ("31.0 kWh", "255 ₽")
    assert (last["kwh"]["text"], last["kwh"]["sub"]) == (MISSING, [])
    assert first["rule"]["sub"][0][0] == "cases: 1, 5h in all"


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_every_rule_and_every_evidence_has_its_words(lang: str) -> None:
    for rule in RULES:
        assert all(has(f"{stem}.{rule}", lang) for stem in ("finding.title", "finding.what", "finding.do", "alert")), rule
    settings = DetectorSettings(
        {
            "dry_run": {"learn_minutes": 300},
            "program_power": {"learn_minutes": 300},
            "specific_energy": {"learn_blocks": 10, "block_minutes": 30},
        }
    )
    detectors = [*machine_detectors("m", settings, 0.3), *supply_detectors(settings)]
    found: list[Finding] = [finding for detector in detectors for finding in run(detector, busy_days())]
    names = {entry.name for finding in found for entry in finding.evidence}
    assert len(names) > 12
    for name in names | {"score_ratio", "model_version", "week_outside", "week_known", "negative_sequence"}:
        assert has(f"finding.evidence.{name}", lang), name
