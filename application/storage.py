"""backup, restore, check."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from pathlib import Path

from application.common import CLI, Commands, run_with_database
from config.settings import load_settings
from database import hold_instance_lock, open_database
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
        await app.database.backup(options.file)
        await app.database.audit.append(app.clock.now_us(), app.actor.name, app.actor.source, "backup", str(options.file))
        print(f"{options.file}: {options.file.stat().st_size} bytes")
        return 0

    return run_with_database(run)


def _restore(options: argparse.Namespace) -> int:
    settings = load_settings()
    if not options.file.exists():
        raise ConfigError(f"{options.file}: there is no such file")
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)

    async def run() -> Sequence[str]:
        async with open_database(settings.database_url, settings.data_dir, SystemClock()) as database:
            return await database.restore(options.file)

    with hold_instance_lock(settings.data_dir):
        warnings = asyncio.run(run())
    for warning in warnings:
        print(f"warning: {warning}")
    print(f"{options.file}: restored")
    return 0


def _check(_options: argparse.Namespace) -> int:
    async def run(app: CLI) -> int:
        result = await app.database.check()
        problems = result.problems
        if result.books is not None:
            print(f"books: {result.books.read} read, {result.books.kept} kept, balanced: {result.books.balanced}")
        for problem in problems:
            print(problem)
        print("all is well" if not problems else f"{len(problems)} problem(s)")
        return 1 if problems else 0

    return run_with_database(run)
