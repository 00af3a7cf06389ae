"""What the page of control loops shows, as plain data: the verdict, figures side by side, charts, answers to steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from domain.loop import LoopEpisode, LoopReport
from web_interface.format import MISSING, NBSP, Format
from web_interface.locale import t
from web_interface.pages.trend import axis, time_ticks

Data = dict[str, Any]
SLUGGISH = 0.8  # a Harris index from which most of the variance could be taken away
OVERSHOT = 0.25
WINDOWS_S = {"15m": 900, "1h": 3600, "8h": 8 * 3600, "1d": 86_400, "7d": 7 * 86_400}


def with_unit(value: float | None, unit: str, fmt: Format, figures: int = 3) -> str:
    """Figure and unit; what is not known is a dash."""
    if value is None:
        return MISSING
    # of the integral of an error no more is known than three figures
    shown = round(value, 2 - math.floor(math.log10(abs(value)))) if abs(value) >= 1000 else value
    return f"{fmt.significant(shown, figures, 3)}{NBSP}{unit}".strip()


def verdict(report: LoopReport, fmt: Format) -> tuple[str, str, str]:
    """(icon, tone, the one sentence): does it swing, is anything known, where is something to be gained?"""
    if report.errors.iae is None:
        return "help_outline", "quiet", t("loops.verdict.unknown", fmt.lang)
    if report.oscillates:
        facts = {
            "period": fmt.duration(report.period_s or 0.0), "amplitude": with_unit(report.amplitude, report.unit, fmt),
        }  # fmt: skip
        return "error", "alarm", t("loops.verdict.swings", fmt.lang, **facts)
    worst = max((e.overshoot or 0.0 for e in report.episodes), default=0.0)
    if worst > OVERSHOT:
        return "warning_amber", "suspect", t("loops.verdict.overshoots", fmt.lang, share=fmt.percent(worst, 0))
    if report.harris is not None and report.harris > SLUGGISH:
        return "warning_amber", "suspect", t("loops.verdict.slow", fmt.lang, index=fmt.number(report.harris, 2))
    return "task_alt", "good", t("loops.verdict.good", fmt.lang)


def figure_columns(reports: Sequence[LoopReport], lang: str) -> list[Data]:
    """What is measured, then a column a loop."""
    names = [{"key": report.loop.id, "name": report.loop.name, "align": "right"} for report in reports]
    return [{"key": "figure", "name": t("loops.figure", lang), "align": "left", "grow": True}, *names]


def figure_rows(reports: Sequence[LoopReport], fmt: Format) -> list[Data]:
    """Every figure of the window, with its unit."""
    return [_figure_row(key, of, reports, fmt) for key, of in FIGURES.items()]


def _figure_row(key: str, of: Callable[[LoopReport, Format], str], reports: Sequence[LoopReport], fmt: Format) -> Data:
    cells: Data = {"figure": {"text": t(f"loops.figure.{key}", fmt.lang), "sub": t(f"loops.help.{key}", fmt.lang)}}
    return {"id": key, "cells": {**cells, **{r.loop.id: {"text": of(r, fmt)} for r in reports}}}


def _seconds(value: float | None, fmt: Format) -> str:
    return MISSING if value is None else fmt.value(value, "s", 1)


def _swing(report: LoopReport, fmt: Format) -> str:
    if not report.oscillates:
        return t("loops.no", fmt.lang)
    return f"{fmt.duration(report.period_s or 0.0)}, ±{with_unit(report.amplitude, report.unit, fmt)}"


FIGURES: dict[str, Callable[[LoopReport, Format], str]] = {
    "mean_error": lambda r, f: with_unit(r.mean_abs_error, r.unit, f),
    "iae": lambda r, f: with_unit(r.errors.iae, f"{r.unit}·{f.unit('s')}", f),
    "ise": lambda r, f: with_unit(r.errors.ise, f"{r.unit}²·{f.unit('s')}", f),
    "itae": lambda r, f: with_unit(r.errors.itae, f"{r.unit}·{f.unit('s')}²", f),
    "itse": lambda r, f: with_unit(r.errors.itse, f"{r.unit}²·{f.unit('s')}²", f),
    "harris": lambda r, f: f.number(r.harris, 2),
    "swing": _swing,
    "variation": lambda r, f: with_unit(r.errors.output_variation, f.unit(r.output_unit) if r.output_unit else "", f),
    "completeness": lambda r, f: f.percent(r.errors.completeness),
}


def episode_columns(lang: str) -> list[Data]:
    """One row an answer to a step."""
    keys = ("overshoot", "rise", "settling", "steady", "iae")
    return [
        {"key": "begin", "name": t("loops.episode.begin", lang), "align": "left"},
        {"key": "step", "name": t("loops.episode.step", lang), "align": "left", "grow": True},
        *({"key": key, "name": t(f"loops.episode.{key}", lang), "align": "right"} for key in keys),
    ]


def episode_rows(report: LoopReport, fmt: Format, now_us: int) -> list[Data]:
    """Newest first."""
    return [_episode_row(episode, report.unit, fmt, now_us) for episode in reversed(report.episodes)]


def _episode_row(episode: LoopEpisode, unit: str, fmt: Format, now_us: int) -> Data:
    step = f"{fmt.significant(episode.before, 4, 2)} → {with_unit(episode.after, unit, fmt, 4)}"
    sortable = {
        "overshoot": (fmt.percent(episode.overshoot, 1), episode.overshoot),
        "rise": (_seconds(episode.rise_s, fmt), episode.rise_s),
        "settling": (t("loops.not_settled", fmt.lang) if episode.settling_s is None else _seconds(episode.settling_s, fmt),
                     episode.settling_s),
        "steady": (with_unit(episode.steady_error, unit, fmt), episode.steady_error),
        "iae": (with_unit(episode.errors.iae, f"{unit}·{fmt.unit('s')}", fmt), episode.errors.iae),
    }  # fmt: skip
    cells: Data = {
        "begin": {"text": fmt.moment(episode.from_us, now_us), "sort": episode.from_us}, "step": {"text": step},
        **{key: {"text": text, "sort": -1.0 if value is None else value} for key, (text, value) in sortable.items()},
    }  # fmt: skip
    return {"id": episode.from_us, "cells": cells}


def value_chart(report: LoopReport, fmt: Format) -> tuple[Data, Data]:
    """(options, view): set point as a thin dashed line of steps, process value over it."""
    names = (t("loops.setpoint", fmt.lang), t("loops.process", fmt.lang))
    columns = [[point[0] / 1000, point[column]] for column in (1, 2) for point in report.trace]
    half = len(report.trace)
    series = [
        _series(names[0], columns[:half], "var(--text2)", 1.5, dashed=True, step="end"),
        _series(names[1], columns[half:], "var(--s1)", 2.0),
    ]
    return _chart(series, report, fmt, report.unit)


def output_chart(report: LoopReport, fmt: Format) -> tuple[Data, Data] | None:
    """The controller's output; None where it is not measured."""
    if report.loop.output is None:
        return None
    points = [[point[0] / 1000, point[3]] for point in report.trace]
    series = [_series(t("loops.output", fmt.lang), points, "var(--s2)", 1.5, step="end")]
    return _chart(series, report, fmt, fmt.unit(report.output_unit) if report.output_unit else "")


