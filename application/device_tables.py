"""Devices and points of profiles as tables for a spreadsheet: out, in, and a template that explains itself."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Mapping, Sequence

from application.table_file import Row, read_table
from config.device_table import COLUMNS, MAIN_COLUMNS, MOST_ROWS, columns_of
from config.plant_admin import PlantAdmin
from config.point_table import points_from
from domain.access import Actor
from domain.device_table import DevicePreview
from web_interface.api.tables import safe_cell

LARGEST_BYTES = 5_000_000
MOST_COLUMNS = 60


class DeviceTables:
    """Implements web_interface.services.DeviceTableService."""

    def __init__(self, plant: PlantAdmin) -> None:
        self._plant = plant

    async def preview(self, name: str, content: bytes, actor: Actor) -> DevicePreview:
        """What the file would do; nothing is stored. Raises ConfigError when it is no table, Forbidden (below admin)."""
        await self._plant.need_admin(actor, "devices import")
        rows = await asyncio.to_thread(_read, name, content)
        return await self._plant.draft_devices(rows, actor)

    async def apply(self, found: DevicePreview, name: str, actor: Actor) -> None:
        """The right rows, as one version. Raises Conflict, ConfigError, Forbidden (below admin)."""
        await self._plant.import_devices(found, name, actor)

    async def table(self, kind: str, actor: Actor, words: Mapping[str, str]) -> bytes:
        """The devices there are, `kind` csv or xlsx. `words`: what each column means, on a sheet of its own."""
        await self._plant.need_admin(actor, "devices export")
        return await asyncio.to_thread(self._written, kind, words)

    async def points(self, name: str, content: bytes, actor: Actor) -> Sequence[Mapping[str, object]]:
        """Points of a profile, one a row. Raises ConfigError when it is no table or names no tags, Forbidden (below admin)."""
        await self._plant.need_admin(actor, "points import")
        return points_from(await asyncio.to_thread(_read, name, content))

    def _written(self, kind: str, words: Mapping[str, str]) -> bytes:
        document = self._plant.document
        machines = {m.get("meter"): m for m in _entries(document, "machines")}
        found = [columns_of(device, machines.get(device.get("id"))) for device in _entries(document, "devices")]
        used = {name for row in found for name in row}
        names = [*MAIN_COLUMNS, *(name for name in COLUMNS if name in used and name not in MAIN_COLUMNS)]
        rows = [[row.get(name) for name in names] for row in found]
        if kind == "csv":
            return _csv(names, rows)
        lines = [str(line.get("id")) for line in _entries(document, "lines")]
        return _xlsx(names, rows, words, {"line": lines, "profile": self._plant.catalog.names()})


def _entries(document: Mapping[str, object], section: str) -> list[Mapping[str, object]]:
    found = document.get(section)
    return [entry for entry in found if isinstance(entry, Mapping)] if isinstance(found, list) else []


def _read(name: str, content: bytes) -> list[Row]:
    return read_table(name, content, largest_bytes=LARGEST_BYTES, most_rows=MOST_ROWS + 1, most_columns=MOST_COLUMNS)


def _csv(names: Sequence[str], rows: Sequence[Sequence[object]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow([safe_cell(cell) if isinstance(cell, str) else "" if cell is None else cell for cell in row])
    return out.getvalue().encode("utf-8-sig")


def _xlsx(
    names: Sequence[str], rows: Sequence[Sequence[object]], words: Mapping[str, str], lists: Mapping[str, Sequence[str]]
) -> bytes:
    """The devices on the first sheet, what the columns mean and may hold on the second."""
    from openpyxl import Workbook  # type: ignore[import-untyped]  # noqa: PLC0415 - loads only when asked for
    from openpyxl.styles import Font  # type: ignore[import-untyped]  # noqa: PLC0415

    book = Workbook()
    sheet = book.active
    sheet.title = "devices"
    _fill(sheet, [names, *rows])
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    sheet.freeze_panes = "B2"
    for index, name in enumerate(names):
        sheet.column_dimensions[sheet.cell(1, index + 1).column_letter].width = 24 if name in {"profile", "machine_name"} else 14
    about = book.create_sheet("help")
    _fill(about, [[name, words.get(name, "")] for name in COLUMNS] + [[], *([name, *values] for name, values in lists.items())])
    about.column_dimensions["A"].width, about.column_dimensions["B"].width = 24, 90
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _fill(sheet: object, rows: Sequence[Sequence[object]]) -> None:
    """Texts as texts, whatever they begin with."""
    for number, row in enumerate(rows, 1):
        for column, value in enumerate(row, 1):
            if value is None:
                continue
            cell = sheet.cell(number, column)  # type: ignore[attr-defined]
            cell.value = value
            if isinstance(value, str):
                cell.data_type = "s"
