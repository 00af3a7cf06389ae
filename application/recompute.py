"""recompute: states and the cube of energy anew from the minutes that are kept, in processes beside a running product."""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby

from analysis.calendar import Calendar
from analysis.cube import rule_of, slots_of
from analysis.meter import meters_of
from analysis.recompute import MINUTE_US, QUARTER_US, Buckets, counter_width_us, recompute
from application.common import CLI, Commands, run_with_database
from database.bulk import bucket_columns, replace_cube, replace_states
from database.engine import Store
from domain.cube import KeptDay, Slot
from domain.errors import ConfigError
from domain.plant import Plant, ShiftPattern, Tag
from domain.ports import Step
from domain.sample import TagId
from domain.state import StateThresholds
from domain.work_calendar import WorkCalendar

PROCESSES = 2
LONGEST_DAYS = 400


@dataclass(frozen=True, slots=True)
class MachineJob:
    """One machine and the tags of its meter."""

    machine_id: str
    power: TagId
    energy: TagId | None
    thresholds: StateThresholds | None


@dataclass(frozen=True, slots=True)
class Task:
    """What one process does. `states`: also put the states made from minutes in place of the stored ones."""

    url: str
    machines: tuple[MachineJob, ...]
    timezone: str
    shifts: tuple[ShiftPattern, ...]
    calendar: WorkCalendar
    first: date
    last: date
    states: bool


def jobs_of(plant: Plant, tags: Sequence[Tag]) -> list[MachineJob]:
    """Machines that have a power to recompute from."""
    return [
        MachineJob(machine_id, meter.power.id, None if meter.energy is None else meter.energy.id, meter.machine.states)
        for machine_id, meter in meters_of(plant, tags).items()
        if meter.power is not None
    ]


def recompute_all(
    url: str, plant: Plant, tags: Sequence[Tag], first: date, last: date, *, states: bool, processes: int = PROCESSES
) -> int:
    """Days `first` to `last`, both included, of every machine; the number of cells stored. Blocks."""
    jobs = jobs_of(plant, tags)
    tasks = [
        Task(url, tuple(jobs[n::processes]), plant.site.timezone, plant.shifts, plant.calendar, first, last, states)
        for n in range(processes)
        if jobs[n::processes]
    ]
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        return sum(pool.map(run_task, tasks))


def run_task(task: Task) -> int:
    """The work of one process."""
    return asyncio.run(_run_task(task))


async def _run_task(task: Task) -> int:
    calendar = Calendar(task.timezone, task.shifts, task.calendar)
    slots = slots_of(calendar, calendar.day_window(task.first).from_us, calendar.day_window(task.last).to_us)
    days = [(day, list(own)) for day, own in groupby(slots, key=lambda slot: slot.day)]
    kept = [(day, own[0].from_us, own[-1].to_us, rule_of(own)) for day, own in days]
    store = Store(task.url)
    try:
        count = 0
        for job in task.machines:
            count += await _machine(store, job, slots, kept, states=task.states)
        return count
    finally:
        await store.close()


async def _machine(
    store: Store, job: MachineJob, slots: Sequence[Slot], days: Sequence[tuple[date, int, int, str]], *, states: bool
) -> int:
    first, end = slots[0].from_us, slots[-1].to_us
    power = Buckets(*await bucket_columns(store, job.power, Step.M1, "mean_value", first, end), MINUTE_US)
    consumption = None
    if job.energy is not None:
        width_us = counter_width_us(slots)
        step = Step.M15 if width_us == QUARTER_US else Step.M1
        consumption = Buckets(*await bucket_columns(store, job.energy, step, "consumption", first, end), width_us)
    found = recompute(job.machine_id, slots, power, consumption, job.thresholds)
    if states and found.states:
        await replace_states(store, job.machine_id, first, end, found.states)
    cells = found.cells.cells(job.machine_id, slots)
    return await replace_cube(store, [KeptDay(job.machine_id, day, a, b, b, rule) for day, a, b, rule in days], cells)


# -- the command -------------------------------------------------------------------------------------------------------------


def add_commands(commands: Commands) -> None:
    """recompute FROM TO [--states]."""
    command = commands.add_parser("recompute", help="make the energy cube of past days anew from the kept minutes")
    command.add_argument("first", type=_day, metavar="FROM", help="first day, YYYY-MM-DD")
    command.add_argument("last", type=_day, metavar="TO", help="last day, before today")
    command.add_argument("--states", action="store_true", help="the machine states too, from minutes by today's thresholds")
    command.set_defaults(run=_recompute)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day YYYY-MM-DD") from None


def _recompute(options: argparse.Namespace) -> int:
    async def run(app: CLI) -> int:
        if not await app.plant.load():
            raise ConfigError("there is no plant yet")
        plant, tags = app.plant.plant, await app.database.plants.tags()
        today = Calendar.of(plant).day_of(app.clock.now_us())
        first, last = options.first, options.last
        if not first <= last < today or (last - first) > timedelta(days=LONGEST_DAYS):
            raise ConfigError(f"expected FROM <= TO < {today}, at most {LONGEST_DAYS} days")
        now_us = app.clock.now_us()
        await app.database.audit.append(now_us, app.actor.name, app.actor.source, "recompute", f"{first} to {last}")
        url = app.database.store.url.render_as_string(hide_password=False)
        count = await asyncio.to_thread(recompute_all, url, plant, tags, first, last, states=options.states)
        print(f"{count} cells of {len(jobs_of(plant, tags))} machines")
        return 0

    return run_with_database(run)