def _series(
    name: str, points: list[list[float | None]], color: str, width: float, *, dashed: bool = False, step: str | None = None
) -> Data:
    style: Data = {"color": color, "width": width, **({"type": [5, 3]} if dashed else {})}
    made = {"name": name, "type": "line", "data": points, "symbol": "none", "connectNulls": False, "lineStyle": style,
            "itemStyle": {"color": color}, "animation": False}  # fmt: skip
    return {**made, **({"step": step} if step else {})}


def _chart(series: list[Data], report: LoopReport, fmt: Format, unit: str) -> tuple[Data, Data]:
    values = [point[1] for line in series for point in line["data"]]
    options = {
        "grid": {"left": 56, "right": 14, "top": 14, "bottom": 26}, "xAxis": {}, "yAxis": axis(values, zero=False),
        "series": series,
    }  # fmt: skip
    label = f"{report.loop.name}: " + ", ".join(line["name"] for line in series)
    days = report.to_us - report.from_us > 2 * 86_400_000_000
    view = {
        "ticks": time_ticks(report.from_us, report.to_us, fmt), "range": [report.from_us // 1000, report.to_us // 1000],
        "compact": None, "unit": unit, "digits": 2, "lang": fmt.lang, "zone": fmt.zone.key, "label": label, "days": days,
    }  # fmt: skip
    return options, view
