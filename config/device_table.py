"""Rows of a table become devices of the plant: read by the plant file's own checks, each fault named by its cell. Pure.

The first row names the columns: fields of a device as in the plant file, and `machine`, `machine_name`, `section` for the machine
whose meter it becomes. A row with the id of a device changes the fields that it fills; an empty cell leaves a field as it is.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, Final

from config.plant_diff import plant_changes
from config.plant_file import PlantFileError, plant_from_document
from config.problems import Problem, ProblemsError, nearest
from config.profile_catalog import ProfileCatalog
from config.profile_parameters import PARAMETERS
from config.yaml_source import plain_scalar
from domain.device_table import CellProblem, DevicePreview, RowKind, TableRow
from domain.plant_version import FieldChange

Document = dict[str, Any]
MOST_ROWS = 2000
MAIN_COLUMNS: Final = ("id", "profile", "line", "address", "scan_s", "machine", "machine_name", "section", "ct_ratio", "vt_ratio")
_MACHINE: Final = ("machine", "machine_name", "section")
_TEXTS: Final = {"id", "profile", "line", "password_env", "fed_by", "feeds", "calibration_due", *_MACHINE}
_METERING: Final = ("fed_by", "feeds", "meter_class", "ct_class", "calibration_due")
COLUMNS: Final = (*dict.fromkeys((*MAIN_COLUMNS, "enabled", "password_env", *_METERING, *PARAMETERS)),)
_FLAGS: Final = {"да": True, "yes": True, "нет": False, "no": False, "истина": True, "ложь": False}
_ROUNDS = 5  # a row that goes may leave another without what it names


def preview(
    rows: Sequence[Sequence[object]], document: Mapping[str, Any], base: int, *, catalog: ProfileCatalog,
    environ: Mapping[str, str], secrets: Mapping[str, str],
) -> DevicePreview:
    """What the rows would do to the plant. `rows`: cells as the file has them, the first row names the columns."""
    head = next((i for i, row in enumerate(rows) if any(not _is_empty(cell) for cell in row)), None)
    if head is None:
        return DevicePreview(base, (), (CellProblem("", "", "the file has no rows", "a first row with the names of columns"),))
    names, header = _header(rows[head], head + 1)
    entries: dict[int, Document] = {}
    for number, row in enumerate(rows[head + 1 :], head + 2):
        read = {name: _value(name, cell) for name, cell in zip(names, row, strict=False) if name}
        fields = {name: value for name, value in read.items() if value is not None}
        if fields and len(entries) < MOST_ROWS:
            entries[number] = fields
    if header:
        return DevicePreview(base, (), header)
    if not entries:
        return DevicePreview(base, (), (CellProblem("", "", "the file has no rows", "one row a device"),))
    wrong = _twice(entries)
    made: Document = {}
    for _ in range(_ROUNDS):
        made, places = _merged(document, {n: f for n, f in entries.items() if n not in wrong})
        try:
            plant_from_document(made, catalog=catalog, environ=environ, secrets=secrets)
        except PlantFileError as exc:
            found = _by_row(exc.problems, places, names)
            if not found:
                return DevicePreview(base, _rows(entries, wrong, document, document, names), (), ProblemsError(exc.problems))
            wrong |= found
            continue
        return DevicePreview(base, _rows(entries, wrong, document, made, names), document=made)
    return DevicePreview(base, _rows(entries, wrong, document, document, names))


def columns_of(device: Mapping[str, object], machine: Mapping[str, object] | None) -> dict[str, object]:
    """A device of the plant as a row: the way back, for a table of what there is."""
    row = {name: device[name] for name in COLUMNS if name in device and name not in _MACHINE}
    if machine is not None:
        row |= {"machine": machine.get("id"), "machine_name": machine.get("name"), "section": machine.get("section")}
    return {
        name: ", ".join(map(str, value)) if isinstance(value, list | tuple) else value
        for name, value in row.items() if value is not None
    }  # fmt: skip


def column_letter(index: int) -> str:
    """0 is A, 26 is AA."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


# -- reading ---------------------------------------------------------------------------------------------------------


def _header(row: Sequence[object], number: int) -> tuple[list[str], list[CellProblem]]:
    names, problems = list[str](), list[CellProblem]()
    for index, cell in enumerate(row):
        name = "" if _is_empty(cell) else str(cell).strip().lower()
        place = f"{column_letter(index)}{number}"
        if name and name not in COLUMNS:
            near = nearest(name, COLUMNS, 1)
            said = f"unknown field {name[:40]!r}" + (f" (did you mean {near[0]}?)" if near else "")
            problems.append(CellProblem(place, name[:40], said, f"one of {', '.join(MAIN_COLUMNS)}"))
        elif name and name in names:
            problems.append(CellProblem(place, name, f"{name!r} stands twice", "each name once"))
        names.append(name)
    if "id" not in names:
        problems.append(CellProblem(f"A{number}", "id", "is missing", "a column id"))
    return names, problems


