"""The section virtual_tags of a plant file: formulas over tags, checked when they are read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from config.fields import Fields, shown
from config.plant_lines import ID
from config.problems import Path, Problem, Report
from config.profile_points import TAG
from domain.formula import Binder, FormulaError
from domain.plant import Device, tags_of
from domain.profile import OtherPoint, Point
from domain.quantity import Kind, Quantity, units_of
from domain.virtual import VirtualTag

MOST = 500
QUANTITIES = tuple(quantity.value for quantity in Quantity if quantity.kind is not Kind.TEXT)


def read_virtual_tags(fields: Fields, devices: Mapping[str, Device], report: Report) -> tuple[VirtualTag, ...]:
    """Every entry alone, then all formulas together."""
    found: list[tuple[VirtualTag, Path]] = []
    taken: set[str] = set()
    entries = fields.entries("virtual_tags")
    if len(entries) > MOST:
        fields.problem("virtual_tags", f"has {len(entries)} entries", f"at most {MOST}")
        return ()
    for entry, path in entries:
        tag = _read(Fields(entry, path, report), devices, taken)
        if tag is not None:
            found.append((tag, path))
    if not report.problems:  # a device that could not be read would make its tags unknown: its own problem is enough
        _check_formulas(found, devices, report)
    return tuple(tag for tag, _ in found)


def read_draft(
    fields: Mapping[str, object], devices: Mapping[str, Device], taken: Iterable[str]
) -> tuple[VirtualTag | None, tuple[Problem, ...]]:
    """One entry as a form holds it, its formula not yet looked at; and what is wrong with its fields."""
    report = Report("", {"virtual_tags": [dict(fields)]})
    tag = _read(Fields(dict(fields), ("virtual_tags", 0), report), devices, set(taken))
    return tag, tuple(report.problems)


def point_of(tag: VirtualTag) -> Point:
    """A virtual tag as others see a device's point."""
    return Point(tag.point, tag.quantity, tag.unit, OtherPoint())


def _read(fields: Fields, devices: Mapping[str, Device], taken: set[str]) -> VirtualTag | None:
    name = fields.text("tag", required=True)
    formula = fields.text("formula", required=True, longest=2000)
    quantity_name = fields.choice("quantity", QUANTITIES, required=True)
    unit = fields.text("unit", "", longest=20) or ""
    version = fields.whole("version", 1, low=1, high=1_000_000)
    fields.finish()
    if name is None or formula is None or quantity_name is None:
        return None
    device_id, _, point = name.partition(".")
    if not ID.match(device_id) or not TAG.match(point):
        fields.problem("tag", f"is {shown(name)}", "a virtual device and a tag, such as shop.reserve")
        return None
    if device_id in devices:
        fields.problem("tag", f"{device_id!r} is a device", "a virtual device of its own name, such as shop.reserve")
        return None
    if name in taken:
        fields.problem("tag", f"{name!r} stands twice", "each tag once")
        return None
    taken.add(name)
    quantity = Quantity(quantity_name)
    known = units_of(quantity)
    if known and unit and unit not in known:
        fields.problem("unit", f"{unit!r} does not measure {quantity_name}", ", ".join(known))
        return None
    return VirtualTag(name, formula, quantity, unit or quantity.unit, version or 1)


def _check_formulas(found: list[tuple[VirtualTag, Path]], devices: Mapping[str, Device], report: Report) -> None:
    real = [tag for device in devices.values() for tag in tags_of(device)]
    binder = Binder(real, [tag for tag, _ in found])
    for tag, path in found:
        try:
            binder.bind(tag.tag)
        except FormulaError as wrong:
            report.problem((*path, "formula"), f"{wrong}\n{wrong.caret()}")
