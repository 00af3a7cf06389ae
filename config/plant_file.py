"""The plant file: YAML text or a stored document becomes a validated domain.plant.Plant, and back. See docs/plant-file.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from config.plant_reader import SECTIONS, PlantReader
from config.problems import Problem, ProblemsError, Report
from config.profile_catalog import ProfileCatalog
from config.yaml_source import dump_yaml, load_yaml
from domain.plant import Plant

Document = dict[str, Any]


class PlantFileError(ProblemsError):
    """The plant does not validate; `problems` holds everything that is wrong with it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        super().__init__(problems)


@dataclass(frozen=True, slots=True)
class ParsedPlant:
    """`document`: plain values as they stood in the file (no secrets), `warnings`: what may be meant but looks wrong."""

    document: Document
    plant: Plant
    warnings: tuple[Problem, ...] = ()


def parse_plant(text: str, *, file: str = "plant.yaml", catalog: ProfileCatalog, environ: Mapping[str, str]) -> ParsedPlant:
    """Read a plant file. Raises PlantFileError with every problem: file, line, field and what was expected."""
    report = load_yaml(text, file)
    plant = None if report.problems else PlantReader(report, catalog, environ, {}).read()
    if plant is None:
        raise PlantFileError(report.problems)
    document = {str(key): value for key, value in dict(report.document).items()} if isinstance(report.document, dict) else {}
    return ParsedPlant(document, plant, tuple(report.warnings))


def plant_from_document(
    document: Mapping[str, object], *, catalog: ProfileCatalog, environ: Mapping[str, str],
    secrets: Mapping[str, str] | None = None,
) -> Plant:
    """Read a document as `parse_plant` returns it (also one that went through JSON). Raises PlantFileError.

    `secrets`: passwords that were set in the pages, by name ("device:<id>").
    """
    report = Report("plant", document)
    plant = PlantReader(report, catalog, environ, secrets or {}).read()
    if plant is None:
        raise PlantFileError(report.problems)
    return plant


def dump_plant(document: Mapping[str, object]) -> str:
    """The document as a plant file: sections in their usual order; it parses to an equal document."""
    known = [name for name in SECTIONS if name in document]
    others = [name for name in document if name not in SECTIONS]
    return "\n".join(dump_yaml({name: document[name]}, block_levels=1 if name == "site" else 2) for name in (*known, *others))
