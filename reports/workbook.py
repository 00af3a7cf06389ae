"""A customer's own workbook as template: its cells named EM_… are filled, everything else stays as it is. Pure, CPU-bound."""

from __future__ import annotations

import datetime as dt
import difflib
import hashlib
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from domain.errors import ConfigError
from domain.report import NamedCells, ReportWorkbook
from reports.model import Report
from reports.ooxml import NO_XLSX, find, open_package, prefix, related, splice, write_package
from reports.sheet_cells import CellValue, Place, Sheet, place_of, reference_of
from reports.wording import Wording
from reports.workbook_names import BY_NAME, PREFIX, Many, Value

LARGEST_MB = 5
LARGEST_BYTES = LARGEST_MB * 1_000_000
MOST_CELLS = 100_000
FILE_NAME_CHARS = 120
_AREA = re.compile(r"(?:'((?:[^']|'')+)'|([^'!]+))!(\$?[A-Za-z]{1,3}\$?\d+)(?::(\$?[A-Za-z]{1,3}\$?\d+))?")
_NO_CELLS = "expected cells of one sheet, such as Sheet1!$B$3"


@dataclass(frozen=True, slots=True)
class _Area:
    """Cells that a name stands for: the part of their sheet, and where they lie, in the order in which they are filled."""

    name: str
    sheet: str
    part: str
    cells: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class _Book:
    parts: Mapping[str, bytes]
    path: str
    areas: tuple[_Area, ...]
    since_1904: bool


def check_workbook(content: bytes, file_name: str) -> ReportWorkbook:
    """What the workbook fills. Raises ConfigError: kind, size, macros, unknown names, names without cells, formulas in them."""
    if len(content) > LARGEST_BYTES:
        raise ConfigError(f"workbook: has {len(content) / 1e6:.1f} MB; expected at most {LARGEST_MB} MB")
    book = _opened(content)
    for part, areas in _by_part(book.areas).items():
        formulas = Sheet(book.parts[part]).formulas()
        for area in areas:
            taken = next((cell for cell in area.cells if cell in formulas), None)
            if taken is not None:
                raise ConfigError(
                    f"workbook: {PREFIX}{area.name} lies on the formula of {area.sheet}!{reference_of(taken)}; "
                    "expected a cell without formula"
                )
    cells = tuple(NamedCells(a.name, a.sheet, reference_of(a.cells[0]), len(a.cells)) for a in book.areas)
    name = "".join(c for c in file_name if c.isprintable() and c not in "/\\")[-FILE_NAME_CHARS:] or "workbook.xlsx"
    return ReportWorkbook(name, len(content), hashlib.sha256(content).hexdigest(), cells)


def fill_workbook(content: bytes, report: Report, words: Wording) -> bytes:
    """The workbook with the report's figures. Raises ConfigError when a list is longer than its cells: nothing is cut off."""
    book = _opened(content)
    parts = dict(book.parts)
    styles_path = next(iter(related(parts, book.path, "/styles").values()), "")
    styles = _Styles(parts.get(styles_path, b""))
    for part, areas in _by_part(book.areas).items():
        sheet = Sheet(parts[part])
        cells: dict[Place, CellValue] = {}
        dated: dict[Place, int] = {}
        for area in areas:
            for cell, value in zip(area.cells, _values(area, report, words), strict=True):
                cells[cell] = _plain(value, since_1904=book.since_1904)
                if isinstance(value, dt.date):
                    dated[cell] = styles.dated(sheet.style(cell), whole_day=not isinstance(value, dt.datetime))
        parts[part] = sheet.filled(cells, dated)
    if styles_path in parts:
        parts[styles_path] = styles.content()
    parts[book.path] = _computed_at_opening(parts[book.path])
    return write_package(parts)


def _values(area: _Area, report: Report, words: Wording) -> Sequence[Value]:
    """One for each cell of the area; cells that are left over become empty."""
    entry = BY_NAME[area.name]
    if not isinstance(entry, Many):
        return [entry.value(report, words), *([None] * (len(area.cells) - 1))]
    values = list(entry.values(report, words))
    if len(values) > len(area.cells):
        raise ConfigError(
            f"workbook: {PREFIX}{area.name} has room for {len(area.cells)} entries, the report has {len(values)}; "
            "expected a longer range"
        )
    return values + [None] * (len(area.cells) - len(values))


def _plain(value: Value, *, since_1904: bool) -> CellValue:
    """As a cell holds it: times as days since the workbook's first day, text without control characters."""
    if isinstance(value, dt.date):
        moment = value if isinstance(value, dt.datetime) else dt.datetime(value.year, value.month, value.day)  # noqa: DTZ001 - a date
        first = dt.datetime(1904, 1, 1) if since_1904 else dt.datetime(1899, 12, 30)  # noqa: DTZ001 - the site's clock
        return (moment.replace(tzinfo=None) - first) / dt.timedelta(days=1)
    if isinstance(value, str):
        return "".join(c for c in value if c.isprintable() or c in "\n\u00a0\u202f")[:32_000]
    return None if value is None or not math.isfinite(value) else value


# -- names -------------------------------------------------------------------------------------------------------------------


def _opened(content: bytes) -> _Book:
    parts = open_package(content)
    path = next(iter(related(parts, "", "/officeDocument").values()), "")
    if path not in parts:
        raise ConfigError(NO_XLSX)
    sheets = _sheets(parts, path)
    areas, unknown = [], []
    for element in find(parts[path], {"definedName"}):
        name = element.attributes.get("name", "")
        if not name.casefold().startswith(PREFIX.casefold()):
            continue  # the customer's own
        known = name[len(PREFIX) :].casefold()
        if known not in BY_NAME:
            unknown.append(name)
        else:
            areas.append(_area(known, element.text.strip(), sheets))
    if unknown:
        raise ConfigError(_unknown(unknown))
    if not areas:
        raise ConfigError(f"workbook: has no cell with a name {PREFIX}…; expected at least one name of the example workbook")
    if sum(len(area.cells) for area in areas) > MOST_CELLS:
        raise ConfigError(f"workbook: names more cells than can be filled; expected at most {MOST_CELLS}")
    dates = [e.attributes.get("date1904", "") for e in find(parts[path], {"workbookPr"})]
    return _Book(parts, path, tuple(areas), dates[:1] in (["1"], ["true"]))


