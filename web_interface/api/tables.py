"""Points of tags as tables, and their files: CSV and Parquet. Text that came from outside stays text in a spreadsheet (S18)."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from domain.plant import Tag
from domain.ports import RawSeries, RollupSeries
from domain.quality import FIRST_BAD, Quality
from domain.quantity import Kind
from web_interface.api.times import rfc3339_column

RAW_COLUMNS = ("time", "value", "quality")
ROLLUP_COLUMNS = ("time", "mean", "min", "max", "count", "good_share")
TEXT_COLUMNS = ("quality", "step", "period")


@dataclass(frozen=True, slots=True)
class Table:
    """Points of one tag: parallel columns; the first is the time in UTC microseconds."""

    tag: Tag
    columns: tuple[str, ...]
    data: tuple[Sequence[Any], ...]

    def __len__(self) -> int:
        return len(self.data[0])

    def with_text(self, name: str, text: str) -> Table:
        """With a further column that says the same in each row."""
        return Table(self.tag, (*self.columns, name), (*self.data, [text] * len(self)))


_GRADES = [("good" if q == 0 else "bad" if q >= FIRST_BAD else "uncertain") for q in range(max(Quality) + 1)]


def raw_table(tag: Tag, series: RawSeries) -> Table:
    """Samples: time, value, quality."""
    grades = [_GRADES[q] if 0 <= q < len(_GRADES) else "bad" for q in series.qualities]
    return Table(tag, RAW_COLUMNS, (series.times_us, series.values, grades))


def rollup_table(tag: Tag, series: RollupSeries) -> Table:
    """Buckets: time of begin, statistics; of a counter also what it grew by."""
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


def as_csv(tables: Sequence[Table]) -> bytes:
    """One table for all tags: tag, unit, then the columns (those a tag lacks stay empty). UTF-8, comma, point."""
    names = all_columns(tables)
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

    kinds = {"time": pa.timestamp("us", tz="UTC"), "count": pa.int64(), **dict.fromkeys(TEXT_COLUMNS, pa.string())}
    names = all_columns(tables)
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


def all_columns(tables: Sequence[Table]) -> list[str]:
    """Names of the columns of all tables, in order of first use."""
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
