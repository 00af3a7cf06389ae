"""collect, ingest, web, health: the roles of `serve` apart, one process each."""

from __future__ import annotations

import argparse
import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, TypeVar

from application.common import Commands
from application.roles.alive import look_at
from application.roles.collect import Collect
from application.roles.common import Reporter, name_of, need_kafka
from application.roles.ingest import Ingester
from application.roles.waiting import Waiting, waiting
from application.roles.web import Web, open_web
from application.server import first_start, listen_on, serve_web, set_up, until_signalled
from config.settings import Settings, load_settings
from database import hold_instance_lock
from database.edge_plant import EdgePicture, EdgePlant, open_edge_plant
from database.ingest import open_ingest, shared_store
from database.migrate import current_revision
from domain.errors import StorageError
from domain.ports import Clock
from runtime.clock import SystemClock
from runtime.memory import settle_memory
from runtime.supervisor import Supervisor
from runtime.watchdog import Notifier

log = logging.getLogger(__name__)

LOOK_S = 2.0
Job = Callable[[], Awaitable[None]]
_T = TypeVar("_T")


def add_commands(commands: Commands) -> None:
    """collect, ingest, web, health."""
    commands.add_parser("collect", help="only devices and processing; what is read goes to Kafka").set_defaults(run=collect)
    commands.add_parser("ingest", help="only from Kafka into the database; several share the work").set_defaults(run=ingest)
    commands.add_parser("web", help="only pages, API and analysis, over what the others read and keep").set_defaults(run=web)
    commands.add_parser("health", help="does the role on this data folder live (exit code 0) or not (1)").set_defaults(run=health)


def collect(_options: argparse.Namespace) -> int:
    """Poll the devices until SIGTERM or SIGINT."""
    settings = load_settings()
    need_kafka(settings)
    set_up(settings)
    return asyncio.run(_collect(settings))


def ingest(_options: argparse.Namespace) -> int:
    """Bring messages into the database until SIGTERM or SIGINT."""
    settings = load_settings()
    need_kafka(settings)
    set_up(settings)
    return asyncio.run(_ingest(settings))


def web(_options: argparse.Namespace) -> int:
    """Pages, API and analysis until SIGTERM or SIGINT; 1 when another process has taken over."""
    settings = load_settings()
    need_kafka(settings)
    set_up(settings)
    return asyncio.run(_web(settings))


def health(_options: argparse.Namespace) -> int:
    """The same as `python -m application.roles.alive`, which is quicker."""
    alive, words = look_at(load_settings().data_dir, SystemClock().now_us())
    print(words)
    return 0 if alive else 1


async def _collect(settings: Settings) -> int:
    clock, name, options = SystemClock(), name_of(settings, "collect"), need_kafka(settings)
    with hold_instance_lock(settings.data_dir):
        async with AsyncExitStack() as stack:
            edge = await stack.enter_async_context(open_edge_plant(settings.database_url, settings.data_dir))
            stopping = asyncio.create_task(until_signalled())
            async with waiting(settings, options, name, "collect", clock) as wait:
                picture = await _first(_picture(edge, clock, wait), stopping)
            if picture is None:
                return 0
            made = Collect(name, settings, edge, picture, clock)
            await made.open()
            stack.push_async_callback(made.close)
            reporter = Reporter(settings, options, name, made.tell, clock, made.hears)
            await _run(clock, made.jobs(), reporter, stopping, name)
    return 0


async def _picture(edge: EdgePlant, clock: Clock, wait: Waiting) -> EdgePicture:
    """The plant now, or as it was known last; who has never seen one waits for it."""
    while True:
        try:
            picture, reason = await edge.fresh(), "there is no plant yet: set it up in the pages of web, or main.py plant import"
        except StorageError as exc:
            picture, reason = edge.remembered(), str(exc)
            if picture is not None:
                log.warning("the database is away, the plant is the one known last: %s", exc)
        if picture is not None:
            return picture
        wait.because(f"the plant: {reason}")
        await clock.sleep(LOOK_S)


async def _ingest(settings: Settings) -> int:
    clock, name, options = SystemClock(), name_of(settings, "ingest"), need_kafka(settings)
    with hold_instance_lock(settings.data_dir):
        async with AsyncExitStack() as stack:
            stopping = asyncio.create_task(until_signalled())
            async with waiting(settings, options, name, "ingest", clock) as wait:
                opening = stack.enter_async_context(open_ingest(settings.database_url, clock, wait.because))
                store = await _first(opening, stopping)
            if store is None:
                return 0
            made = Ingester(name, options, store, clock)
            reporter = Reporter(settings, options, name, lambda: [made.status()], clock)
            await _run(clock, {"ingest": made.run}, reporter, stopping, name)
    return 0


async def _web(settings: Settings) -> int:
    clock = SystemClock()
    with hold_instance_lock(settings.data_dir):
        async with AsyncExitStack() as stack:
            stopping = asyncio.create_task(until_signalled())
            async with waiting(settings, need_kafka(settings), name_of(settings, "web"), "web", clock) as wait:
                await _first(_database_answers(settings, clock, wait), stopping)
            if stopping.done():
                return 0
            role = await stack.enter_async_context(open_web(settings, clock))
            served = role.app.web  # built while standing by: who takes over serves at once
            if await _first(_stood_by(role), stopping) is None:
                return 0
            stack.push_async_callback(role.give_back)
            listening = listen_on(settings.web.host, settings.web.port)
            stack.callback(listening.close)
            await first_start(role.app)
            jobs: dict[str, Job] = {**role.jobs(), "web": partial(serve_web, served, settings.web, listening)}
            await _until(asyncio.create_task(role.lost.wait()), stopping, role.app.supervisor, jobs, role.app.status.keeping)
            return 1 if role.lost.is_set() else 0


async def _database_answers(settings: Settings, clock: Clock, wait: Waiting) -> None:
    """A database server may start after us."""
    store = shared_store(settings.database_url)
    try:
        while True:
            try:
                await current_revision(store)
                return
            except StorageError as exc:
                wait.because(f"the database: {exc}")
            await clock.sleep(LOOK_S)
    finally:
        await store.close()


async def _stood_by(role: Web) -> bool:
    await role.stand_by()
    return True


async def _until(
    over: asyncio.Task[Any], stopping: asyncio.Task[None], supervisor: Supervisor, jobs: dict[str, Job],
    keeping: Callable[[], bool],
) -> None:
    """All jobs until a signal comes or it is over."""
    notifier = Notifier()
    settle_memory()
    every = {**jobs, "watchdog": lambda: notifier.run(keeping)}
    running = asyncio.create_task(supervisor.run(every), name="supervisor")
    notifier.send("READY=1")
    await asyncio.wait({over, stopping}, return_when=asyncio.FIRST_COMPLETED)
    notifier.send("STOPPING=1")
    over.cancel()
    running.cancel()
    await asyncio.gather(running, over, return_exceptions=True)


async def _first(work: Coroutine[Any, Any, _T], stopping: asyncio.Task[None]) -> _T | None:
    """What `work` gives; None when a signal comes before."""
    task = asyncio.create_task(work)
    await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        return task.result()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return None


async def _run(clock: Clock, jobs: dict[str, Job], reporter: Reporter, stopping: asyncio.Task[None], name: str) -> None:
    """All jobs until a signal comes."""
    print(f"Energy Monitoring: {name} runs", flush=True)
    every = {"announce": reporter.announce, "status-file": reporter.write, **jobs}
    await _until(asyncio.create_task(asyncio.Event().wait()), stopping, Supervisor(clock), every, lambda: True)
