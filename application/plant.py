"""plant check, import, export."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from application.common import CLI, Commands, run_with_database
from config.plant_file import PlantFileError, parse_plant
from config.profile_catalog import ProfileCatalog
from config.settings import load_settings
from domain.errors import ConfigError


def add_commands(commands: Commands) -> None:
    """plant check FILE, plant import FILE, plant export FILE."""
    plant = commands.add_parser("plant", help="validate, load or save a plant file")
    actions = plant.add_subparsers(title="actions", metavar="ACTION", required=True)
    check = actions.add_parser("check", help="validate FILE: every error with file, line, field and what was expected")
    check.add_argument("file", type=Path)
    check.set_defaults(run=_check)
    load = actions.add_parser("import", help="replace the stored plant by FILE; a running product takes it over")
    load.add_argument("file", type=Path)
    load.set_defaults(run=_import)
    save = actions.add_parser("export", help="write the stored plant to FILE (- for standard output)")
    save.add_argument("file", type=Path)
    save.set_defaults(run=_export)


def read_text(file: Path) -> str:
    """The file's text. Raises ConfigError that names the file."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{file}: cannot be read: {exc}") from exc


def _check(options: argparse.Namespace) -> int:
    from application.cycles import cycle_warnings  # noqa: PLC0415 - the drivers load only for this command
    from data_collection.registry import connects  # noqa: PLC0415

    catalog = ProfileCatalog.load(load_settings().data_dir / "profiles")
    try:
        parsed = parse_plant(read_text(options.file), file=str(options.file), catalog=catalog, environ=os.environ)
    except PlantFileError as wrong:
        for problem in wrong.problems:
            print(problem, file=sys.stderr)
        print(f"{options.file}: {len(wrong.problems)} error(s)", file=sys.stderr)
        return 2
    plant = parsed.plant
    known = connects()
    unserved = [f"line {line.id}: transport {line.transport} is not polled by this version" for line in plant.lines
                if line.transport not in known]
    for warning in (*parsed.warnings, *unserved, *cycle_warnings(plant)):
        print(f"warning: {warning}")
    points = sum(len(device.profile.points) for device in plant.devices)
    print(
        f"{options.file}: valid. {len(plant.lines)} lines, {len(plant.devices)} devices, {points} points, "
        f"{len(plant.machines)} machines, {len(plant.limits)} limits"
    )
    return 0


def _import(options: argparse.Namespace) -> int:
    text = read_text(options.file)

    async def load(app: CLI) -> int:
        try:
            await app.plant.import_yaml(text, app.actor)
        except PlantFileError as wrong:
            for problem in wrong.problems:
                print(str(problem).replace("import:", f"{options.file}:", 1), file=sys.stderr)
            return 2
        print(f"{options.file}: imported")
        return 0

    return run_with_database(load)


def _export(options: argparse.Namespace) -> int:
    async def save(app: CLI) -> int:
        text = app.plant.export_yaml(app.actor)
        if str(options.file) == "-":
            sys.stdout.write(text)
        else:
            options.file.write_text(text, encoding="utf-8")
            print(f"{options.file}: written")
        return 0

    return run_with_database(save)
