"""What is shown of alignments, as plain data: how far samples lie from their grid times, what is missing and why."""

from __future__ import annotations

from typing import Any

from domain.alignment import AlignmentStatus, SeriesError
from web_interface.format import MISSING, Format
from web_interface.locale import t

Data = dict[str, Any]


def note(status: AlignmentStatus, fmt: Format) -> str:
    """Grid, deadline, frames, delay, jumps of clocks."""
    share = status.complete / status.frames if status.frames else 0.0
    one = status.alignment
    parts = [
        t("alignments.grid", fmt.lang, grid=_ms(one.grid_ms, fmt), deadline=_ms(one.deadline_ms, fmt)),
        t("alignments.frames", fmt.lang, value=fmt.number(status.frames, 0), share=fmt.percent(share, 1)),
    ]
    if status.delay_p99_ms is not None:
        parts.append(t("alignments.delay", fmt.lang, delay=_ms(status.delay_p99_ms, fmt)))
    if status.clock_jumps:
        parts.append(t("alignments.jumps", fmt.lang, n=status.clock_jumps))
    return " · ".join(parts)


def columns(lang: str) -> list[Data]:
    """Heads; errors in ms."""
    right = ("tolerance", "mean", "p95", "max", "missing", "late")
    return [
        {"key": "tag", "name": t("alignments.col.tag", lang), "align": "left", "grow": True},
        {"key": "mode", "name": t("alignments.col.mode", lang), "align": "left"},
        *({"key": key, "name": t(f"alignments.col.{key}", lang), "align": "right"} for key in right),
    ]


def rows(status: AlignmentStatus, fmt: Format) -> list[Data]:
    """One a series."""
    return [_row(error, fmt) for error in status.series]


def _row(error: SeriesError, fmt: Format) -> Data:
    missing = sum(error.missing.values())
    reasons = sorted(error.missing.items(), key=lambda one: (-one[1], one[0]))
    told = ", ".join(t(f"alignments.reason.{reason}", fmt.lang) + f" {fmt.number(n, 0)}" for reason, n in reasons)
    words = f"{t('alignments.missing', fmt.lang)} {told}" if told else ""
    late = error.late + error.ahead
    cells: Data = {
        "tag": {"text": error.series.tag, "mono": True, **({"sub": words} if words else {})},
        "mode": {"text": t(f"alignments.mode.{error.series.mode.value}", fmt.lang)},
        "tolerance": {"text": fmt.number(error.series.tolerance_ms, 0), "sort": error.series.tolerance_ms},
        "missing": {"text": fmt.number(missing, 0), "sort": missing},
        "late": {"text": fmt.number(late, 0), "sort": late},
    }
    for key, value in (("mean", error.mean_ms), ("p95", error.p95_ms), ("max", error.max_ms)):
        cells[key] = {"text": MISSING if value is None else fmt.number(value, 1), "sort": -1.0 if value is None else value}
    return {"id": error.series.tag, "cells": cells}


def _ms(value: float, fmt: Format) -> str:
    return t("status.ms", fmt.lang, value=fmt.number(value, 0))
