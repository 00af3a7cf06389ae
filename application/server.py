"""serve, demo, simulate, start, prepare: the commands that run or set up the product."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import errno
import logging
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from application.build import Application, open_application
from application.common import Commands, cli_actor
from application.plant import read_text
from config.plant_file import parse_plant
from config.profile_catalog import ProfileCatalog
from config.settings import Settings, Web, load_settings
from database import hold_instance_lock, open_database
from domain.errors import ConfigError
from runtime.clock import SystemClock
from runtime.logs import set_up_logging
from runtime.memory import settle_memory
from runtime.watchdog import Notifier
from web_interface.server import server_config

log = logging.getLogger(__name__)
STOP_WITHIN_S = 8.0
DEMO_DAYS = 10  # of history: enough for borders, baselines and the usual of a machine


def add_commands(commands: Commands) -> None:
    """serve, demo, simulate, start, prepare."""
    commands.add_parser("serve", help="everything in one process (default)").set_defaults(run=serve)
    about_demo = "serve on a data folder of its own beside a simulated shop of 12 machines"
    shop = commands.add_parser("demo", help=about_demo)
    shop.add_argument("--days", type=_days, default=DEMO_DAYS, help="days of history written at the first start, 3 to 60 (10)")
    shop.set_defaults(run=demo)
    simulate = commands.add_parser("simulate", help="only the simulator: serve every device of a plant file")
    simulate.add_argument("plant", type=Path, metavar="PLANT.yaml")
    simulate.add_argument("--seed", type=int, default=1)
    simulate.set_defaults(run=run_simulator)
    commands.add_parser("start", help="serve, or demo while no plant is configured").set_defaults(run=start)
    commands.add_parser("prepare", help="create the data folder and bring the database up to date").set_defaults(run=prepare)


def serve(_options: argparse.Namespace) -> int:
    """Run the product until SIGTERM or SIGINT."""
    settings = load_settings()
    set_up(settings)
    return asyncio.run(_serve(settings))


def demo(options: argparse.Namespace) -> int:
    """The product beside a simulated shop, with history, on its own data folder."""
    settings = _demo_settings(load_settings())
    set_up(settings)
    return asyncio.run(_serve(settings, demo_days=getattr(options, "days", DEMO_DAYS)))


def _days(text: str) -> int:
    if not text.isdecimal() or not 3 <= int(text) <= 60:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of days; expected 3 to 60")
    return int(text)


def start(options: argparse.Namespace) -> int:
    """What install.py --start runs."""
    settings = load_settings()
    _private_folder(settings.data_dir)
    if settings.plant_file is not None or asyncio.run(_has_plant(settings)):
        return serve(options)
    print("No plant is configured yet: starting the demonstration shop.", flush=True)
    return demo(options)


def prepare(_options: argparse.Namespace) -> int:
    """Create the data folder with its keys and the database's schema; harmless when they are there."""
    settings = load_settings()
    _private_folder(settings.data_dir)
    asyncio.run(_has_plant(settings))
    return 0


def run_simulator(options: argparse.Namespace) -> int:
    """Serve the devices of a plant file until interrupted."""
    from simulator.serve import simulate  # noqa: PLC0415 - the product does not load the simulator

    catalog = ProfileCatalog.load(load_settings().data_dir / "profiles")
    parsed = parse_plant(read_text(options.plant), file=str(options.plant), catalog=catalog, environ=os.environ)

    async def run() -> int:
        async with simulate(parsed.plant, clock=SystemClock(), seed=options.seed):
            for line in parsed.plant.lines:
                print(f"{line.id}: {line.transport} {line.target}", flush=True)
            await until_signalled()
        return 0

    return asyncio.run(run())


def set_up(settings: Settings) -> None:
    """The data folder and the log of a process that runs on."""
    _private_folder(settings.data_dir)
    set_up_logging(settings.log.level, settings.log_dir, json_console=not sys.stderr.isatty() and "INVOCATION_ID" in os.environ)


