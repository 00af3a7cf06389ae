"""The server as a task of the product: fed from the bus, run in a thread, told of to people.

Its own thread and event loop keep signatures, encryption and the browsing of clients away from the loop that polls devices.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Final

from data_transfer.opcua_server.access import Identity, Limits, SignIn, Trust
from domain.errors import ConfigError
from domain.plant import Plant, Tag
from domain.ports import Clock, History
from domain.sample import Batch
from domain.served import MachineFigures, ServerStatus

if TYPE_CHECKING:
    from data_transfer.opcua_server.host import Host

log = logging.getLogger(__name__)

NAME: Final = "opcua_server"
TICK_S: Final = 1.0
STOP_S: Final = 10.0
MOST_WAITING: Final = 20_000  # batches; the oldest go


class OpcUaServer:
    """Implements domain.served.ServedStatus. `apply` the plant, subscribe `on_batch`, `run` as a supervised task.

    `identity`: files of its certificate, made where there are none; blocking. `figures`: of the machines, asked once a second.
    """

    def __init__(
        self, host: str, port: int, identity: Callable[[], Identity], trust: Trust, sign_in: SignIn, history: History,
        figures: Callable[[], Sequence[MachineFigures]], clock: Clock, *, anonymous: bool = False, limits: Limits | None = None,
        valid_until_us: Callable[[], int | None] = lambda: None,
    ) -> None:
        self._host, self.port, self._identity, self._trust = host, port, identity, trust
        self._sign_in, self._history, self._figures, self._clock = sign_in, history, figures, clock
        self._anonymous, self._limits, self._valid_until_us = anonymous, limits or Limits(), valid_until_us
        self._refused: Counter[str] = Counter()
        self._plant: tuple[Plant, Sequence[Tag]] | None = None
        self._changed = asyncio.Event()
        self._waiting: deque[Batch] = deque(maxlen=MOST_WAITING)
        self._newest: dict[int, Batch] = {}
        self._running: tuple[Host, asyncio.AbstractEventLoop] | None = None
        self._wake: Callable[[], object] | None = None
        self._state, self._since_us = "starting", clock.now_us()
        self._error: str | None = None

    # -- feeding ------------------------------------------------------------------------------------------------------

    def apply(self, plant: Plant, tags: Sequence[Tag]) -> None:
        """The plant changed."""
        self._plant = plant, tags
        self._newest = {key: batch for key, batch in self._newest.items() if batch.device_id in set(plant.tag_devices)}
        self._changed.set()

    def on_batch(self, batch: Batch) -> None:
        """Bus sink."""
        self._newest[id(batch.tag_ids)] = batch
        if self._running is not None:
            self._waiting.append(batch)

    def _take(self) -> Sequence[Batch]:
        """In the server's thread."""
        waiting = self._waiting
        return [waiting.popleft() for _ in range(len(waiting))]

    # -- the task -----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Serve until cancelled. Raises OSError when the address cannot be had: it is tried again."""
        await self._changed.wait()
        ready: Future[Host] = Future()
        done: Future[None] = Future()
        stop = threading.Event()
        home = asyncio.get_running_loop()
        thread = threading.Thread(target=self._thread, args=(home, ready, done, stop), name="opcua-server", daemon=True)
        thread.start()
        try:
            host = await asyncio.wrap_future(ready)
            self.port = host.port
            self._note("ok", None)
            log.info("OPC UA server: %s", self.target)
            await self._feed(host, asyncio.wrap_future(done))
        except asyncio.CancelledError:
            raise
        except Exception as exc:
            self._note("failed", str(exc))
            raise
        finally:
            self._running = None
            stop.set()
            if self._wake is not None:
                self._wake()
            await asyncio.to_thread(thread.join, STOP_S)
            if self._state == "ok":
                self._note("starting", None)

    async def _feed(self, host: Host, done: asyncio.Future[None]) -> None:
        """Plant and machines for the server, once a second."""
        from data_transfer.opcua_server.tree import tree  # noqa: PLC0415 - nobody pays for the library while the server is off

        loop = host.loop
        self._waiting.extend(self._newest.values())
        while not done.done():
            if self._changed.is_set() and self._plant is not None:
                self._changed.clear()
                specs = tree(*self._plant)
                loop.call_soon_threadsafe(host.apply, specs)
                self._waiting.extend(self._newest.values())
            loop.call_soon_threadsafe(host.figures, self._figures())
            await self._clock.sleep(TICK_S)
        done.result()
        raise ConfigError("the OPC UA server ended")

    def _thread(
        self, home: asyncio.AbstractEventLoop, ready: Future[Host], done: Future[None], stop: threading.Event
    ) -> None:
        """All of the server's work."""
        try:
            asyncio.run(self._serve(home, ready, stop))
        except BaseException as exc:  # noqa: BLE001 - told where it is awaited
            (done if ready.done() else ready).set_exception(exc)
        else:
            done.set_result(None)

    async def _serve(self, home: asyncio.AbstractEventLoop, ready: Future[Host], stop: threading.Event) -> None:
        from data_transfer.opcua_server.host import Host  # noqa: PLC0415 - the library costs 50 MiB: only where it is used

        identity = self._identity()
        host = Host(
            (self._host, self.port), identity, self._limits, self._trust, self._sign_in, self._history, home, self._take,
            self._refused, self._clock, anonymous=self._anonymous,
        )  # fmt: skip
        ended, loop = asyncio.Event(), asyncio.get_running_loop()
        await host.build()
        if self._plant is not None:
            from data_transfer.opcua_server.tree import tree  # noqa: PLC0415

            host.apply(tree(*self._plant))
        await host.listen()

        def wake() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(ended.set)

        self._wake = wake
        self._running = host, loop
        if stop.is_set():
            ended.set()
        ready.set_result(host)
        await host.run(ended)

    # -- what is told -------------------------------------------------------------------------------------------------

    @property
    def target(self) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"opc.tcp://{host}:{self.port}"

    def _note(self, state: str, error: str | None) -> None:
        if state != self._state:
            self._state, self._since_us = state, self._clock.now_us()
        self._error = error

    def status(self) -> ServerStatus:
        """From memory."""
        running = self._running
        connections = running[0].connections if running is not None else None
        return ServerStatus(
            NAME, self._state, self.target, self._since_us, self._error, connections.clients() if connections is not None else (),
            connections.requests if connections is not None else 0, dict(self._refused),
            valid_until_us=self._valid_until_us(), waiting=self._trust.waiting(),
        )  # fmt: skip
