"""A profile that is being edited: checked as a file would be, and written as one. Pure."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from config.problems import Problem, Report
from config.profile_loader import ProfileError, read_profile
from config.yaml_source import dump_yaml, load_yaml
from domain.profile_file import ProfileDraft

MOST_CHARACTERS = 300_000  # the largest shipped profile has 12 000
_HEAD = (
    "title", "vendor", "protocol", "source", "confidence", "notes", "quirks", "parameters", "address_base", "layout", "defaults",
    "points",
)


def check_document(document: Mapping[str, object], name: str) -> ProfileDraft:
    """The checks of the loader on plain values. Points with a fault are left out of what can be read."""
    return _checked(Report(name, dict(document)), name)


def check_text(text: str, name: str) -> ProfileDraft:
    """As `check_document`, for YAML; problems carry their line."""
    report = load(text, f"{name}.yaml")
    return _checked(report, name) if not report.problems else ProfileDraft({}, None, ProfileError(report.problems))


def load(text: str, file: str) -> Report:
    """The parsed text, bounded."""
    if len(text) > MOST_CHARACTERS:
        report = Report(file)
        report.problem((), f"the file has {len(text)} characters", f"at most {MOST_CHARACTERS}")
        return report
    return load_yaml(text, file)


def dump_profile(document: Mapping[str, object]) -> str:
    """The document as a profile file: its head in the usual order, one point a line."""
    known = [name for name in _HEAD if name in document]
    others = [name for name in document if name not in known]
    ordered = {name: document[name] for name in (*others, *known)} if "points" in known else dict(document)
    head = {name: value for name, value in ordered.items() if name != "points"}
    points = dump_yaml({"points": document["points"]}, block_levels=2) if "points" in document else ""
    notes = {"notes": head.pop("notes")} if "notes" in head else {}
    return "".join([
        dump_yaml(head, block_levels=1) if head else "", dump_yaml(notes, block_levels=2) if notes else "", points,
    ])


def _checked(report: Report, name: str) -> ProfileDraft:
    document = report.document if isinstance(report.document, Mapping) else {}
    plain: dict[str, Any] = {str(key): value for key, value in document.items()}
    profile = read_profile(report, name)
    if profile is not None and not report.problems:
        return ProfileDraft(plain, profile)
    error = ProfileError(report.problems)
    return ProfileDraft(plain, _readable(plain, report.problems, name), error)


def _readable(document: Mapping[str, Any], problems: list[Problem], name: str) -> Any:
    """The profile without the points that have a fault; None where anything else has one, or the others would move."""
    if document.get("layout") == "sequential":
        return None
    points = document.get("points")
    wrong = {problem.path[1] for problem in problems if len(problem.path) > 1 and problem.path[0] == "points"}
    if not isinstance(points, list) or len(wrong) >= len(points) or any(p.path[:1] != ("points",) for p in problems):
        return None
    left = {**copy.copy(document), "points": [point for i, point in enumerate(points) if i not in wrong]}
    report = Report(name, left)
    profile = read_profile(report, name)
    return None if report.problems else profile