def _private_folder(folder: Path) -> None:
    """Create the data folder, readable by its owner only."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise ConfigError(f"ENERGY_DATA_DIR: {folder} cannot be created: {exc.strerror}") from exc
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(f"ENERGY_DATA_DIR: {folder} is not writable")


def _demo_settings(settings: Settings) -> Settings:
    """The same settings on a data folder of its own, so that the demonstration never mixes with a real plant."""
    return settings.model_copy(update={"data_dir": settings.data_dir / "demo", "plant_file": None})


async def _has_plant(settings: Settings) -> bool:
    async with open_database(settings.database_url, settings.data_dir, SystemClock()) as database:
        return await database.plants.load() is not None


async def _serve(settings: Settings, *, demo_days: int | None = None) -> int:
    clock, notifier = SystemClock(), Notifier()
    with hold_instance_lock(settings.data_dir):
        listening = listen_on(settings.web.host, settings.web.port)
        async with AsyncExitStack() as stack:
            stack.callback(listening.close)
            async with notifier.starting():
                if demo_days is not None:
                    await _begin_demo(settings, clock, stack, demo_days)
                app = await stack.enter_async_context(open_application(settings, clock))
                await first_start(app)
            jobs: dict[str, Callable[[], Awaitable[None]]] = dict(app.jobs)
            if demo_days is not None:
                from application.demo import learn_parts  # noqa: PLC0415 - as above

                jobs["demo-inspection"] = lambda: learn_parts(app.services.inspection, clock)
            jobs["web"] = partial(serve_web, app.web, settings.web, listening)
            jobs["watchdog"] = lambda: notifier.run(app.status.keeping)
            settle_memory()
            running = asyncio.create_task(app.supervisor.run(jobs), name="supervisor")
            notifier.send("READY=1")
            await until_signalled()
            notifier.send("STOPPING=1")
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    return 0


async def _begin_demo(settings: Settings, clock: SystemClock, stack: AsyncExitStack, days: int) -> None:
    """The simulated shop, served for as long as the product runs, with its past already written."""
    from application.demo import SEED, prepare_demo  # noqa: PLC0415 - the product does not load the simulator
    from simulator.demo import outages_from, overload_furnace  # noqa: PLC0415
    from simulator.serve import simulate  # noqa: PLC0415

    outages = outages_from(clock.now_us())
    plant = await prepare_demo(settings, clock, outages, days)
    simulation = await stack.enter_async_context(simulate(plant, clock=clock, seed=SEED, outages=outages))
    overload_furnace(simulation, clock.now_us())


async def first_start(app: Application) -> None:
    """Load the plant (or import ENERGY_PLANT_FILE once), make the first administrator or print the setup code."""
    known = await app.plant.load()
    settings = app.settings
    running = {name for name in app.jobs if name.startswith("feed:")}
    served = {*running, "feed:smtp", *(["feed:mqtt"] if not settings.mqtt.plain else [])}
    for feed in settings.feeds_asked:  # silence would read as "delivered"
        if f"feed:{feed}" not in served:
            log.warning("%s is set up, but this version has no such feed yet: nothing is sent there", feed)
    if not known and settings.plant_file is not None:
        await app.plant.import_yaml(read_text(settings.plant_file), cli_actor())
    await app.prime()
    password = settings.admin.password
    await app.accounts.begin(password.get_secret_value() if password is not None else None)
    scheme = "https" if settings.web.tls_cert else "http"
    print(f"Energy Monitoring: {scheme}://{settings.web.host}:{settings.web.port}", flush=True)
    code = app.accounts.setup_code
    if code is not None:
        print(f"First start: open the page above and set up the administrator with the one-time code  {code}", flush=True)


def listen_on(host: str, port: int) -> socket.socket:
    """A listening socket, before anything else starts. Raises ConfigError that says what to do."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as exc:
        sock.close()
        if exc.errno == errno.EADDRINUSE:
            raise ConfigError(f"port {port} on {host} is in use by another program; set ENERGY_WEB__PORT to a free one") from exc
        raise ConfigError(f"cannot listen on {host}:{port}: {exc.strerror} (ENERGY_WEB__HOST, ENERGY_WEB__PORT)") from exc
    sock.listen(128)
    return sock


class _Server(uvicorn.Server):
    """Leaves the signals to us: the product stops in its own order."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve_web(served: FastAPI, web: Web, listening: socket.socket) -> None:
    """Pages and API until cancelled."""
    server = _Server(server_config(served, host=web.host, port=web.port, tls_cert=web.tls_cert, tls_key=web.tls_key))
    copy = listening.dup()  # the server closes its own; a restarted one gets a fresh one
    serving = asyncio.create_task(server.serve(sockets=[copy]), name="web:serve")
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True  # it closes what is open in its own order, within its own deadline
        await asyncio.gather(serving, return_exceptions=True)
        raise


async def until_signalled() -> None:
    """Wait for SIGTERM or SIGINT; a second one ends the process at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def ask() -> None:
        if stop.is_set():
            os._exit(1)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ask)
    await stop.wait()
