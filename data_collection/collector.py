"""All lines of the plant: starts and stops them as the configuration changes, and answers for them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Final

from data_collection.driver import Browsed, Connect, Found, ScanHit, Trace
from data_collection.figures import Lateness, LatenessStats
from data_collection.line import LineRunner, read_device, scan_addresses, survey_line
from data_collection.registry import connects
from domain.browse import BrowsedNode
from domain.errors import ConfigError, NotFound
from domain.health import DeviceStatus, LineStatus
from domain.line_frame import LineFrames
from domain.plant import Device, Line, Plant
from domain.ports import Clock
from domain.sample import Reading

log = logging.getLogger(__name__)
_SPREAD_S: Final = 2.0  # the lines of a start are opened over this long
_GOLDEN: Final = 0.618033988749895  # its multiples fill [0, 1) evenly, however many there are
_RESTART_S: Final = 5.0


class Collector:
    """Polls a plant. `on_reading` takes every reading, good or bad, on the event loop; it must not block.

    `connect`: how to open each transport; None takes all that the registry knows.
    """

    def __init__(
        self, clock: Clock, on_reading: Callable[[Reading], None], connect: Mapping[str, Connect] | None = None
    ) -> None:
        self._clock, self._on_reading = clock, on_reading
        self._connect = connects() if connect is None else connect
        self._runners: dict[str, LineRunner] = {}
        self._tasks: dict[LineRunner, asyncio.Task[None]] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._group: asyncio.TaskGroup | None = None
        self._started = 0

    async def run(self) -> None:
        """Poll until cancelled; leaves no task and no connection behind."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            try:
                for runner in self._runners.values():
                    self._start(runner)
                await asyncio.get_running_loop().create_future()
            finally:
                self._group = None
                for runner in self._runners.values():
                    runner.stop()
                for task in (*self._tasks.values(), *self._ending):
                    task.cancel()
                self._tasks.clear()

    def apply(self, plant: Plant) -> None:
        """Take over a configuration, at any time. Only lines that changed (or whose devices did) are restarted."""
        wanted = {line.id: (line, [d for d in plant.devices if d.line == line.id]) for line in plant.lines}
        for line_id, runner in list(self._runners.items()):
            new = wanted.get(line_id)
            if new is not None and new[0] == runner.line and new[1] == [d.device for d in runner.devices]:
                del wanted[line_id]
                continue
            del self._runners[line_id]
            self._stop(runner)
        for line, devices in wanted.values():
            spread = (self._started * _GOLDEN) % 1.0
            self._started += 1
            runner = LineRunner(
                line, devices, clock=self._clock, on_reading=self._on_reading, connect=self._connect.get(line.transport),
                start_delay_s=spread * min(_SPREAD_S, 0.1 * len(wanted)),
            )
            self._runners[line.id] = runner
            self._start(runner)

    def _start(self, runner: LineRunner) -> None:
        if self._group is not None:
            before = tuple(self._ending)
            self._tasks[runner] = self._group.create_task(self._supervised(runner, before), name=f"line:{runner.line.id}")

    def _stop(self, runner: LineRunner) -> None:
        runner.stop()
        task = self._tasks.pop(runner, None)
        if task is not None:
            task.cancel()
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def _supervised(self, runner: LineRunner, before: Sequence[asyncio.Task[None]]) -> None:
        """Run one line; what must never happen there is logged and the line started again."""
        if before:  # a changed line may have the target of the old one: never two connections to one target
            await asyncio.wait(before)
        while True:
            try:
                await runner.run()
                return
            except Exception:
                log.exception("line %s: failed; starting again in %g s", runner.line.id, _RESTART_S)
            await self._clock.sleep(_RESTART_S)

    def lines(self) -> list[LineStatus]:
        return [runner.status() for runner in self._runners.values()]

    def devices(self) -> list[DeviceStatus]:
        return [status for runner in self._runners.values() for status in runner.device_statuses()]

    def lateness(self) -> LatenessStats:
        """Of all polls since their lines started."""
        return self._lateness().stats(self.skipped())

    def lateness_meter(self) -> Callable[[], float | None]:
        """Each call: the 99th percentile of how late polls began since the last call, ms; None without a poll."""
        before = self._lateness()

        def measured() -> float | None:
            nonlocal before
            now = self._lateness()
            recent, before = now.since(before), now
            return 1e3 * recent.quantile(0.99) if recent.count else None

        return measured

    def skipped(self) -> int:
        """Turns that were left out because the line was still busy, since the lines started."""
        return sum(runner.skipped for runner in self._runners.values())

    def _lateness(self) -> Lateness:
        total = Lateness()
        for runner in self._runners.values():
            total.merge(runner.lateness)
        return total

    async def read_once(self, device: Device, line: Line, trace: Trace | None = None) -> list[Reading]:
        """Read all groups of a device (also one only drafted) now, on the live line where there is one.

        Raises ConfigError, LineDown, DeviceUnreachable, AccessDenied, DecodeError.
        """
        async with self._runner(line).borrowed() as driver:
            return await read_device(driver, device, trace)

    async def scan(self, line: Line, addresses: Sequence[int], protocol: str) -> AsyncIterator[ScanHit]:
        """Which of the addresses answer, as they answer. Raises ConfigError, LineDown."""
        async for hit in scan_addresses(self._runner(line), addresses, protocol):
            yield hit

    def frames(self, line_id: str, after: int) -> LineFrames:
        """What went over a line since frame number `after`; listening begins with the first question. Raises NotFound."""
        runner = self._runners.get(line_id)
        if runner is None:
            raise NotFound("line", line_id, tuple(self._runners)[:5])
        return runner.monitor().after(after)

    def retry(self, line_id: str) -> None:
        """Open a line now that waits out its back-off: what stood in the way was put right."""
        runner = self._runners.get(line_id)
        if runner is not None:
            runner.retry()

    async def survey(self, line: Line, seconds: float = 5.0) -> Sequence[Found] | None:
        """What is on a line whose devices have no numbers; None where that cannot be told. Raises ConfigError, LineDown ..."""
        return await survey_line(self._runner(line), seconds)

    async def browse(self, line: Line, parent: str | None) -> Sequence[BrowsedNode]:
        """What lies below a node of a line's server (None: its top). Raises ConfigError where there is no tree, LineDown ..."""
        async with self._runner(line).borrowed() as driver:
            if not isinstance(driver, Browsed):
                raise ConfigError(f"a {line.transport} line has no tree of nodes")
            return await driver.browse(parent)

    def _runner(self, line: Line) -> LineRunner:
        """The running line with the same target, else one that is only opened by hand."""
        for runner in self._runners.values():
            same = (runner.line.transport, runner.line.target) == (line.transport, line.target)
            if same and runner.line.enabled:
                return runner
        return LineRunner(
            line, (), clock=self._clock, on_reading=self._on_reading, connect=self._connect.get(line.transport)
        )
