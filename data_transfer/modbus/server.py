"""The server as a task of the product: blocks assigned and kept, values written, clients answered."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence

from data_transfer.modbus import layout
from data_transfer.modbus.connections import Connections, Limits
from data_transfer.modbus.protocol import Answers
from data_transfer.modbus.registers import Registers
from domain.plant import Plant, Tag
from domain.ports import Clock
from domain.product import VERSION
from domain.quantity import Quantity
from domain.sample import Batch
from domain.served import Block, BlockStore, MachineFigures, Register, ServerStatus

log = logging.getLogger(__name__)

TICK_S = 1.0
IDLE_LOOK_S = 5.0
NAME = "modbus_server"


class ModbusServer:
    """Implements domain.served.ServedService. `apply` the plant, subscribe `on_batch`, `run` as a supervised task.

    `figures`: of the machines now, asked once a second while the server runs.
    """

    def __init__(
        self, host: str, port: int, limits: Limits, store: BlockStore, figures: Callable[[], Sequence[MachineFigures]],
        clock: Clock,
    ) -> None:
        self._host, self._store, self._figures, self._clock = host, store, figures, clock
        self._refused: Counter[str] = Counter()
        self._registers = Registers(VERSION)
        self._answers = Answers(self._registers, self._refused)
        self._connections = Connections(self._answers, limits, self._refused, clock)
        self._plant: Plant | None = None
        self._tags: Sequence[Tag] = ()
        self._changed = asyncio.Event()
        self._blocks: list[Block] | None = None
        self._left_out = 0
        self._state, self._since_us = "starting", clock.now_us()
        self._error: str | None = None
        self.port = port

    # -- feeding ------------------------------------------------------------------------------------------------------

    def apply(self, plant: Plant, tags: Sequence[Tag]) -> None:
        """The plant changed: its new machines and tags get blocks as soon as these are kept."""
        self._plant, self._tags = plant, [tag for tag in tags if tag.quantity is not Quantity.TEXT]
        self._changed.set()

    def on_batch(self, batch: Batch) -> None:
        """Bus sink."""
        self._registers.on_batch(batch)

    # -- the task -----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Listen until cancelled. Raises OSError when the address cannot be had, StorageError: both are tried again."""
        await self._changed.wait()
        try:
            if self._blocks is None:
                self._blocks = list(await self._store.load())
            await self._take_over()
            server = await asyncio.get_running_loop().create_server(self._connections.factory, self._host, self.port)
        except Exception as exc:
            self._note("failed", str(exc))
            raise
        self.port = server.sockets[0].getsockname()[1]
        self._note("ok", None)
        log.info("Modbus server: %s", self.target)
        try:
            await self._serve()
        finally:
            server.close()
            self._connections.close_all()
            await server.wait_closed()
            self._note("starting", None)

    async def _serve(self) -> None:
        looked_at = self._clock.monotonic()
        while True:
            if self._changed.is_set():
                await self._take_over()
            self._registers.tick(self._figures(), self._clock.now_us())
            if self._clock.monotonic() - looked_at >= IDLE_LOOK_S:
                looked_at = self._clock.monotonic()
                self._connections.close_idle()
            await self._clock.sleep(TICK_S)

    async def _take_over(self) -> None:
        """What is new gets its block, which is kept before anybody can read it."""
        if self._plant is None or self._blocks is None:
            return
        self._changed.clear()
        plant, tags = self._plant, self._tags
        devices = set(plant.tag_devices)
        machines, names = [machine.id for machine in plant.machines], [tag.name for tag in tags if tag.device_id in devices]
        new, left_out = layout.assign(self._blocks, machines, names)
        if new:
            try:
                await self._store.add(new)
            except BaseException:
                self._changed.set()
                raise
            self._blocks += new
        if left_out and left_out != self._left_out:
            log.error("Modbus server: the map has no room for %d machines or tags", left_out)
        self._left_out = left_out
        self._answers.site = plant.site.name
        self._registers.apply(self._blocks, plant, tags, left_out, self._clock.now_us())

    # -- what is told -------------------------------------------------------------------------------------------------

    @property
    def target(self) -> str:
        return f"[{self._host}]:{self.port}" if ":" in self._host else f"{self._host}:{self.port}"

    def _note(self, state: str, error: str | None) -> None:
        if state != self._state:
            self._state, self._since_us = state, self._clock.now_us()
        self._error = error

    def status(self) -> ServerStatus:
        """From memory."""
        connections = self._connections
        return ServerStatus(
            NAME, self._state, self.target, self._since_us, self._error, connections.clients(), connections.requests,
            dict(self._refused), self._left_out,
        )  # fmt: skip

    def turned_away(self) -> Counter[tuple[str, str]]:
        """Connections refused or cut since the last call, by address and kind."""
        found, self._connections.turned_away = self._connections.turned_away, Counter()
        return found

    def registers(self) -> Sequence[Register]:
        """The map as it is now."""
        return list(layout.describe(self._blocks or (), {tag.name: tag for tag in self._tags}))
