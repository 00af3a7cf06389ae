"""The demonstration: the simulated shop beside the product, and its past in the database: alive from the first minute."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from application.build import Application
from application.common import cli_actor
from domain.sample import Batch
from simulator.demo import DEMO_OUTAGES, demo_plant_text
from simulator.history import since_yesterday
from simulator.models import models_of
from simulator.serve import simulate

log = logging.getLogger(__name__)
BATCHES_A_TURN = 400


@asynccontextmanager
async def prepare_demo(app: Application) -> AsyncIterator[None]:
    """Import the shop once, serve it, and write its past (since yesterday's midnight) where there is none yet."""
    if not await app.plant.load():
        await app.plant.import_yaml(demo_plant_text(), cli_actor())
    plant = app.plant.plant
    shop = models_of(plant, 1)
    async with simulate(plant, clock=app.clock, seed=1, outages=DEMO_OUTAGES):
        tags = await app.database.plants.tags()
        if not await app.database.samples.latest():
            print("Writing a day of history for the simulated shop ...", flush=True)
            await write_history(app, since_yesterday(plant, tags, app.clock.now_us(), 1, outages=DEMO_OUTAGES, shop=shop))
        yield


async def write_history(app: Application, batches: Iterable[Batch]) -> None:
    """Through the same way as live samples: writer, states, roll-ups."""
    for number, batch in enumerate(batches):
        app.bus.publish(batch)
        if number % BATCHES_A_TURN == 0:
            await asyncio.sleep(0)
