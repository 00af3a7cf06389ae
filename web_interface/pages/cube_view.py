"""The cube as a table of two dimensions, and plan against fact: data in, what the page draws out. No element, no service."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from domain.cube import CubeAnswer, CubeRow, Dimension
from domain.plan import PlanFact, PlanScope, Progress

Value = str | int | bool | date
ROWS = (Dimension.MACHINE, Dimension.SECTION, Dimension.SHIFT, Dimension.CREW, Dimension.DAY, Dimension.HOUR, Dimension.STATE)
COLUMNS = (Dimension.STATE, Dimension.SHIFT, Dimension.BREAK, Dimension.SECTION, Dimension.DAY)
DEFAULT = (Dimension.MACHINE, Dimension.STATE)
STATE_RANK = {"production": 0, "idle": 1, "off": 2, "alarm": 3, "no_data": 4}
BY_SIZE = frozenset({Dimension.MACHINE, Dimension.SECTION, Dimension.CREW})


@dataclass(frozen=True, slots=True)
class Pivot:
    """`cells[row, column]` kWh (None: not known; missing: there was no such time); totals of rows, columns and all."""

    rows: Sequence[Value]
    columns: Sequence[Value]
    cells: Mapping[tuple[Value, Value], float | None]
    row_totals: Mapping[Value, CubeRow]
    column_totals: Mapping[Value, float | None]
    total_kwh: float | None


def axes(asked: str) -> tuple[Dimension, Dimension]:
    """Dimensions of "machine-state"; what makes no sense becomes the usual table."""
    known = {dimension.value: dimension for dimension in Dimension}
    parts = asked.split("-")
    if len(parts) != 2 or parts[0] == parts[1]:
        return DEFAULT
    row, column = known.get(parts[0]), known.get(parts[1])
    return (row, column) if row in ROWS and column in COLUMNS else DEFAULT


def pivot(answer: CubeAnswer, row: Dimension, column: Dimension) -> Pivot:
    """Of an answer grouped by both."""
    by_row: dict[Value, list[CubeRow]] = {}
    by_column: dict[Value, list[CubeRow]] = {}
    cells: dict[tuple[Value, Value], float | None] = {}
    for found in answer.rows:
        r, c = found.key[row], found.key[column]
        by_row.setdefault(r, []).append(found)
        by_column.setdefault(c, []).append(found)
        cells[r, c] = found.energy_kwh
    totals = {value: _total(rows) for value, rows in by_row.items()}
    rows = sorted(by_row, key=lambda v: (-(totals[v].energy_kwh or 0.0), str(v)) if row in BY_SIZE else (0.0, _rank(row, v)))
    columns = sorted(by_column, key=lambda v: _rank(column, v))
    return Pivot(rows, columns, cells, totals, {c: _total(found).energy_kwh for c, found in by_column.items()},
                 answer.total.energy_kwh)  # fmt: skip


def _rank(dimension: Dimension, value: Value) -> str:
    if dimension is Dimension.STATE:
        return str(STATE_RANK.get(str(value), 9))
    return f"{value:02d}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _total(rows: Sequence[CubeRow]) -> CubeRow:
    known = [row.energy_kwh for row in rows if row.energy_kwh is not None]
    return CubeRow(
        {}, math.fsum(known) if known else None, math.fsum(row.uncertain_kwh for row in rows),
        sum(row.duration_us for row in rows), sum(row.known_us for row in rows),
    )  # fmt: skip


def digits_of(total_kwh: float | None) -> int:
    """Decimals that a table of that size needs."""
    return 2 if total_kwh is None or total_kwh < 10 else 1 if total_kwh < 10_000 else 0


def pivot_rows(
    found: Pivot, row: Dimension, words: Callable[[Dimension, Value], str], number: Callable[[float | None, int], str],
    percent: Callable[[float], str], total_words: str, explains: str = "",
) -> list[dict[str, Any]]:
    """Rows of a DataTable; the last one is the total. `explains`: words of a figure that opens, "" when none does."""
    digits = digits_of(found.total_kwh)
    opens = {"explains": explains} if explains else {}
    rows: list[dict[str, Any]] = []
    for n, value in enumerate(found.rows):
        total = found.row_totals[value]
        share = (total.energy_kwh or 0.0) / found.total_kwh if found.total_kwh else 0.0
        label: dict[str, Any] = {"text": words(row, value), "bold": True}
        if row is Dimension.MACHINE:
            label["href"] = f"/machines/{value}"
        rows.append({
            "id": f"r{n}",
            "cells": {
                "what": label,
                **{
                    f"c{i}": {"text": number(found.cells[value, c], digits), **opens} if (value, c) in found.cells else ""
                    for i, c in enumerate(found.columns)
                },
                "total": {"text": number(total.energy_kwh, digits), "bold": True, **opens},
                "share": {"text": percent(share), "load": round(100 * share, 1)},
                "complete": percent(total.completeness),
            },
        })  # fmt: skip
    if len(rows) > 1:
        columns = {
            f"c{i}": {"text": number(found.column_totals[c], digits), "bold": True, **opens} for i, c in enumerate(found.columns)
        }
        total_cell = {"text": number(found.total_kwh, digits), "bold": True, **opens}
        rows.append({
            "id": "total",
            "cells": {"what": {"text": total_words, "bold": True}, **columns, "total": total_cell, "share": "", "complete": ""},
        })
    return rows


def cell_of(found: Pivot, row: Dimension, column: Dimension, row_id: str, key: str) -> tuple[str, dict[str, str]]:
    """Subject and options of the explanation of one cell of `pivot_rows`; totals leave a dimension out."""
    values: dict[Dimension, Value] = {}
    if row_id != "total":
        values[row] = found.rows[int(row_id.removeprefix("r"))]
    if key != "total":
        values[column] = found.columns[int(key.removeprefix("c"))]
    machine, section = values.pop(Dimension.MACHINE, None), values.pop(Dimension.SECTION, None)
    subject = str(machine) if machine is not None else f"section:{section}" if section is not None else "site"
    return subject, {dimension.value: said(value) for dimension, value in values.items()}


def said(value: Value) -> str:
    """A value as it stands in an address."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date) else str(value)


