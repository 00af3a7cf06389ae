"""What the tab of baselines shows, as plain data: verdicts in words, validity figures beside their bounds, charts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from domain.baseline import SECTION_PREFIX, SITE, Baseline, BaselineFit, Coefficient, Reason, SavingPoint, Savings, Variable
from domain.plant import Plant
from web_interface.format import MISSING, NBSP, Format
from web_interface.locale import t

Data = dict[str, Any]
MIN_POINTS, MIN_R2, MAX_P, MAX_CONDITION = 12, 0.75, 0.1, 30  # judged in analysis/baseline.py, here to be shown
HOUR_BOUNDS, DAY_BOUNDS = (0.30, 0.10), (0.15, 0.05)  # CV(RMSE), NMBE
_SHARES = frozenset({"low_r2", "high_cv_rmse", "high_nmbe"})


def subject_words(subject: str, plant: Plant, lang: str) -> str:
    """The machine's name, the section, or the shop."""
    if subject == SITE:
        return t("baseline.subject.site", lang)
    if subject.startswith(SECTION_PREFIX):
        return subject.removeprefix(SECTION_PREFIX)
    return next((machine.name for machine in plant.machines if machine.id == subject), subject)


def variable_words(variable: Variable, subject: str, plant: Plant, fmt: Format) -> str:
    """What a variable means: "детали, 16К20 №1"."""
    base = "" if variable.base_c is None else fmt.value(variable.base_c, "°C", 0)
    source = variable.source if "." in variable.source else subject_words(variable.source or subject, plant, fmt.lang)
    statistic = t(f"baseline.statistic.{variable.statistic}", fmt.lang)
    return t(f"baseline.kind.{variable.kind.value}", fmt.lang, source=source, base=base, statistic=statistic)


def reason_words(reason: Reason, fmt: Format) -> tuple[str, str]:
    """(what is wrong, what would help)."""
    values = {name: _value(reason.key, name, value, fmt) for name, value in reason.values.items()}
    return t(f"baseline.reason.{reason.key}", fmt.lang, **values), t(f"baseline.fix.{reason.key}", fmt.lang)


def _value(key: str, name: str, value: float | str, fmt: Format) -> str:
    if isinstance(value, str):
        return value
    if name in {"value", "bound"} and key in _SHARES - {"low_r2"}:
        return fmt.percent(value, 1)
    if name in {"value", "bound", "condition"}:
        return fmt.number(value, 2)
    return fmt.number(value, 0)


def kwh(value: float | None, fmt: Format) -> str:
    """Figure with unit, three significant digits."""
    figure, unit = fmt.energy(value)
    return figure if value is None else f"{figure}{NBSP}{unit}"


def verdict(savings: Savings, fmt: Format) -> tuple[str, str]:
    """(tone, the one sentence): good | alarm | quiet."""
    total = savings.saving_kwh
    if total is None:
        return "alarm", t("baseline.verdict.refused", fmt.lang)
    period = savings.baseline.definition.period.value
    count = t(f"baseline.count.{period}", fmt.lang, n=savings.counted)
    facts = {
        "energy": kwh(abs(total), fmt), "share": fmt.percent(abs(savings.improvement or 0.0)), "count": count,
        "uncertainty": kwh(savings.uncertainty_kwh, fmt),
    }  # fmt: skip
    if not savings.significant:
        return "quiet", t("baseline.verdict.none", fmt.lang, **facts)
    return ("good", t("baseline.verdict.saved", fmt.lang, **facts)) if total > 0 else (
        "alarm", t("baseline.verdict.wasted", fmt.lang, **facts)
    )  # fmt: skip


def signal_words(savings: Savings, fmt: Format) -> str:
    """When the CUSUM told of a lasting change."""
    signal = savings.signal
    if signal is None:
        return t("baseline.signal.none", fmt.lang)
    return t(f"baseline.signal.{signal.direction}", fmt.lang, since=fmt.day(signal.since_us), told=fmt.day(signal.time_us))


def formula_words(baseline: Baseline, fmt: Format) -> str:
    """E = 639 + 1,80·parts + 14,1·hdd, kWh."""
    made = baseline.fit
    parts = [fmt.significant(made.intercept_kwh, 4, 3)]
    for c in made.coefficients:
        sign = " + " if c.value >= 0 else " − "
        parts.append(f"{sign}{fmt.significant(abs(c.value), 3, 4)}{NBSP}·{NBSP}{c.name}")
    return f"E = {''.join(parts)}"


