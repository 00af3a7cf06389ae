"""A profile file (YAML) becomes a validated domain.profile.Profile; see docs/devices.md."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from config.fields import Fields, shown
from config.problems import Path, Problem, ProblemsError, Report
from config.profile_checks import Placed, check_overlaps, check_reads, check_tags
from config.profile_parameters import in_order, in_units, read_parameter, read_quirks
from config.profile_points import PROTOCOLS, PointReader
from config.yaml_source import load_yaml
from domain.profile import Point, Profile

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}\Z")


class ProfileError(ProblemsError):
    """A profile file is wrong; `problems` holds everything that is, each with file, line, point and field."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        super().__init__(problems)


def load_profile(text: str, *, file: str, name: str) -> Profile:
    """Read and check a profile. `name` is how devices refer to it (the file's stem). Raises ProfileError."""
    report = load_yaml(text, file)
    profile = None if report.problems else read_profile(report, name)
    if report.problems or profile is None:
        raise ProfileError(report.problems)
    return profile


def read_profile(report: Report, name: str) -> Profile | None:
    """The profile of a parsed file; problems are in `report`."""
    if not isinstance(report.document, Mapping):
        report.problem((), "holds no fields", "title, vendor, protocol, source, confidence, points")
        return None
    fields = Fields(report.document, (), report)
    if not NAME.match(name):
        report.problem((), f"the file name gives the profile the name {name!r}", "lower-case letters, digits and -")
    if fields.text("name", name) != name:
        fields.problem("name", f"differs from the file name {name!r}", name)
    protocol = fields.choice("protocol", PROTOCOLS, required=True)
    title, notes = _texts(fields, "title", required=True), _texts(fields, "notes")
    vendor, source = fields.text("vendor", required=True), fields.text("source", required=True, longest=1000)
    confidence = fields.choice("confidence", ("H", "M", "L"), required=True)
    quirks = read_quirks(fields.group("quirks"))
    parameters = _parameters(fields.group("parameters"))
    base = fields.whole("address_base", 0, low=0, high=1) or 0
    sequential = fields.choice("layout", ("addressed", "sequential"), "addressed") == "sequential"
    points = read_points(
        fields, PointReader(
            protocol or "modbus", report, defaults=_defaults(fields, parameters), address_base=base, sequential=sequential,
        ),
        quirks.max_registers, lay_out=parameters if sequential else None,
    )
    fields.finish()
    if report.problems or protocol is None:
        return None
    points = in_units(points, parameters)
    profile = Profile(
        name, title, vendor or "", protocol, source or "", confidence or "L", tuple(points), quirks, parameters, notes
    )
    return _based(profile, sequential)


def read_points(
    fields: Fields, reader: PointReader, max_registers: int, *, lay_out: Mapping[str, object] | None = None
) -> list[Point]:
    """All points under `points`, checked alone and among each other. `lay_out`: parameters by which to assign addresses."""
    entries = fields.entries("points")
    if not entries and not fields.report.found_in(fields.at("points")):
        fields.problem("points", "are missing", "at least one point")
    placed: list[Placed] = []
    for entry, path in entries:
        point = reader.read(entry, path)
        if point is not None:
            placed.append((point, path))
    report = fields.report
    check_tags(placed, report)
    if lay_out is not None:
        placed = placed if report.problems else _sequence(placed, lay_out, fields)  # a point without fault has no address yet
    else:
        check_overlaps(placed, reader.overlapping, report)
    check_reads(placed, max_registers, report)
    return [point for point, _ in placed]


def _sequence(placed: list[Placed], parameters: Mapping[str, object], fields: Fields) -> list[Placed]:
    """Points of a sequential layout with the addresses their order gives them."""
    order = parameters.get("order")
    tags = order if isinstance(order, tuple) else tuple(point.tag for point, _ in placed)
    base, printed = parameters.get("base_address", 0), parameters.get("address_base", 0)
    start = (base if isinstance(base, int) else 0) - (printed if isinstance(printed, int) else 0)
    paths: dict[str, Path] = {point.tag: path for point, path in placed}
    try:
        laid = in_order([point for point, _ in placed], tags, start)
    except ValueError as exc:
        fields.problem("parameters", str(exc))
        return placed
    return [(point, paths[point.tag]) for point in laid]


def _based(profile: Profile, sequential: bool) -> Profile:
    """A sequential profile always declares base address and order, so that a device can set them."""
    if not sequential:
        return profile
    order = tuple(point.tag for point in profile.points)
    return replace(profile, parameters={"base_address": 0, "address_base": 0, "order": order, **profile.parameters})


def _texts(fields: Fields, name: str, *, required: bool = False) -> dict[str, str]:
    """{ru: …, en: …}"""
    if fields.raw(name, required=required, expected="{ru: …, en: …}") is None:
        return {}
    group = fields.group(name)
    found = {lang: group.text(lang, required=True, longest=2000) or "" for lang in ("ru", "en")}
    group.finish()
    return found


def _parameters(fields: Fields) -> dict[str, object]:
    """Names and defaults of what a device may set."""
    found: dict[str, object] = {}
    for name, default in fields.values.items():
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name) or isinstance(default, dict) or default is None:
            fields.problem(name, f"is {shown(default)}", "a lower-case name with a default value")
            continue
        value = read_parameter(fields, name, default)
        if value is not None:
            found[name] = value
    return found


def _defaults(fields: Fields, parameters: Mapping[str, object]) -> dict[str, object]:
    """Fields that every point has unless it says otherwise; the parameters table and word_order count as such."""
    value = fields.raw("defaults")
    from_parameters = {name: parameters[name] for name in ("table", "word_order") if name in parameters}
    if value is None:
        return from_parameters
    if not isinstance(value, Mapping):
        fields.problem("defaults", f"is {shown(value)}", "{table: …, type: …}")
        return from_parameters
    for name in value:
        if name in {"tag", "address", "bit", "points"}:
            fields.report.problem((*fields.at("defaults"), str(name)), "belongs to a single point")
    return {**from_parameters, **{str(name): item for name, item in value.items()}}
