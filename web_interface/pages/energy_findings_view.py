"""The tab of findings as plain data: sentences, evidence, sums by rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from domain.finding import Evidence, Finding, Severity
from domain.plant import Plant
from web_interface.format import MISSING, Format
from web_interface.locale import t
from web_interface.texts import point_name

Data = dict[str, Any]
SITE = "site"
ICONS = {
    "long_idle": "hourglass_empty", "off_shift": "nightlight", "program_power": "trending_up", "dry_run": "air",
    "specific_energy": "show_chart", "anomaly": "troubleshoot",
}  # fmt: skip
_HIDDEN = frozenset({"model_version", "cusum"})  # for the API; they tell a person nothing
_SIGNED = frozenset({"specific_change", "voltage_deviation"})


@dataclass(frozen=True, slots=True)
class FindingWords:
    """One finding in words. `href` leads to the machine, "" for the supply."""

    icon: str
    tone: str
    subject: str
    title: str
    when: str
    waste: str
    what: str
    evidence: tuple[str, ...]
    because: str
    advice: str
    href: str


def subject_name(subject: str, plant: Plant, lang: str) -> str:
    """The machine's name, or the supply."""
    if subject == SITE:
        return t("finding.supply", lang)
    return next((machine.name for machine in plant.machines if machine.id == subject), subject)


def words(finding: Finding, plant: Plant, fmt: Format, now_us: int) -> FindingWords:
    """Everything a card shows of it."""
    lang = fmt.lang
    lasted_s = ((finding.to_us if finding.to_us is not None else now_us) - finding.from_us) / 1e6
    begin = fmt.moment(finding.from_us, now_us)
    when = t("finding.since" if finding.to_us is None else "finding.for", lang, begin=begin, length=fmt.duration(lasted_s))
    detail = finding.detail if finding.rule == "program_power" else ""
    title = t(f"finding.title.{finding.rule}", lang)
    return FindingWords(
        ICONS.get(finding.rule, "bolt"),
        "em-alarm" if finding.severity is Severity.MEDIUM else "em-quiet",
        subject_name(finding.subject, plant, lang),
        f"{title}: {detail}" if detail else title,
        when,
        _waste(finding.waste_kwh, finding.waste_cost, fmt, plant.site.currency),
        t(f"finding.what.{finding.rule}", lang),
        tuple(_evidence(entry, fmt) for entry in finding.evidence if entry.name not in _HIDDEN),
        _because(finding, fmt),
        t(f"finding.do.{finding.rule}", lang),
        "" if finding.subject == SITE else f"/machines/{finding.subject}",
    )


def _waste(kwh: float | None, cost: float | None, fmt: Format, currency: str) -> str:
    if kwh is None:
        return ""
    energy = f"{fmt.number(kwh, 1)}\u00a0{fmt.unit('kWh')}"
    return energy if cost is None else f"{energy}, {fmt.number(cost, 0)}\u00a0{currency}"


def _evidence(entry: Evidence, fmt: Format) -> str:
    """One fact: "mean power 2.4 kW, limit 3 kW"."""
    name = t(f"finding.evidence.{entry.name}", fmt.lang)
    if entry.unit == "min":
        value, limit = fmt.duration(entry.value * 60), fmt.duration((entry.limit or 0) * 60)
    else:
        value, limit = _number(entry.value, entry, fmt), _number(entry.limit or 0.0, entry, fmt)
    return t("finding.fact.limit" if entry.limit is not None else "finding.fact", fmt.lang, name=name, value=value, limit=limit)


def _number(value: float, entry: Evidence, fmt: Format) -> str:
    digits = fmt.decimals(value)
    text = fmt.signed(value, 1) if entry.name in _SIGNED else fmt.number(value, digits)
    if entry.unit in {"", "1"}:
        return text
    unit = t("finding.unit.kwh_part", fmt.lang) if entry.unit == "kWh/part" else fmt.unit(entry.unit)
    return f"{text}\u00a0{unit}"


def _because(finding: Finding, fmt: Format) -> str:
    """Which channels make an anomaly, the largest shares first."""
    if not finding.contributions:
        return ""
    shares = [
        f"{point_name(entry.tag, fmt.lang)} {fmt.percent(entry.share, 0)}"
        for entry in finding.contributions[:3]
        if entry.share >= 0.1
    ]
    return t("finding.because", fmt.lang, shares=", ".join(shares)) if shares else ""


def summary_columns(lang: str) -> list[Data]:
    """Columns of the sums by rule."""
    return [
        {"key": "rule", "name": t("finding.col.rule", lang), "align": "left", "grow": True},
        {"key": "kwh", "name": t("finding.col.waste", lang), "align": "right"},
    ]


def summary_rows(findings: Sequence[Finding], fmt: Format, now_us: int) -> list[Data]:
    """One row a rule, the dearest first."""
    by_rule: dict[str, list[Finding]] = {}
    for finding in findings:
        by_rule.setdefault(finding.rule, []).append(finding)
    rows = [_summary_row(rule, found, fmt, now_us) for rule, found in by_rule.items()]
    return sorted(rows, key=lambda row: (-row["cells"]["kwh"]["sort"], row["id"]))


def _summary_row(rule: str, found: Sequence[Finding], fmt: Format, now_us: int) -> Data:
    seconds = sum(((f.to_us if f.to_us is not None else now_us) - f.from_us) / 1e6 for f in found)
    times = {"count": str(len(found)), "length": fmt.duration(seconds)}
    kwh = [f.waste_kwh for f in found if f.waste_kwh is not None]
    cost = [f.waste_cost for f in found if f.waste_cost is not None]
    return {
        "id": rule,
        "cells": {
            "rule": {"text": t(f"finding.title.{rule}", fmt.lang), "sub": [[t("finding.times", fmt.lang, **times), "em-quiet"]]},
            "kwh": {
                "text": fmt.value(sum(kwh), "kWh", 1) if kwh else MISSING,
                "sort": sum(kwh) if kwh else -1.0,
                "sub": [[f"{fmt.number(sum(cost), 0)}\u00a0{fmt.currency}", "em-quiet"]] if cost else [],
            },
        },
    }
