"""The field as `web` sees it: known from what collectors tell, and asked through them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from application.roles.asking import Ask, raised
from application.roles.board import RolesBoard
from data_collection.collector import Collector
from data_collection.driver import Found, ScanHit, Trace
from domain.browse import BrowsedNode
from domain.camera import Camera, Shot
from domain.errors import Conflict, MonitorError, NotFound
from domain.health import DeviceStatus, LineStatus
from domain.line_frame import LineFrame, LineFrames
from domain.plant import Device, Line, Plant
from domain.plugin import PluginTrial
from domain.ports import Clock
from domain.sample import Reading

READ_WITHIN_S: Final = 60.0
PROBE_WITHIN_S: Final = 30.0
SHORT_S: Final = 10.0
FRAMES_EACH_S: Final = 0.5
LOOKED_AT_S: Final = 10.0  # a page that is gone stops asking
KEPT_FRAMES: Final = 500


class RemoteCollector(Collector):
    """Polls nothing. Who may ask was judged before, here in `web`."""

    def __init__(self, clock: Clock, board: RolesBoard, ask: Ask | None = None) -> None:
        super().__init__(clock, lambda _reading: None, {})
        self._board, self.ask = board, ask or _nobody
        self._plant: Plant | None = None
        self._watched: dict[str, _Watched] = {}
        self._errands: set[asyncio.Task[Any]] = set()

    async def run(self) -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            for task in (*self._errands, *(watched.task for watched in self._watched.values())):
                task.cancel()

    def apply(self, plant: Plant) -> None:
        self._plant = plant

    def lines(self) -> list[LineStatus]:
        return [] if self._plant is None else self._board.lines(self._plant)

    def devices(self) -> list[DeviceStatus]:
        return [] if self._plant is None else self._board.devices(self._plant)

    async def read_once(self, device: Device, line: Line, trace: Trace | None = None) -> list[Reading]:
        found = await self.ask(self._poller(line), "read", device, line, within_s=READ_WITHIN_S)
        readings, frames, notes, failed = found
        if trace is not None:
            trace.frames += frames
            trace.notes += notes
        if failed is not None:
            raise raised(failed)
        return list(readings)

    async def scan(self, line: Line, addresses: Sequence[int], protocol: str) -> AsyncIterator[ScanHit]:
        for address in addresses:
            for hit in await self.ask(self._poller(line), "probe", line, [address], protocol, within_s=PROBE_WITHIN_S):
                yield hit

    async def survey(self, line: Line, seconds: float = 5.0) -> Sequence[Found] | None:
        found: Sequence[Found] | None = await self.ask(
            self._poller(line), "survey", line, seconds, within_s=seconds + PROBE_WITHIN_S
        )
        return found

    async def browse(self, line: Line, parent: str | None) -> Sequence[BrowsedNode]:
        found: Sequence[BrowsedNode] = await self.ask(self._poller(line), "browse", line, parent, within_s=PROBE_WITHIN_S)
        return found

    async def photograph(self, camera: Camera, line: Line) -> Shot:
        """A picture now, taken where the device's line is. Raises NoPicture, Conflict."""
        shot: Shot = await self.ask(self._poller(line), "picture", camera, within_s=PROBE_WITHIN_S)
        return shot

    async def try_plugin(self, collector: str, name: str, message: Mapping[str, object] | None) -> PluginTrial:
        """Tried where it runs. Raises NotFound, Conflict."""
        if self._board.silent(collector):
            raise Conflict(f"collector {collector} is silent: it cannot be asked")
        trial: PluginTrial = await self.ask(collector, "plugin", name, message, within_s=PROBE_WITHIN_S)
        return trial

    def frames(self, line_id: str, after: int) -> LineFrames:
        """From what was fetched; fetching begins with the first question. Raises what the last one met, once."""
        watched = self._watched.get(line_id)
        if watched is None or (watched.task.done() and watched.error is None):
            poller = self._poller(self._line(line_id))
            watched = self._watched[line_id] = _Watched(line_id, poller, self.ask, self._clock)
        if watched.error is not None:
            del self._watched[line_id]
            raise watched.error
        return watched.after(after)

    def retry(self, line_id: str) -> None:
        """Its collector tries again by itself; told, it does at once."""
        async def told() -> None:
            try:
                await self.ask(self._poller(self._line(line_id)), "retry", line_id, within_s=SHORT_S)
            except MonitorError:
                return

        task = asyncio.get_running_loop().create_task(told())
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    def _line(self, line_id: str) -> Line:
        lines = () if self._plant is None else self._plant.lines
        found = next((line for line in lines if line.id == line_id), None)
        if found is None:
            raise NotFound("line", line_id, tuple(line.id for line in lines)[:5])
        return found

    def _poller(self, line: Line) -> str:
        """The collector that has the line; a drafted one is tried by who polls its target, or by the only one there is.

        Raises Conflict.
        """
        lines = () if self._plant is None else self._plant.lines
        same = [line.id, *(one.id for one in lines if (one.transport, one.target) == (line.transport, line.target))]
        name = next((name for name in map(self._board.poller, same) if name is not None), None)
        if name is None:
            living = self._board.collectors()
            if not living:
                raise Conflict("no collector runs: nobody is there to ask the line")
            if len(living) > 1:
                raise Conflict(f"several collectors run: {', '.join(living)}; save the line first, then its own can be asked")
            return living[0]
        if self._board.silent(name):
            raise Conflict(f"collector {name} is silent: it cannot be asked")
        return name


class _Watched:
    """The frames of one line, fetched from its collector while somebody looks. Numbers go on when the collector's begin anew."""

    def __init__(self, line_id: str, poller: str, ask: Ask, clock: Clock) -> None:
        self._line_id, self._poller, self._ask, self._clock = line_id, poller, ask, clock
        self._frames: deque[LineFrame] = deque(maxlen=KEPT_FRAMES)
        self._theirs = self._shift = self._last = 0
        self._visible = True
        self._asked_s = clock.monotonic()
        self.error: MonitorError | None = None
        self.task = asyncio.get_running_loop().create_task(self._fetch(), name=f"frames:{line_id}")

    def after(self, number: int) -> LineFrames:
        self._asked_s = self._clock.monotonic()
        shown = [frame for frame in self._frames if frame.number > number]
        missed = shown[0].number - number - 1 if shown and number else 0
        return LineFrames(shown, self._last, max(0, missed), self._visible)

    async def _fetch(self) -> None:
        try:
            while self._clock.monotonic() - self._asked_s < LOOKED_AT_S:
                found: LineFrames = await self._ask(self._poller, "frames", self._line_id, self._theirs, within_s=SHORT_S)
                self._take(found)
                await self._clock.sleep(FRAMES_EACH_S)
        except MonitorError as exc:
            self.error = exc

    def _take(self, found: LineFrames) -> None:
        if found.last < self._theirs:  # it was started again, or forgot: its numbers begin at 1
            self._shift, self._theirs = self._last, 0
            return
        self._frames += [replace(frame, number=frame.number + self._shift) for frame in found.frames]
        self._theirs, self._last, self._visible = found.last, found.last + self._shift, found.visible


async def _nobody(*_question: Any, within_s: float) -> Any:
    raise Conflict("no collector runs: nobody is there to ask the line")
