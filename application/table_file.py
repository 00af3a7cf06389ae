"""Tables that people make elsewhere: CSV in two encodings and three separators, or the first sheet of an XLSX file."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Sequence

from domain.errors import ConfigError

LARGEST_UNPACKED_BYTES = 64_000_000

Cell = object
Row = Sequence[Cell]


def read_table(name: str, content: bytes, *, largest_bytes: int, most_rows: int, most_columns: int) -> list[Row]:
    """Its rows, each cell as the file has it. Raises ConfigError where it is no table, or a larger one."""
    if len(content) > largest_bytes:
        raise ConfigError(f"the file is larger than {largest_bytes // 1_000_000} MB")
    if content[:2] == b"PK" or name.lower().endswith((".xlsx", ".xlsm")):
        return _xlsx(content, most_rows, most_columns)
    return _csv(content, most_rows, most_columns)


def _csv(content: bytes, most_rows: int, most_columns: int) -> list[Row]:
    for encoding in ("utf-8-sig", "cp1251"):
        try:
            text = content.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise ConfigError("the file is neither a table of Excel nor a text in UTF-8 or Windows-1251")
    if "\0" in text:
        raise ConfigError("the file is neither a table of Excel nor a text in UTF-8 or Windows-1251")
    mark = max(";\t,", key=text[:4000].count)
    try:
        rows = list(csv.reader(io.StringIO(text), delimiter=mark))
    except csv.Error as exc:
        raise ConfigError("the file is neither a table of Excel nor a text in UTF-8 or Windows-1251") from exc
    if len(rows) > most_rows:
        raise ConfigError(f"the file has more than {most_rows} rows")
    return [row[:most_columns] for row in rows]


def _xlsx(content: bytes, most_rows: int, most_columns: int) -> list[Row]:
    from openpyxl import load_workbook  # type: ignore[import-untyped]  # noqa: PLC0415 - loads only when a file comes

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > LARGEST_UNPACKED_BYTES:
                raise ConfigError("the table is too large")
        sheet = load_workbook(io.BytesIO(content), read_only=True, data_only=True).worksheets[0]
        rows = [row[:most_columns] for row in sheet.iter_rows(max_row=most_rows + 1, values_only=True)]
    except ConfigError:
        raise
    except Exception as exc:  # damaged bytes fail in archive, parser and reader, each in ways of its own
        raise ConfigError("the file is no table of Excel (.xlsx)") from exc
    while rows and all(cell is None for cell in rows[-1]):
        rows.pop()  # formatted, but empty
    if len(rows) > most_rows:
        raise ConfigError(f"the file has more than {most_rows} rows")
    return rows
