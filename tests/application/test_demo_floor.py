"""The demonstration has its machines on a floor plan, and leaves a plan that somebody changed as it is."""

from __future__ import annotations

from pathlib import Path

from application.demo import place_machines
from config.plant_file import parse_plant
from config.profile_catalog import ProfileCatalog
from database.open import open_database
from simulator.demo import demo_plant_text
from tests.conftest import FakeClock


async def test_every_machine_stands_on_the_plan_once(tmp_path: Path, fake_clock: FakeClock) -> None:
    plant = parse_plant(demo_plant_text(), catalog=ProfileCatalog.shipped(), environ={}).plant
    async with open_database(f"sqlite:///{tmp_path / 'demo.sqlite'}", tmp_path, fake_clock) as database:
        await place_machines(database, plant)
        drawn = await database.floor.plan()
        assert set(drawn.places) == {machine.id for machine in plant.machines}
        assert drawn.picture is not None
        await database.floor.save_places({}, drawn.version)
        await place_machines(database, plant)
        assert (await database.floor.plan()).places == {}