def _is_empty(cell: object) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _value(name: str, cell: object) -> object:
    """A cell as a plant file would have it; None when it is empty."""
    if _is_empty(cell):
        return None
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    if name in _TEXTS:
        return cell.date().isoformat() if hasattr(cell, "date") else str(cell).strip()
    if not isinstance(cell, str):
        return cell if isinstance(cell, bool | int | float) else str(cell)
    words = cell.strip()
    if name == "order":
        return [plain_scalar(word.strip()) for word in words.replace(";", ",").split(",") if word.strip()]
    if words.lower() in _FLAGS:
        return _FLAGS[words.lower()]
    decimal = words.count(",") == 1 and words.replace(",", "").strip("-").isdigit()
    return plain_scalar(words.replace(",", ".") if decimal else words)


def _twice(entries: Mapping[int, Document]) -> dict[int, list[Problem]]:
    first: dict[str, int] = {}
    wrong: dict[int, list[Problem]] = {}
    for number, fields in entries.items():
        name = str(fields.get("id", ""))
        if name in first:
            said = f"the device {name!r} stands twice (first in line {first[name]})"
            wrong[number] = [Problem("", None, "id", said, "each id once", ("id",))]
        elif name:
            first[name] = number
        else:
            wrong[number] = [Problem("", None, "id", "is missing", "a text", ("id",))]
    return wrong


# -- merging ---------------------------------------------------------------------------------------------------------


def _merged(document: Mapping[str, Any], entries: Mapping[int, Document]) -> tuple[Document, dict[tuple[str, int], int]]:
    """The document with the rows in it, and which row made the entry at (section, index)."""
    made: Document = copy.deepcopy(dict(document))
    devices: list[Document] = made.setdefault("devices", [])
    machines: list[Document] = made.setdefault("machines", [])
    at = {str(entry.get("id")): i for i, entry in enumerate(devices)}
    machine_at = {str(entry.get("id")): i for i, entry in enumerate(machines)}
    places: dict[tuple[str, int], int] = {}
    for number, row in entries.items():
        fields = {name: value for name, value in row.items() if name not in _MACHINE}
        device_id = str(fields["id"])
        if device_id in at:
            gone = {"points"} if "profile" in fields else set()
            devices[at[device_id]] = {k: v for k, v in devices[at[device_id]].items() if k not in gone} | fields
        else:
            at[device_id] = len(devices)
            devices.append(fields)
        places[("devices", at[device_id])] = number
        if row.get("machine") or row.get("machine_name"):
            place = _put_machine(machines, machine_at, row, device_id)
            places[("machines", place)] = number
    return made, places


def _put_machine(machines: list[Document], at: dict[str, int], row: Document, device_id: str) -> int:
    """Give the machine this meter, made where it is not there yet; its place."""
    wanted = str(row.get("machine") or device_id)
    told = {"name": row.get("machine_name"), "section": row.get("section")}
    given = {name: value for name, value in told.items() if value is not None}
    if wanted not in at:
        at[wanted] = len(machines)
        machines.append({"id": wanted, "name": given.get("name", wanted), **given, "meter": device_id})
    else:
        machines[at[wanted]] = {**machines[at[wanted]], **given, "meter": device_id}
    return at[wanted]


def _by_row(problems: Sequence[Problem], places: Mapping[tuple[str, int], int], names: Sequence[str]) -> dict[int, list[Problem]]:
    """Problems of entries that a row made, with the field as their path."""
    found: dict[int, list[Problem]] = {}
    for problem in problems:
        section, index, *rest = (*problem.path, "", "")[:3]
        number = places.get((str(section), index if isinstance(index, int) else -1))
        if number is None:
            continue
        field = str(rest[0])
        if section == "machines":
            field = {"id": "machine", "name": "machine_name", "meter": "machine"}.get(field, field)
        path = (field,) if field in names else ()
        found.setdefault(number, []).append(Problem("", None, field, problem.message, problem.expected, path))
    return found


# -- showing ---------------------------------------------------------------------------------------------------------


def _rows(
    entries: Mapping[int, Document], wrong: Mapping[int, list[Problem]], before: Mapping[str, Any], after: Mapping[str, Any],
    names: Sequence[str],
) -> list[TableRow]:
    known = {str(entry.get("id")) for entry in before.get("devices") or []}
    changed: dict[str, list[FieldChange]] = {}
    for change in plant_changes(before, after):
        changed.setdefault(f"{change.section}/{change.entry}", []).extend(change.fields)
    return [_row(number, fields, wrong.get(number), known, changed, names) for number, fields in entries.items()]


def _row(
    number: int, fields: Document, wrong: list[Problem] | None, known: set[str], changed: Mapping[str, list[FieldChange]],
    names: Sequence[str],
) -> TableRow:
    device = str(fields.get("id", ""))
    if wrong is not None:
        problems = [_cell_problem(number, problem, names) for problem in wrong]
        return TableRow(number, device, RowKind.WRONG, fields, (), problems)
    if device not in known:
        return TableRow(number, device, RowKind.NEW, fields)
    machine = str(fields.get("machine") or device)
    changes = changed.get(f"devices/{device}", []) + changed.get(f"machines/{machine}", [])
    return TableRow(number, device, RowKind.CHANGED if changes else RowKind.SAME, fields, changes)


def _cell_problem(number: int, problem: Problem, names: Sequence[str]) -> CellProblem:
    field = str(problem.path[0]) if problem.path else ""
    cell = f"{column_letter(names.index(field))}{number}" if field in names else ""
    return CellProblem(cell, field or problem.field, problem.message, problem.expected)
