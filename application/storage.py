"""backup, restore, check."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from application.common import CLI, Commands, run_with_database
from config.settings import load_settings
from database import hold_instance_lock, restore_database
from domain.errors import ConfigError
from runtime.clock import SystemClock


def add_commands(commands: Commands) -> None:
    """backup FILE, restore FILE, check."""
    backup = commands.add_parser("backup", help="copy everything kept into FILE, beside a running product too")
    backup.add_argument("file", type=Path)
    backup.set_defaults(run=_backup)
    restore = commands.add_parser("restore", help="bring a backup back into an empty data folder")
    restore.add_argument("file", type=Path)
    restore.set_defaults(run=_restore)
    commands.add_parser("check", help="integrity of the database, the audit and the books").set_defaults(run=_check)


def _backup(options: argparse.Namespace) -> int:
    async def run(app: CLI) -> int:
        counts = await app.database.backup(options.file)
        await app.database.audit.append(app.clock.now_us(), app.actor.name, app.actor.source, "backup", str(options.file))
        print(f"{options.file}: {options.file.stat().st_size} bytes, {counts.get('sample', 0)} samples")
        return 0

    return run_with_database(run)


def _restore(options: argparse.Namespace) -> int:
    settings = load_settings()
    if not options.file.exists():
        raise ConfigError(f"{options.file}: there is no such file")
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with hold_instance_lock(settings.data_dir):
        counts = asyncio.run(restore_database(settings.database_url, settings.data_dir, options.file, SystemClock()))
    print(f"{options.file}: restored, {counts.get('sample', 0)} samples")
    return 0


def _check(_options: argparse.Namespace) -> int:
    async def run(app: CLI) -> int:
        problems = await app.database.check()
        first_bad = await app.database.audit.verify()
        if first_bad is not None:
            problems = [*problems, f"audit: entry {first_bad} does not match its chain"]
        for problem in problems:
            print(problem)
        print("all is well" if not problems else f"{len(problems)} problem(s)")
        return 1 if problems else 0

    return run_with_database(run)
