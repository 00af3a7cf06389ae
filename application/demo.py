"""The demonstration: the simulated shop beside the product, and its past in the database: alive from the first minute."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterable, Iterator, Sequence

from analysis.control import Mark, claims_of, join, number_column
from analysis.floor_drawing import drawn_floor
from analysis.floor_plan import judged
from analysis.meter import ControlTags, meters_of
from analysis.states import Timing, states_of
from application.common import cli_actor, open_plant
from config.plant_admin import PlantAdmin
from config.settings import Settings
from database import Database, open_database
from domain.errors import MonitorError
from domain.inspection import ItemFilter, Outcome
from domain.plant import Plant, Tag
from domain.ports import Clock
from domain.sample import Batch, TagId
from domain.state import StateInterval
from simulator.cameras import GOOD_FIRST
from simulator.demo import demo_plant_text, with_inspection
from simulator.faults import Outage
from simulator.history import since_yesterday, weeks_before
from simulator.models import models_of
from web_interface.services.inspection import InspectionService

log = logging.getLogger(__name__)

SEED = 1
HOST = "127.0.0.1"
CELL, LEARNED_PARTS, LOOK_S = "cell", 20, 3.0
COUNTERS = frozenset(f"counter_{n}" for n in range(1, 17))
PAST_POINTS = COUNTERS | {
    "active_power", "energy_import", "reactive_energy_import", "execution_state", "part_count", "program",
}  # of the past before the last hour
PAST_STEP_S = 60.0  # of the written past before its last hour
RECENT_STEP_S = 5.0
HOUR_US = 3_600_000_000


async def prepare_demo(settings: Settings, clock: Clock, outages: Sequence[Outage], days: int) -> Plant:
    """Import the shop once and write its past where there is none yet: so many `days` to learn borders and habits from."""
    async with open_database(settings.database_url, settings.data_dir, clock) as database:
        plant = open_plant(database, settings, clock, os.environ)
        if not await plant.load():
            text = with_inspection(demo_plant_text(), str(settings.data_dir / "camera"))
            await plant.import_yaml(text, cli_actor())
        await _move_taken_lines(plant)
        if await database.samples.span() is None:
            print(f"Writing {days} days of history for the simulated shop ...", flush=True)
            await _write_past(database, plant.plant, await database.plants.tags(), clock.now_us(), outages, days)
        await place_machines(database, plant.plant)
        return plant.plant


async def learn_parts(inspection: InspectionService, clock: Clock) -> None:
    """Once enough good parts have been seen, a model learns from them and judges: the simulator's first parts have no defect."""
    while True:
        await clock.sleep(LOOK_S)
        try:
            if await inspection.models(CELL):
                return
            items = await inspection.items(CELL, GOOD_FIRST, ItemFilter(before=GOOD_FIRST))
            seen = [item for item in items if item.picture is not None]
            if len(seen) >= LEARNED_PARTS or (items and items[0].number == GOOD_FIRST - 1):
                for item in seen:
                    await inspection.label(CELL, item.number, Outcome.GOOD, cli_actor())
                model = await inspection.train(CELL, "limits", cli_actor())
                await inspection.activate(CELL, model.version, cli_actor())
                return
        except MonitorError as exc:  # nothing inspected yet, or the database is away: the next look tells
            log.info("demonstration: no quality model yet: %s", exc)


async def place_machines(database: Database, plant: Plant) -> None:
    """A plain floor plan, unless there has ever been one."""
    before = await database.floor.plan()
    if before.version == 0:
        content, places = drawn_floor(plant.machines)
        version = await database.floor.save_picture(judged(content), content, 0)
        await database.floor.save_places(places, version)


async def _move_taken_lines(plant: PlantAdmin) -> None:
    """A port that another program holds is replaced by a free one: a demonstration always starts."""
    for line in plant.plant.lines:
        if _is_free(int(str(line.options["port"]))):
            continue
        with socket.socket() as sock:
            sock.bind((HOST, 0))
            port = sock.getsockname()[1]
        log.warning("line %s: port %s is taken by another program, %d is used", line.id, line.options["port"], port)
        fields = {"id": line.id, "transport": line.transport, **line.options, "port": port}
        await plant.save_line(fields, cli_actor(), new=False)


def _is_free(port: int) -> bool:
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((HOST, port))
        except OSError:
            return False
    return True


def _thinned(batches: Iterable[Batch], told: frozenset[TagId], border_us: int) -> Iterator[Batch]:
    """Before the border only what the overview and the shift figures tell of: a start takes seconds, not minutes."""
    for batch in batches:
        if batch.time_us >= border_us:
            yield batch
            continue
        kept = [i for i, tag_id in enumerate(batch.tag_ids) if tag_id in told]
        if kept:
            columns = [batch.values[i] for i in kept], [batch.qualities[i] for i in kept]
            yield Batch(batch.device_id, batch.time_us, tuple(batch.tag_ids[i] for i in kept), *columns, batch.texts)


def _of_weeks(plant: Plant, tags: Sequence[Tag]) -> list[Tag]:
    """Tags that baselines, borders and habits are learned from: powers, energies, what controls tell, what else is fed."""
    told = {name for machine in plant.machines if machine.control is not None for name in machine.control.tags}
    main = plant.site.main_meter
    everywhere = {"active_power", "energy_import"}
    return [
        tag for tag in tags
        if tag.point in everywhere or tag.name in told or (tag.device_id == main and tag.point in PAST_POINTS)
    ]  # fmt: skip


async def _write_past(
    database: Database, plant: Plant, tags: Sequence[Tag], now_us: int, outages: Sequence[Outage], days: int
) -> None:
    shop = models_of(plant, SEED)
    border_us = (now_us - HOUR_US) // 60_000_000 * 60_000_000
    told = frozenset(tag.id for tag in tags if tag.point in PAST_POINTS)
    old = _of_weeks(plant, tags)
    await database.writer.put_all(weeks_before(plant, old, now_us, days, SEED, only=PAST_POINTS, shop=shop))
    past = since_yesterday(plant, tags, now_us, SEED, outages=outages, shop=shop)
    await database.writer.put_all(_thinned(past, told, border_us))
    for machine_id, meter in meters_of(plant, tags).items():
        if meter.power is None or meter.machine.states is None:
            continue
        series = await database.samples.raw(meter.power.id, now_us - (days + 1) * 24 * HOUR_US, now_us)
        if not series.times_us:
            continue
        found: list[StateInterval] = []
        spans = ((series.times_us[0], border_us, PAST_STEP_S), (border_us, now_us, max(RECENT_STEP_S, meter.power.interval_s)))
        for from_us, to_us, step_s in spans:
            timing = Timing.of(step_s)
            columns = series.times_us, series.values, series.qualities
            states = states_of(machine_id, *columns, meter.machine.states, timing, from_us, to_us)
            if meter.control is not None:
                states = join(states, await _claims(database, meter.control, timing, from_us, to_us))
            found += states
        await database.states.save_states(found)


async def _claims(database: Database, control: ControlTags, timing: Timing, from_us: int, to_us: int) -> list[Mark]:
    """What the control told of the written past, whose samples are farther apart than in life."""
    told = await database.samples.raw(control.execution.id, from_us, to_us)
    column = number_column(told.times_us, told.values, told.qualities, timing)
    return claims_of(control.signals, column, None, (), from_us, to_us)