def plan_rows(
    facts: Sequence[PlanFact], subject: Callable[[PlanFact], str], interval: Callable[[PlanFact], str],
    number: Callable[[float | None, int], str], signed: Callable[[float], str],
) -> list[dict[str, Any]]:
    """Rows of a DataTable: one a plan and figure."""
    rows: list[dict[str, Any]] = []
    for n, fact in enumerate(facts):
        for unit, found in (("kwh", fact.kwh), ("parts", fact.parts)):
            if found is not None:
                rows.append(_plan_row(f"{n}-{unit}", unit, fact, found, subject(fact), interval(fact), number, signed))
    return rows


def _plan_row(
    row_id: str, unit: str, fact: PlanFact, found: Progress, whom: str, when: str,
    number: Callable[[float | None, int], str], signed: Callable[[float], str],
) -> dict[str, Any]:
    digits = 0 if unit == "parts" else digits_of(found.planned)
    share = found.deviation_share
    return {
        "id": row_id,
        "cells": {
            "whom": {"text": whom, "sub": when, "bold": fact.plan.scope is PlanScope.SITE},
            "planned": number(found.planned, digits),
            "expected": number(found.expected, digits) if fact.running else "",
            "actual": {"text": number(found.actual, digits), "bold": True},
            "deviation": {"text": "—" if share is None else signed(share), "tone": _tone(unit, share)},
            "projection": number(found.projection, digits) if fact.running else "",
            "unit": unit,
        },
    }


def _tone(unit: str, share: float | None) -> str:
    """More energy or fewer parts than planned, by 5 % and more, asks for attention."""
    if share is None or abs(share) < 0.05:
        return ""
    return "alarm" if (share > 0) == (unit == "kwh") else "good"