def validity_rows(made: BaselineFit, period: str, fmt: Format) -> list[Data]:
    """Figure, value, bound and whether it is met; a tick only where all is well, colour only where it is not."""
    cv, nmbe = HOUR_BOUNDS if period in {"hour", "shift"} else DAY_BOUNDS
    share = fmt.percent
    rows = [
        ("n", fmt.number(made.n, 0), f"≥{NBSP}{MIN_POINTS}", made.n >= MIN_POINTS),
        ("r2", fmt.number(made.r2, 3), f"≥{NBSP}{fmt.number(MIN_R2, 2)}", made.r2 >= MIN_R2),
        ("cv_rmse", share(made.cv_rmse), f"≤{NBSP}{share(cv, 0)}", made.cv_rmse <= cv),
        ("nmbe", share(made.nmbe, 2), f"≤{NBSP}±{share(nmbe, 0)}", abs(made.nmbe) <= nmbe),
        ("condition", fmt.number(made.condition, 1), f"≤{NBSP}{MAX_CONDITION}", made.condition <= MAX_CONDITION),
        ("missing", fmt.number(made.missing, 0), t("baseline.bound.quarter", fmt.lang), 3 * made.missing <= made.n),
    ]
    return [_validity_row(name, value, bound, good, fmt.lang) for name, value, bound, good in rows]


def _validity_row(name: str, value: str, bound: str, good: bool, lang: str) -> Data:
    mark = {"icon": "done" if good else "error", "tone": "quiet" if good else "alarm", "text": ""}
    words = {"text": t(f"baseline.figure.{name}", lang), "sub": [[t(f"baseline.figure.{name}.about", lang), ""]]}
    return {"id": name, "cells": {"figure": words, "value": {"text": value, "bold": not good}, "bound": bound, "mark": mark}}


def validity_columns(lang: str) -> list[Data]:
    return [
        {"key": "mark", "name": "", "align": "left", "sort": False},
        {"key": "figure", "name": t("baseline.col.figure", lang), "align": "left", "grow": True, "sort": False},
        {"key": "value", "name": t("baseline.col.value", lang), "align": "right", "sort": False},
        {"key": "bound", "name": t("baseline.col.bound", lang), "align": "right", "sort": False},
    ]


def coefficient_columns(lang: str) -> list[Data]:
    names = ("value", "error", "p", "range")
    rest = [{"key": name, "name": t(f"baseline.col.{name}", lang), "align": "right", "sort": False} for name in names]
    return [{"key": "variable", "name": t("baseline.col.variable", lang), "align": "left", "grow": True, "sort": False}, *rest]


def coefficient_rows(baseline: Baseline, plant: Plant, fmt: Format) -> list[Data]:
    """One row a variable, with its range in training."""
    definition = baseline.definition
    return [
        {"id": c.name, "cells": _coefficient_cells(c, v, definition.subject, plant, fmt)}
        for c, v in zip(baseline.fit.coefficients, definition.variables, strict=True)
    ]


def _coefficient_cells(c: Coefficient, v: Variable, subject: str, plant: Plant, fmt: Format) -> Data:
    unit = fmt.unit(v.unit) if v.unit not in {"", "1"} else ""
    low, high = (fmt.significant(x, 3, 1) for x in (c.low, c.high))
    weak = c.p_value is None or not c.p_value < MAX_P
    return {
        "variable": {"text": c.name, "bold": True, "sub": [[variable_words(v, subject, plant, fmt), ""]]},
        "value": fmt.significant(c.value, 3, 4),
        "error": MISSING if c.std_error is None else f"±{NBSP}{fmt.significant(c.std_error, 2, 4)}",
        "p": {"text": _p_words(c.p_value, fmt), "tone": "alarm" if weak else "", "bold": weak},
        "range": f"{low} … {high}{NBSP}{unit}".rstrip(),
    }


def _p_words(p: float | None, fmt: Format) -> str:
    return MISSING if p is None else f"< {fmt.number(0.001, 3)}" if p < 0.001 else fmt.number(p, 3)


# -- charts ------------------------------------------------------------------------------------------------------------------


