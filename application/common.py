"""What the commands share: settings, the database, the actor that stands in the audit."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from config.plant_admin import PlantAdmin
from config.profile_catalog import ProfileCatalog
from config.settings import Settings, load_settings
from database import Database, open_database
from domain.access import Actor, Role
from domain.commissioning import ReadNow
from domain.plant import Device, Line
from domain.ports import Clock
from runtime.clock import SystemClock

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]
else:
    Commands = object


@dataclass(frozen=True, slots=True)
class CLI:
    """Open parts a command works with."""

    settings: Settings
    database: Database
    plant: PlantAdmin
    actor: Actor
    clock: SystemClock


async def _no_reader(device: Device, line: Line) -> ReadNow:
    raise RuntimeError("reading needs the drivers: use the command read")


def cli_actor() -> Actor:
    """Whoever may run commands on the data folder is its administrator; the audit names the system's user."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = f"uid {os.getuid()}"
    return Actor(name, Role.ADMIN, "cli")


def open_plant(database: Database, settings: Settings, clock: Clock, environ: Mapping[str, str]) -> PlantAdmin:
    """The plant's configuration alone: nothing runs by it here."""
    catalog = ProfileCatalog.load(settings.profile_dir)
    return PlantAdmin(
        database.plants, database.audit, catalog, clock, environ, apply=lambda _plant, _tags: None, reader=_no_reader
    )


def run_with_database(work: Callable[[CLI], Awaitable[int]]) -> int:
    """Open the database, load the plant, do `work`; beside a running product too."""

    async def run() -> int:
        settings = load_settings()
        clock = SystemClock()
        async with open_database(settings.database_url, settings.data_dir, clock) as database:
            plant = open_plant(database, settings, clock, os.environ)
            await plant.load()
            return await work(CLI(settings, database, plant, cli_actor(), clock))

    return asyncio.run(run())