def _unknown(names: Sequence[str]) -> str:
    near = [n for name in names[:3] for n in difflib.get_close_matches(name[len(PREFIX) :].casefold(), BY_NAME, 1)]
    hint = f"; nearest: {', '.join(PREFIX + n for n in near)}" if near else ""
    return f"workbook: unknown names {', '.join(name[:60] for name in names[:10])}{hint}"


def _sheets(parts: Mapping[str, bytes], path: str) -> dict[str, str]:
    """Name of the sheet, folded -> its part."""
    targets = related(parts, path, "/worksheet")
    found = {e.attributes.get("name", "").casefold(): e.attributes.get("id", "") for e in find(parts[path], {"sheet"})}
    return {name: targets[rel] for name, rel in found.items() if targets.get(rel) in parts}


def _area(name: str, said: str, sheets: Mapping[str, str]) -> _Area:
    found = _AREA.fullmatch(said)
    sheet = (found[1].replace("''", "'") if found[1] else found[2]) if found else ""
    first = place_of(found[3]) if found else None
    last = place_of(found[4]) if found and found[4] else first
    part = sheets.get(sheet.casefold())
    if part is None or first is None or last is None:
        raise ConfigError(f"workbook: {PREFIX}{name} names no cells ({said[:60]}); {_NO_CELLS}")
    rows = range(min(first[0], last[0]), max(first[0], last[0]) + 1)
    columns = range(min(first[1], last[1]), max(first[1], last[1]) + 1)
    if not isinstance(BY_NAME[name], Many):
        return _Area(name, sheet, part, ((rows[0], columns[0]),))  # of merged cells the first holds the value
    if len(rows) > 1 and len(columns) > 1:
        raise ConfigError(f"workbook: {PREFIX}{name} names a block of cells; expected one column or one row")
    if len(rows) * len(columns) > MOST_CELLS:
        raise ConfigError(f"workbook: names more cells than can be filled; expected at most {MOST_CELLS}")
    return _Area(name, sheet, part, tuple((row, column) for row in rows for column in columns))


def _by_part(areas: Sequence[_Area]) -> dict[str, list[_Area]]:
    found: dict[str, list[_Area]] = {}
    for area in areas:
        found.setdefault(area.part, []).append(area)
    return found


# -- formats and formulas ----------------------------------------------------------------------------------------------------


class _Styles:
    """Formats of cells; a date in a cell of the general format gets one that shows a date."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        lists = find(data, {"cellXfs"}) if data else []
        self._list = lists[0] if lists else None
        formats = find(data, {"xf"}) if data else []
        self._formats = [e for e in formats if self._list and self._list.inner <= e.begin < self._list.end]
        self._made: dict[tuple[int, bool], int] = {}

    def dated(self, style: int, *, whole_day: bool) -> int:
        """The format's number, or that of a copy that shows the date (14) or date and time (22)."""
        if self._list is None or style >= len(self._formats) or self._formats[style].attributes.get("numFmtId", "0") != "0":
            return style
        return self._made.setdefault((style, whole_day), len(self._formats) + len(self._made))

    def content(self) -> bytes:
        """With the copies."""
        if self._list is None or not self._made:
            return self._data
        made = b"".join(self._copy(style, 14 if whole_day else 22) for style, whole_day in self._made)
        end = self._data.rindex(b"<", self._list.inner, self._list.end)
        tag = self._data[self._list.begin : self._list.inner]
        counted = re.sub(rb'(\scount=)"\d+"', rb'\1"%d"' % (len(self._formats) + len(self._made)), tag)
        return splice(self._data, [(self._list.begin, self._list.inner, counted), (end, end, made)])

    def _copy(self, style: int, number: int) -> bytes:
        source = self._formats[style]
        tag = self._data[source.begin : source.inner]
        for name in (b"numFmtId", b"applyNumberFormat"):
            tag = re.sub(rb"\s" + name + rb'=("[^"]*"|\'[^\']*\')', b"", tag)
        name = f"{prefix(self._data, source.begin)}xf".encode()
        tag = tag.replace(b"<" + name, b'<%s numFmtId="%d" applyNumberFormat="1"' % (name, number), 1)
        return tag + self._data[source.inner : source.end]


def _computed_at_opening(data: bytes) -> bytes:
    """The workbook that computes all its formulas when it is opened: what they gave before is of another period."""
    found = find(data, {"calcPr", "definedNames"})
    for element in found:
        if element.name == "calcPr":
            tag = re.sub(rb'\s(fullCalcOnLoad|calcMode)=("[^"]*"|\'[^\']*\')', b"", data[element.begin : element.inner])
            at = 1 + len(f"{prefix(data, element.begin)}calcPr")
            return splice(data, [(element.begin, element.inner, tag[:at] + b' fullCalcOnLoad="1"' + tag[at:])])
    names = next(e for e in found if e.name == "definedNames")
    instead = f'<{prefix(data, names.begin)}calcPr fullCalcOnLoad="1"/>'.encode()
    return splice(data, [(names.end, names.end, instead)])


def bound(workbook: ReportWorkbook) -> Iterator[str]:
    """Names that it has, once each."""
    return iter(dict.fromkeys(cells.name for cells in workbook.cells))
