"""`web`: pages, API and analysis over what the other roles read and keep. One at a time; a second one stands by."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial

from application.build import Application, open_application
from application.roles.asking import Asker
from application.roles.board import RolesBoard
from application.roles.common import Reporter, name_of, need_kafka
from application.roles.live import LiveFeed
from application.roles.remote import RemoteCollector
from application.roles.watch import watch_roles
from config.settings import Settings
from data_transfer.kafka.channel import Channel
from database.ingest import shared_store
from database.keys import Sealer, load_or_create_key
from database.lease import RENEW_S, Lease
from domain.errors import StorageError
from domain.ports import Clock

log = logging.getLogger(__name__)

LEASE = "web"
LOOK_S = 2.0
Job = Callable[[], Awaitable[None]]


class Web:
    """The application over the other roles. `stand_by`, then run `jobs`; `lost` is set when another process took over."""

    def __init__(self, settings: Settings, app: Application, board: RolesBoard, clock: Clock) -> None:
        self.app, self._board, self._clock = app, board, clock
        self.name = name_of(settings, "web")
        options = need_kafka(settings)
        self._live = LiveFeed(self.name, options, board, clock, app.bus.publish)
        app.plant_listeners.append(self._live.apply)
        self._channel = Channel(options, options.commands, self.name, clock)
        sealer = Sealer(load_or_create_key(settings.data_dir / "keys" / "secrets.key"))
        self._asker = Asker(self.name, self._channel.send, sealer, clock)
        if isinstance(app.collector, RemoteCollector):
            app.collector.ask = self._asker.ask
        self._reporter = Reporter(settings, options, self.name, lambda: [self._live.status()], clock)
        self._lease = Lease(app.database.store, clock, LEASE, f"{self.name} ({socket.gethostname()} {settings.data_dir})"[:200])
        self.lost = asyncio.Event()

    async def stand_by(self) -> None:
        """Until no other `web` runs on this database: what is analysed, alerted and rolled up once must not be done twice."""
        told = None
        while True:
            try:
                holder = await self._lease.take()
            except StorageError as exc:
                holder = f"the database is away: {exc}"
            if holder is None:
                return
            if holder != told:
                log.warning("standing by, web is run by %s", holder)
                told = holder
            await self._clock.sleep(LOOK_S)

    async def hold(self) -> None:
        """Keep the lease until cancelled or overtaken. While the database is away nobody else can have it either."""
        while True:
            await self._clock.sleep(RENEW_S)
            try:
                holder = await self._lease.take()
            except StorageError as exc:
                log.warning("the lease cannot be renewed: %s", exc)
                continue
            if holder is not None:
                log.error("%s has taken over: this process ends", holder)
                self.lost.set()
                return

    async def give_back(self) -> None:
        """At a stop in good order another may go on at once."""
        try:
            await self._lease.give_back()
        except StorageError as exc:
            log.warning("the lease cannot be given back, it runs out by itself: %s", exc)

    def jobs(self) -> Mapping[str, Job]:
        """Those of the application and those of the role."""
        return {
            **self.app.jobs, "lease": self.hold, "announce": self._reporter.announce, "status-file": self._reporter.write,
            "ingest-books": lambda: self._board.watch_tables(self.app.database.store),
            "roles-watch": lambda: watch_roles(self._board, self.app.alerts, self._clock),
            "live-feed": self._live.run, "commands": partial(self._channel.run, self._asker.take),
        }  # fmt: skip


@asynccontextmanager
async def open_web(settings: Settings, clock: Clock) -> AsyncIterator[Web]:
    """Raises ConfigError (no Kafka, SQLite)."""
    need_kafka(settings)
    await shared_store(settings.database_url).close()  # says it before anything is made
    board = RolesBoard(clock)
    async with open_application(settings, clock, board=board) as app:
        yield Web(settings, app, board, clock)
