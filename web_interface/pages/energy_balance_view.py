"""What the tab of the balance shows, as plain data: sentences of findings, rows of meters and nodes, the chart."""

from __future__ import annotations

from typing import Any

from domain.balance import BalanceFinding, BalanceReport, MeterBalance, NodeBalance
from domain.plant import Plant
from web_interface.format import MISSING, Format
from web_interface.locale import has, t

Data = dict[str, Any]
STATUS_ICON = {"within": ("done", "quiet"), "beyond": ("error", "alarm"), "unknown": ("help_outline", "quiet")}


def meter_name(device_id: str, plant: Plant, lang: str) -> str:
    """Whom the meter measures: the feed, the machine, else the meter's own id."""
    if device_id == plant.site.main_meter:
        return t("flow.main", lang)
    return next((machine.name for machine in plant.machines if machine.meter == device_id), device_id)


def node_words(node: NodeBalance, plant: Plant, fmt: Format) -> str:
    """The one sentence of a node."""
    name = meter_name(node.device_id, plant, fmt.lang)
    difference = node.difference_kwh
    if node.status == "unknown" or difference is None:
        return t("balance.node.unknown", fmt.lang, name=name)
    share = difference / node.main_kwh if node.main_kwh else 0.0
    return t(
        f"balance.node.{node.status}", fmt.lang, name=name, difference=kwh(difference, fmt), share=fmt.percent(share),
        tolerance=kwh(node.tolerance_kwh, fmt), n=len(node.children),
    )  # fmt: skip


def kwh(value: float | None, fmt: Format) -> str:
    """Figure with unit."""
    figure, unit = fmt.energy(value)
    return figure if value is None else f"{figure}\u00a0{unit}"


def finding_words(finding: BalanceFinding, plant: Plant, fmt: Format) -> tuple[str, str, str]:
    """(what is likely wrong, evidence, what to do)."""
    lang, kind = fmt.lang, finding.kind.value
    variant = finding.words.get("ratio") or finding.words.get("kind") or ""
    fix = f"balance.fix.{kind}.{variant}" if has(f"balance.fix.{kind}.{variant}", lang) else f"balance.fix.{kind}"
    values = _values(finding, plant, fmt)
    return t(f"balance.fault.{kind}", lang), t(f"balance.evidence.{kind}", lang, **values), t(fix, lang, **values)


def _values(finding: BalanceFinding, plant: Plant, fmt: Format) -> dict[str, str]:
    """Everything that the sentences may name, formatted; a dash for what this finding does not know."""
    f = finding.figures
    pattern = finding.words.get("pattern", "unknown")
    key = f"balance.pattern.{pattern}"
    machine = next((m.name for m in plant.machines if m.id == pattern), pattern)
    likely = f.get("ct_ratio_likely")
    return {
        "factor": fmt.significant(f.get("factor"), 3, 4), "known": fmt.significant(f.get("known"), 3, 4),
        "explained": fmt.percent(f.get("explained"), 0), "phases": finding.words.get("phases", MISSING),
        "shown": fmt.value(f.get("shown_kw"), "kW"), "true": fmt.value(f.get("true_kw"), "kW"),
        "lost": kwh(f.get("lost_kwh"), fmt), "hours": fmt.duration(3600 * f.get("hours", 0.0)),
        "lag": fmt.duration(abs(f.get("lag_s", 0.0))),
        "late": t("balance.clock.late" if f.get("lag_s", 0.0) > 0 else "balance.clock.early", fmt.lang),
        "mean": fmt.value(f.get("mean_kw"), "kW"),
        "pattern": t(key, fmt.lang) if has(key, fmt.lang) else t("balance.pattern.machine", fmt.lang, name=machine),
        "ct": fmt.number(f.get("ct_ratio"), 0) if "ct_ratio" in f else MISSING,
        "ct_likely": t("balance.ct_likely", fmt.lang, ratio=fmt.number(likely, 0)) if likely is not None else "",
        "integrated": kwh(f.get("integrated_kwh"), fmt), "counter": kwh(f.get("counter_kwh"), fmt),
        "difference": kwh(f.get("difference_kwh"), fmt), "cos": ", ".join(
            fmt.number(f.get(f"cos_phi_l{n}"), 2) for n in (1, 2, 3)
        ),
    }  # fmt: skip


def meter_columns(lang: str, unit: str) -> list[Data]:
    rest = [
        {"key": name, "name": t(f"balance.col.{name}", lang, unit=unit), "align": "right"}
        for name in ("counter", "integrated", "difference")
    ]
    return [
        {"key": "status", "name": "", "align": "left", "sort": False},
        {"key": "meter", "name": t("balance.col.meter", lang), "align": "left", "grow": True},
        *rest,
        {"key": "complete", "name": t("balance.col.complete", lang), "align": "right"},
    ]


def meter_rows(report: BalanceReport, plant: Plant, fmt: Format) -> list[Data]:
    """Counter against the integral of power, meter by meter."""
    return [_meter_row(meter, plant, fmt) for meter in report.meters]


def _meter_row(meter: MeterBalance, plant: Plant, fmt: Format) -> Data:
    name = meter_name(meter.device_id, plant, fmt.lang)
    icon, tone = STATUS_ICON[meter.status]
    counted, integrated = meter.counter_kwh, meter.integrated_kwh
    share = (integrated - counted) / counted if counted and integrated is not None else None
    beyond = meter.status == "beyond"
    return {
        "id": meter.device_id,
        "cells": {
            "status": {"icon": icon, "tone": tone, "text": ""},
            "meter": {"text": name, "sub": [[meter.device_id, "em-mono"]] if name != meter.device_id else []},
            "counter": {"text": fmt.number(counted, 1), "sort": -1 if counted is None else counted},
            "integrated": {"text": fmt.number(integrated, 1), "sort": -1 if integrated is None else integrated},
            "difference": {"text": fmt.percent(share, 2), "tone": "alarm" if beyond else "", "bold": beyond, "sort": share or 0},
            "complete": {"text": fmt.percent(meter.completeness, 0), "sort": meter.completeness},
        },
    }


def node_chart(node: NodeBalance, fmt: Format) -> Data:
    """Main over sum, kWh an interval; an unknown interval breaks both."""
    names = (t("balance.chart.sum", fmt.lang, n=len(node.children)), t("balance.chart.main", fmt.lang))
    columns = (
        [[i.from_us // 1000, None if i.sum_kwh is None else round(i.sum_kwh, 3)] for i in node.intervals],
        [[i.from_us // 1000, None if i.main_kwh is None else round(i.main_kwh, 3)] for i in node.intervals],
    )
    styles = ({"color": "var(--text3)", "width": 1.5, "type": [4, 3]}, {"color": "var(--s1)", "width": 2.2})
    series = [
        {
            "name": name, "type": "line", "data": data, "symbol": "none", "connectNulls": False, "lineStyle": style,
            "itemStyle": {"color": style["color"]},
        }
        for name, data, style in zip(names, columns, styles, strict=True)
    ]  # fmt: skip
    return {"grid": {"left": 52, "right": 14, "top": 14, "bottom": 26}, "xAxis": {}, "yAxis": {"min": 0}, "series": series}
