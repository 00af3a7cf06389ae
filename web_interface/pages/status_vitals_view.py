"""How the process does, as plain data: tiles with a day's course and advice, errors of communication by kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from domain.health import ErrorCount, Vitals
from domain.plant import Plant
from web_interface.format import MISSING, Format
from web_interface.locale import has, t

Data = dict[str, Any]
POINTS = 120  # of a spark line: the greatest of each stretch, so that no peak vanishes
CPU_HIGH = 0.85
LAG_HIGH_MS, LATE_HIGH_MS, WRITE_HIGH_MS = 100.0, 1000.0, 1000.0
WAITING_HIGH = 50_000
_FIGURES: dict[str, tuple[Callable[[Vitals], float | None], Callable[[Vitals], bool]]] = {
    "cpu": (lambda v: 100 * v.cpu, lambda v: v.cpu > CPU_HIGH),
    "memory": (lambda v: v.memory_bytes / 1e6, lambda v: False),
    "lag": (lambda v: v.loop_lag_ms, lambda v: v.loop_lag_ms > LAG_HIGH_MS),
    "late": (lambda v: v.poll_late_ms, lambda v: v.polls_skipped > 0 or (v.poll_late_ms or 0.0) > LATE_HIGH_MS),
    "waiting": (lambda v: float(v.waiting_samples), lambda v: v.waiting_samples > WAITING_HIGH),
    "written": (lambda v: v.written_per_s, lambda v: False),
    "write": (lambda v: v.write_ms, lambda v: (v.write_ms or 0.0) > WRITE_HIGH_MS),
}
_UNITS = {"cpu": "%", "memory": "MB", "lag": "ms", "late": "ms", "write": "ms", "waiting": "", "written": ""}
_DIGITS = {"cpu": 0, "memory": 0, "lag": 1, "late": 1, "waiting": 0, "written": 0, "write": 1}


def tiles(readings: Sequence[Vitals], fmt: Format) -> dict[str, Data]:
    """A tile a figure: now, the day's course, whether that is well and what to do when it is not."""
    return {name: _tile(name, readings, fmt) for name in _FIGURES}


def _tile(name: str, readings: Sequence[Vitals], fmt: Format) -> Data:
    value_of, bad = _FIGURES[name]
    now = readings[-1] if readings else None
    value = value_of(now) if now is not None else None
    known = [v for reading in readings if (v := value_of(reading)) is not None]
    digits = _DIGITS[name]
    if now is None:
        note = [[t("vitals.waiting_first", fmt.lang), "em-quiet"]]
    elif bad(now):
        note = [[t(f"vitals.{name}.bad", fmt.lang, n=now.polls_skipped), "em-alarm"]]
    else:
        most = fmt.number(max(known), digits) if known else MISSING
        note = [[t("vitals.most", fmt.lang, value=most), "em-quiet"]]
    return {
        "name": t(f"vitals.{name}", fmt.lang), "help": t(f"vitals.{name}.help", fmt.lang), "bar": None, "aside": [],
        "stale": None, "value": fmt.number(value, digits),
        "unit": fmt.unit(_UNITS[name]) if _UNITS[name] else t(f"vitals.{name}.unit", fmt.lang),
        "spark": {"points": course([value_of(reading) for reading in readings]), "target": None}, "note": note,
    }  # fmt: skip


def course(values: Sequence[float | None]) -> list[list[float | None]]:
    """Points of a spark line from zero, both axes 0..100; the greatest of each stretch, a gap where nothing is known."""
    if not values:
        return []
    top = max((v for v in values if v is not None), default=0.0) or 1.0
    wide = -(-len(values) // POINTS)
    stretches = [values[at : at + wide] for at in range(0, len(values), wide)]
    most = [max((v for v in stretch if v is not None), default=None) for stretch in stretches]
    last = max(1, len(most) - 1)
    return [[round(100 * at / last, 1), None if v is None else round(95 * v / top, 1)] for at, v in enumerate(most)]


def errors_tile(errors: Sequence[ErrorCount], fmt: Format) -> Data:
    """Errors of communication of the last day, by hour."""
    hours = [float(sum(count.by_hour[at] for count in errors)) for at in range(24)] if errors else [0.0] * 24
    total = sum(hours)
    note = t("vitals.errors.hour", fmt.lang, n=fmt.number(hours[-1], 0)) if total else t("vitals.errors.none", fmt.lang)
    return {
        "name": t("vitals.errors", fmt.lang), "help": t("vitals.errors.help", fmt.lang), "bar": None, "aside": [], "stale": None,
        "value": fmt.number(total, 0), "unit": t("vitals.errors.unit", fmt.lang),
        "spark": {"points": course(list(hours)), "target": None}, "note": [[note, "em-quiet"]],
    }  # fmt: skip


def columns(lang: str) -> list[Data]:
    """Of the table of errors."""
    return [
        {"key": "device", "name": t("vitals.col.device", lang), "align": "left"},
        {"key": "kind", "name": t("vitals.col.kind", lang), "align": "left", "grow": True},
        {"key": "hour", "name": t("vitals.col.hour", lang), "align": "right"},
        {"key": "day", "name": t("vitals.col.day", lang), "align": "right"},
        {"key": "total", "name": t("vitals.col.total", lang), "align": "right"},
    ]


def rows(errors: Sequence[ErrorCount], plant: Plant, fmt: Format) -> list[Data]:
    """A row a device and kind: what it means in plain words and what to check."""
    machines = {machine.meter: machine.name for machine in plant.machines if machine.meter}
    found = []
    for count in errors:
        day = sum(count.by_hour)
        place = t("vitals.place", fmt.lang, device=count.device_id, line=count.line_id)
        found.append({
            "id": f"{count.device_id}-{count.kind}",
            "cells": {
                "device": {"text": machines.get(count.device_id, count.device_id), "sub": place, "bold": True},
                "kind": {"text": kind_name(count.kind, fmt.lang), "sub": kind_advice(count.kind, fmt.lang)},
                "hour": {"text": fmt.number(count.by_hour[-1], 0), "sort": count.by_hour[-1], "bold": count.by_hour[-1] > 0},
                "day": {"text": fmt.number(day, 0), "sort": day},
                "total": {"text": fmt.number(count.total, 0), "sort": count.total},
            },
        })  # fmt: skip
    return found


def kind_name(kind: str, lang: str) -> str:
    """A kind of error in plain words."""
    key = f"comm.{kind}"
    return t(key, lang) if has(key, lang) else kind.replace("_", " ")


def kind_advice(kind: str, lang: str) -> str:
    """What to check."""
    key = f"comm.{kind}.advice"
    return t(key, lang) if has(key, lang) else ""