def gap_area(points: Sequence[SavingPoint]) -> Data:
    """Missing periods as bands in the hatch of no data."""
    lost = [p.row for p in points if p.status == "missing"]
    return {
        "silent": True, "itemStyle": {"color": "hatch(--st-nodata)"},
        "data": [[{"xAxis": row.from_us // 1000}, {"xAxis": row.to_us // 1000}] for row in lost],
    }  # fmt: skip


def energy_chart(points: Sequence[SavingPoint], fmt: Format) -> Data:
    """Measured over expected; a missing period breaks both lines, an extrapolated one is not drawn as expected."""
    names = [t("baseline.chart.expected", fmt.lang), t("baseline.chart.measured", fmt.lang)]
    expected = [[p.row.from_us // 1000, p.expected_kwh if p.status == "counted" else None] for p in points]
    measured = [[p.row.from_us // 1000, p.row.energy_kwh] for p in points]
    lines = [_line(names[0], _rounded(expected), "var(--text3)", dashed=True), _line(names[1], _rounded(measured), "var(--s1)")]
    lines[1]["markArea"] = gap_area(points)
    return {"grid": {"left": 60, "right": 14, "top": 14, "bottom": 26}, "xAxis": {}, "yAxis": {"min": 0}, "series": lines}


def cusum_chart(savings: Savings, fmt: Format) -> Data:
    """The running sum of savings, with a line where a lasting change was told."""
    points = [[p.row.from_us // 1000, p.cusum_kwh] for p in savings.points]
    line = _line(t("baseline.chart.cusum", fmt.lang), _rounded(points), "var(--s1)")
    line["areaStyle"] = {"color": "var(--s1)", "opacity": "var(--area)"}
    line["markArea"] = gap_area(savings.points)
    if savings.signal is not None:
        line["markLine"] = {
            "silent": True, "symbol": "none", "lineStyle": {"color": "var(--text)", "width": 1.5, "type": "solid"},
            "label": {
                "formatter": t("baseline.chart.signal", fmt.lang), "color": "var(--text)", "fontSize": 12, "fontFamily": "Inter",
                "position": "end", "rotate": 0,
            },
            "data": [{"xAxis": savings.signal.since_us // 1000}],
        }  # fmt: skip
    return {"grid": {"left": 60, "right": 14, "top": 26, "bottom": 26}, "xAxis": {}, "yAxis": {}, "series": [line]}


def _rounded(points: Sequence[Sequence[float | None]]) -> list[list[float | None]]:
    return [[x, None if y is None else round(y, 2)] for x, y in points]


def _line(name: str, points: list[list[float | None]], colour: str, *, dashed: bool = False) -> Data:
    style: Data = {"color": colour, "width": 1.5 if dashed else 2.2}
    if dashed:
        style["type"] = [4, 3]
    return {
        "name": name, "type": "line", "data": points, "symbol": "none", "connectNulls": False, "lineStyle": style,
        "itemStyle": {"color": colour},
    }  # fmt: skip


def chart_view(from_us: Sequence[int], fmt: Format, zone: str, label: str, *, days: bool = True, digits: int = 0) -> Data:
    """Range and ticks of a chart whose points begin at these times."""
    begins = list(from_us)
    count = max(1, len(begins) // 8)
    words: Callable[[int], str] = (lambda us: f"{fmt.local(us):%d.%m}") if days else fmt.clock
    ticks = [[us // 1000, words(us), n] for n, us in enumerate(begins[::count])]
    edges = [begins[0] // 1000, begins[-1] // 1000] if begins else [0, 1]
    return {
        "ticks": ticks, "range": edges, "compact": None, "unit": fmt.unit("kWh"), "digits": digits, "lang": fmt.lang,
        "zone": zone, "label": label, "days": days,
    }  # fmt: skip


def latest(baselines: Sequence[Baseline]) -> list[Baseline]:
    """The newest version of each name, newest first."""
    newest: dict[str, Baseline] = {}
    for baseline in baselines:
        known = newest.get(baseline.definition.name)
        if known is None or known.version < baseline.version:
            newest[baseline.definition.name] = baseline
    return sorted(newest.values(), key=lambda b: -b.fitted_us)


def span_words(from_us: int, to_us: int, fmt: Format) -> str:
    """First to last day, both included."""
    return f"{fmt.day(from_us)} – {fmt.day(max(from_us, to_us - 1))}"
