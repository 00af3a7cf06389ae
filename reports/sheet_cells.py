"""Values put into cells of a worksheet's XML: everything but those cells keeps its bytes; results of formulas are forgotten."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from reports.ooxml import element_end, is_empty, parse, prefix, splice, tag_end

MOST_ROWS, MOST_COLUMNS = 1_048_576, 16_384
Place = tuple[int, int]  # row and column, from 1
CellValue = float | str | None
_REF = re.compile(r"\$?([A-Za-z]{1,3})\$?([0-9]{1,7})")


@dataclass(slots=True)
class _Cell:
    column: int
    begin: int
    style: str | None
    end: int = 0
    formula: bool = False
    value: tuple[int, int] | None = None


@dataclass(slots=True)
class _Row:
    number: int
    begin: int
    inner: int
    end: int = 0
    close: int = 0  # where </row> begins
    cells: list[_Cell] = field(default_factory=list)


def place_of(reference: str) -> Place | None:
    """(row, column) of "$B$3"; None for what is no cell."""
    found = _REF.fullmatch(reference)
    if found is None:
        return None
    column = 0
    for letter in found[1].upper():
        column = column * 26 + ord(letter) - 64
    row = int(found[2])
    return (row, column) if 0 < row <= MOST_ROWS and column <= MOST_COLUMNS else None


def reference_of(place: Place) -> str:
    """"B3" of (3, 2)."""
    row, column = place
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return f"{letters}{row}"


class Sheet:
    """One worksheet. Raises ConfigError when it is no XML."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._rows: list[_Row] = []
        self._body = (0, 0, 0)  # <sheetData>: begin, behind its tag, where it closes
        self._dimension: tuple[int, int] | None = None
        self._row: _Row | None = None
        self._cell: _Cell | None = None
        self._value_at = 0
        parse(data, self._start, self._end)

    def formulas(self) -> set[Place]:
        """Cells that hold one."""
        return {(row.number, cell.column) for row in self._rows for cell in row.cells if cell.formula}

    def style(self, place: Place) -> int:
        """Number of the cell's format; 0 where there is no cell."""
        for row in self._rows:
            if row.number == place[0]:
                for cell in row.cells:
                    if cell.column == place[1]:
                        return int(cell.style or 0)
        return 0

    def filled(self, values: Mapping[Place, CellValue], styles: Mapping[Place, int]) -> bytes:
        """With these values in place of what was there; `styles`: cells that get another format."""
        edits = [(cell.value[0], cell.value[1], b"") for row in self._rows for cell in row.cells if cell.formula and cell.value]
        by_row: dict[int, dict[int, CellValue]] = {}
        for (row_number, column), value in values.items():
            by_row.setdefault(row_number, {})[column] = value
        known = {row.number: row for row in self._rows}
        missing = b""
        for number in sorted(by_row):
            if number in known:
                edits += self._into_row(known[number], by_row[number], styles)
        for at, numbers in self._new_rows(sorted(n for n in by_row if n not in known)).items():
            made = b"".join(self._new_row(number, by_row[number], styles) for number in numbers)
            if is_empty(self._data, self._body[1]):
                missing += made
            else:
                edits.append((at, at, made))
        if missing:
            edits.append((self._body[0], self._body[1], self._opened(self._body[0], self._body[1], "sheetData", missing)))
        if self._dimension is not None:
            edits.append((*self._dimension, b""))
        return splice(self._data, edits)

    def _into_row(self, row: _Row, values: Mapping[int, CellValue], styles: Mapping[Place, int]) -> list[tuple[int, int, bytes]]:
        known = {cell.column: cell for cell in row.cells}
        edits: list[tuple[int, int, bytes]] = []
        added: dict[int, bytes] = {}
        for column in sorted(values):
            place, cell = (row.number, column), known.get(column)
            old = cell.style if cell is not None else None
            made = self._written(place, values[column], str(styles[place]) if place in styles else old)
            if cell is not None:
                edits.append((cell.begin, cell.end, made))
                continue
            at = next((c.begin for c in row.cells if c.column > column), row.close)
            added[at] = added.get(at, b"") + made
        tag = self._data[row.begin : row.inner]
        if added:
            tag = re.sub(rb'\sspans="[^"]*"', b"", tag)  # an aid that would be wrong now
        if added and is_empty(self._data, row.inner):
            return [(row.begin, row.end, self._opened(row.begin, row.inner, "row", b"".join(added.values()), tag))]
        if added:
            edits.append((row.begin, row.inner, tag))
        return edits + [(at, at, made) for at, made in added.items()]

    def _new_rows(self, numbers: list[int]) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        for number in numbers:
            at = next((row.begin for row in self._rows if row.number > number), self._body[2])
            found.setdefault(at, []).append(number)
        return found

    def _new_row(self, number: int, values: Mapping[int, CellValue], styles: Mapping[Place, int]) -> bytes:
        p = prefix(self._data, self._body[0])
        cells = b"".join(
            self._written((number, c), values[c], str(styles[number, c]) if (number, c) in styles else None)
            for c in sorted(values)
        )
        return f'<{p}row r="{number}">'.encode() + cells + f"</{p}row>".encode()

    def _opened(self, begin: int, inner: int, name: str, content: bytes, tag: bytes = b"") -> bytes:
        """An element without content gets some."""
        tag = tag or self._data[begin:inner]
        return tag.rstrip(b">").rstrip().rstrip(b"/") + b">" + content + f"</{prefix(self._data, begin)}{name}>".encode()

    def _written(self, place: Place, value: CellValue, style: str | None) -> bytes:
        p = prefix(self._data, self._body[0])
        head = f'{p}c r="{reference_of(place)}"' + (f' s="{style}"' if style else "")
        if value is None:
            return f"<{head}/>".encode()
        if isinstance(value, str):
            return f'<{head} t="inlineStr"><{p}is><{p}t xml:space="preserve">{escape(value)}</{p}t></{p}is></{p}c>'.encode()
        return f"<{head}><{p}v>{float(value)!r}</{p}v></{p}c>".encode()

    # -- reading ---------------------------------------------------------------------------------------------------

    def _start(self, name: str, attributes: Mapping[str, str], at: int) -> None:
        if name == "row":
            last = self._rows[-1].number if self._rows else 0
            self._row = _Row(int(attributes.get("r", last + 1)), at, tag_end(self._data, at))
            self._rows.append(self._row)
        elif name == "c" and self._row is not None:
            place = place_of(attributes.get("r", ""))
            last = self._row.cells[-1].column if self._row.cells else 0
            self._cell = _Cell(place[1] if place else last + 1, at, attributes.get("s"))
            self._row.cells.append(self._cell)
        elif name == "f" and self._cell is not None:
            self._cell.formula = True
        elif name == "v":
            self._value_at = at
        elif name in {"sheetData", "dimension"}:
            end = tag_end(self._data, at)
            if name == "sheetData":
                self._body = (at, end, at)
            else:
                self._dimension = (at, end)

    def _end(self, name: str, at: int) -> None:
        if name == "row" and self._row is not None:
            self._row.close = at
            self._row.end = element_end(self._data, self._row.inner, at)
            self._row = None
        elif name == "c" and self._cell is not None:
            self._cell.end = element_end(self._data, tag_end(self._data, self._cell.begin), at)
            self._cell = None
        elif name == "v" and self._cell is not None:
            self._cell.value = (self._value_at, element_end(self._data, tag_end(self._data, self._value_at), at))
        elif name == "sheetData":
            self._body = (self._body[0], self._body[1], at)
        elif name == "dimension" and self._dimension is not None:
            begin = self._dimension[0]
            self._dimension = (begin, element_end(self._data, self._dimension[1], at))
