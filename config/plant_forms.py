"""Entries of the plant as the fields of a form or a plant file, and checking one entry within the whole plant."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from config.plant_file import PlantFileError, plant_from_document
from config.plant_metering import metering_fields
from config.problems import Problem, Report
from config.profile_catalog import ProfileCatalog
from config.profile_checks import check_overlaps
from config.profile_points import default_group
from config.transports import TRANSPORTS
from domain.places import Place
from domain.plant import Device, Line
from domain.profile import ModbusPoint, OtherPoint, Point

Entry = dict[str, Any]


def line_to_fields(line: Line) -> Entry:
    """The fields of a plant file's line; what equals the transport's default is left out."""
    defaults = {name: field.default for name, field in TRANSPORTS[line.transport].fields.items() if field.default is not None}
    options = {name: value for name, value in line.options.items() if defaults.get(name) != value}
    return {"id": line.id, "transport": line.transport, **options, **({} if line.enabled else {"enabled": False})}


def device_to_fields(device: Device) -> Entry:
    """The fields of a plant file's device. The password is not among them: it never leaves."""
    fields: Entry = {"id": device.id}
    if not device.in_place:
        fields["profile"] = device.profile.name
    fields["line"] = device.line
    if device.address is not None:
        fields["address"] = device.address
    fields["scan_s"] = int(device.scan_s) if device.scan_s.is_integer() else device.scan_s
    fields |= {name: list(value) if isinstance(value, tuple) else value for name, value in device.options.items()}
    fields |= metering_fields(device.metering)
    if not device.enabled:
        fields["enabled"] = False
    if device.in_place:
        fields["points"] = _points_to_fields(device)
    return fields


def _points_to_fields(device: Device) -> list[Entry]:
    points = device.profile.points
    entries = [point_to_fields(point, device.profile.protocol) for point in points]
    report = Report("")
    check_overlaps([(point, (index,)) for index, point in enumerate(points)], (), report)
    for problem in report.problems:  # they were allowed once, so they were meant
        entries[int(problem.path[0])]["overlaps"] = True
    return entries


def point_to_fields(point: Point, protocol: str) -> Entry:
    """The fields of a point; what equals a default is left out."""
    fields: Entry = {"tag": point.tag, "quantity": point.quantity.value}
    if point.unit:
        fields["unit"] = point.unit
    fields |= _where(point)
    optional: Entry = {
        "scale": (point.scale, 1.0), "offset": (point.offset, 0.0), "secondary": (point.secondary, False),
        "wrap_at": (point.wrap_at, None), "max_rate": (point.max_rate, None), "spike": (point.spike, False),
        "frozen_after_s": (point.frozen_after_s, None), "confidence": (point.confidence, None),
    }
    fields |= {name: value for name, (value, default) in optional.items() if value != default}
    if point.plausible is not None:
        fields["plausible"] = list(point.plausible)
    if point.enum:
        fields["enum"] = dict(point.enum)
    if point.group is not default_group(point.quantity, protocol):
        fields["group"] = point.group.value
    return fields


def _where(point: Point) -> Entry:
    where = point.where
    if isinstance(where, Place):
        return where.to_fields()
    if isinstance(where, OtherPoint):
        return dict(where.fields)
    if not isinstance(where, ModbusPoint):
        return {"query": where.query, "item": where.item}
    fields: Entry = {"table": where.table, "address": where.address, "type": where.type}
    if where.word_order.value != "big":
        fields["word_order"] = where.word_order.value
    if where.bytes_per_register != 2:
        fields["bytes_per_register"] = where.bytes_per_register
    if where.bit is not None:
        fields["bit"] = where.bit
    if where.type == "string":
        fields["length"] = where.length
    if where.sentinel:
        fields["sentinel"] = list(where.sentinel)
    return fields


def validate_device(
    fields: Mapping[str, object], document: Mapping[str, object], catalog: ProfileCatalog
) -> dict[str, tuple[Problem, ...]]:
    """Problems of a drafted device by its fields ("" for the whole and what it would break); empty when it can be saved.

    It replaces the device of its id in `document`, or comes beside the others.
    """
    return validate_entry("devices", fields, document, catalog)


def validate_line(
    fields: Mapping[str, object], document: Mapping[str, object], catalog: ProfileCatalog
) -> dict[str, tuple[Problem, ...]]:
    """As `validate_device`, for a line."""
    return validate_entry("lines", fields, document, catalog)


def validate_entry(
    section: str, fields: Mapping[str, object], document: Mapping[str, object], catalog: ProfileCatalog
) -> dict[str, tuple[Problem, ...]]:
    """Problems of one drafted entry of `section` (lines, devices, machines) by its fields."""
    draft = copy.deepcopy(dict(document))
    listed = draft.get(section)
    entries: list[object] = list(listed) if isinstance(listed, list) else []
    place = next((i for i, e in enumerate(entries) if isinstance(e, Mapping) and e.get("id") == fields.get("id")), len(entries))
    entries[place : place + 1] = [dict(fields)]
    draft[section] = entries
    try:
        plant_from_document(draft, catalog=catalog, environ={})
    except PlantFileError as wrong:
        found: dict[str, tuple[Problem, ...]] = {}
        for problem in wrong.problems:
            own = problem.path[:2] == (section, place) and len(problem.path) > 2
            name = str(problem.path[2]) if own else ""
            found[name] = (*found.get(name, ()), problem)
        return found
    return {}
