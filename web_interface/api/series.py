"""A period of several tags: the step that fits, the points, and their three forms (JSON, CSV, Parquet)."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from domain.plant import Tag
from domain.ports import RawSeries, RollupSeries, Step
from domain.quality import FIRST_BAD, Quality
from domain.quantity import Kind
from web_interface.api.problems import BadParameter, TooLarge
from web_interface.api.times import rfc3339, rfc3339_column
from web_interface.services import HistoryService

MOST_POINTS = 100_000
AUTO_POINTS = 5_000
STEPS = (Step.RAW, Step.M1, Step.M15, Step.H1, Step.D1)
RAW_COLUMNS = ("time", "value", "quality")
ROLLUP_COLUMNS = ("time", "mean", "min", "max", "count", "good_share")


@dataclass(frozen=True, slots=True)
class Table:
    """Points of one tag: parallel columns; the first is the time in UTC microseconds."""

    tag: Tag
    columns: tuple[str, ...]
    data: tuple[Sequence[Any], ...]

    def __len__(self) -> int:
        return len(self.data[0])


def expected_points(tag: Tag, step: Step, from_us: int, to_us: int) -> int:
    """How many points that would be, at most (raw: at the nominal interval)."""
    width_s = step.seconds or max(tag.interval_s, 0.01)
    return int((to_us - from_us) / 1e6 / width_s) + 1


async def fetch(
    history: HistoryService, tags: Sequence[Tag], step: Step | None, from_us: int, to_us: int, max_points: int = AUTO_POINTS
) -> tuple[Step, list[Table]]:
    """With `step` None the finest that gives at most `max_points` a tag. Raises TooLarge for over 100 000 points."""
    for tag in tags:
        if tag.kind is Kind.TEXT:
            raise BadParameter("tag", f"{tag.name} holds text: it has a latest value, but no series")
    if step is not None:
        tables = await _fetch(history, tags, step, from_us, to_us, MOST_POINTS)
        if tables is None:
            raise TooLarge(
                f"that would be more than {MOST_POINTS} points; ask for a shorter span, fewer tags or a coarser step", MOST_POINTS
            )
        return step, tables
    for candidate in STEPS:
        if any(expected_points(tag, candidate, from_us, to_us) > max_points + 1 for tag in tags) and candidate is not Step.D1:
            continue
        most = min(MOST_POINTS, (max_points + 1) * len(tags))
        tables = await _fetch(history, tags, candidate, from_us, to_us, most)
        if tables is not None:
            return candidate, tables
    raise TooLarge(f"even by day that would be more than {max_points} points a tag", max_points)


async def _fetch(
    history: HistoryService, tags: Sequence[Tag], step: Step, from_us: int, to_us: int, most: int
) -> list[Table] | None:
    """None when there are more than `most` points."""
    if step is not Step.RAW and sum(expected_points(tag, step, from_us, to_us) for tag in tags) > most + len(tags):
        return None
    tables: list[Table] = []
    left = most
    for tag in tags:
        if step is Step.RAW:
            table = _raw_table(tag, await history.raw(tag.name, from_us, to_us, left + 1))
        else:
            table = _rollup_table(tag, await history.rollup(tag.name, step, from_us, to_us))
        left -= len(table)
        if left < 0:
            return None
        tables.append(table)
    return tables


_GRADES = [("good" if q == 0 else "bad" if q >= FIRST_BAD else "uncertain") for q in range(max(Quality) + 1)]


def _raw_table(tag: Tag, series: RawSeries) -> Table:
    grades = [_GRADES[q] if 0 <= q < len(_GRADES) else "bad" for q in series.qualities]
    return Table(tag, RAW_COLUMNS, (series.times_us, series.values, grades))


def _rollup_table(tag: Tag, series: RollupSeries) -> Table:
    rows = series.rows
    columns: list[Sequence[Any]] = [
        [row.time_us for row in rows],
        [row.mean for row in rows],
        [row.min for row in rows],
        [row.max for row in rows],
        [row.count for row in rows],
        [row.good_count / row.count if row.count else 0.0 for row in rows],
    ]
    names: tuple[str, ...] = ROLLUP_COLUMNS
    if tag.kind is Kind.COUNTER:
        names = (*names, "consumption")
        columns.append([row.consumption for row in rows])
    return Table(tag, names, tuple(columns))


def as_json(step: Step, tables: Sequence[Table], from_us: int, to_us: int) -> dict[str, Any]:
    """The JSON form; points are rows."""
    return {
        "from": rfc3339(from_us),
        "to": rfc3339(to_us),
        "step": step.value,
        "series": [
            {
                "tag": table.tag.name,
                "unit": table.tag.unit,
                "columns": table.columns,
                "points": list(zip(rfc3339_column(table.data[0]), *table.data[1:], strict=True)),
            }
            for table in tables
        ],
    }


def as_csv(tables: Sequence[Table]) -> bytes:
    """One table for all tags: tag, unit, then the columns (those a tag lacks stay empty). UTF-8, comma, point."""
    names = _all_columns(tables)
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(["tag", "unit", *names])
    for table in tables:
        head = [safe_cell(table.tag.name), safe_cell(table.tag.unit)]
        places = {name: i for i, name in enumerate(table.columns)}
        columns = [
            rfc3339_column(table.data[0]) if n == "time" else table.data[places[n]] if n in places else None for n in names
        ]
        for row in range(len(table)):
            writer.writerow([*head, *("" if column is None or column[row] is None else column[row] for column in columns)])
    return buffer.getvalue().encode()


def as_parquet(tables: Sequence[Table]) -> bytes:
    """The same table; `time` is timestamp[us, UTC]."""
    pa, pq = import_module("pyarrow"), import_module("pyarrow.parquet")  # 40 MiB that only this answer needs

    kinds = {"time": pa.timestamp("us", tz="UTC"), "quality": pa.string(), "count": pa.int64()}
    names = _all_columns(tables)
    schema = pa.schema([("tag", pa.string()), ("unit", pa.string()), *((name, kinds.get(name, pa.float64())) for name in names)])
    parts = []
    for table in tables:
        n = len(table)
        columns: dict[str, list[Any]] = {"tag": [table.tag.name] * n, "unit": [table.tag.unit] * n}
        columns |= {name: [None] * n for name in names}
        columns |= {name: list(column) for name, column in zip(table.columns, table.data, strict=True)}
        parts.append(pa.table(columns, schema=schema))
    sink = io.BytesIO()
    pq.write_table(pa.concat_tables(parts) if parts else schema.empty_table(), sink, compression="zstd")
    return sink.getvalue()


def _all_columns(tables: Sequence[Table]) -> list[str]:
    names: list[str] = []
    for table in tables:
        names += [name for name in table.columns if name not in names]
    return names or list(RAW_COLUMNS)


_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\x00", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def safe_cell(text: str) -> str:
    """A text that a spreadsheet would take for a formula gets an apostrophe in front; control characters go."""
    risky = text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA)
    clean = _CONTROL.sub("", text)
    return "'" + clean if risky else clean
