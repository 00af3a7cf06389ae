"""A recording played into the running product: real drivers over real sockets, real database, every job; only time is the test's.

Each row is put into the simulated devices, then the clock jumps to the row's time, then the polls that are due go over the wire
and are waited for. So months pass in seconds and every stored sample has a known value and time.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from application.build import Application
from data_collection.driver import Connect, DevicePlan, Driver, ScanHit, Trace
from data_collection.registry import connects
from domain.plant import Device, Line
from domain.profile import Group
from domain.sample import Reading
from simulator.playback import Playback
from simulator.serve import Simulation
from tests.e2e.play_clock import DeviceClock, PlayClock
from tests.e2e.running import Running, running

PATIENCE_S = 20.0
LEISURELY = (
    "rollups", "retention", "plant-watch", "accounts", "live", "shift-energy", "status", "storage-watch", "energy-cube", "idle-ledger",
    "demand", "balance", "baseline-models", "detectors", "notifications", "notifications-tidy", "virtual", "state-recompute",
    "vitals", "reports", "plugins", "consistency", "feed-watch",
)
"""Jobs that look around at their own pace; a month in a minute would have them look thousands of times."""


class Traffic:
    """Knows when nothing is being read, and how often each device was."""

    def __init__(self) -> None:
        self.busy = 0
        self.reads: dict[str, int] = {}
        self.quiet = asyncio.Event()
        self.quiet.set()

    def begin(self) -> None:
        self.busy += 1
        self.quiet.clear()

    def end(self, device_id: str) -> None:
        self.busy -= 1
        self.reads[device_id] = self.reads.get(device_id, 0) + 1
        if not self.busy:
            self.quiet.set()


class _Stamped:
    """A driver whose readings carry the time of the recording instead of this computer's."""

    def __init__(self, driver: Driver, clock: PlayClock, traffic: Traffic) -> None:
        self._driver, self._clock, self._traffic = driver, clock, traffic

    def prepare(self, device: Device) -> DevicePlan:
        return self._driver.prepare(device)

    async def read(self, plan: DevicePlan, group: Group, trace: Trace | None = None) -> Reading:
        self._traffic.begin()
        try:
            reading = await self._driver.read(plan, group, trace)
        finally:
            self._traffic.end(plan.device.id)
        return dataclasses.replace(reading, time_us=self._clock.now_us())

    async def probe(self, address: int, protocol: str) -> ScanHit | None:
        return await self._driver.probe(address, protocol)


def stamped(connect: Connect, clock: PlayClock, traffic: Traffic) -> Connect:
    @asynccontextmanager
    async def opened(line: Line) -> AsyncIterator[Driver]:
        async with connect(line) as driver:
            yield _Stamped(driver, clock, traffic)

    return opened


class Recorded(Running):
    """The product while a recording plays."""

    def __init__(self, app: Application, simulation: Simulation, clock: PlayClock, traffic: Traffic) -> None:
        super().__init__(app, simulation)
        self.clock, self.traffic = clock, traffic

    async def all_read(self) -> None:
        """Wait until every poll that is due now has been read and handed on."""
        async with asyncio.timeout(PATIENCE_S):
            idle = 0
            while idle < 12:  # a woken line begins its poll a few turns of the loop later
                await self.traffic.quiet.wait()
                await asyncio.sleep(0)
                idle = 0 if self.traffic.busy else idle + 1

    async def jump_to(self, time_us: int) -> None:
        self.clock.jump_to(time_us)
        await self.all_read()

    async def warm_up(self, until_us: int, scan_s: float) -> None:
        """Connect and poll until the lines have found their rhythm; ends one interval before `until_us`.

        The clock should begin a whole number of intervals and a half before: then polls are due half-way between two rows, and
        happen at the rows.
        """
        async with asyncio.timeout(PATIENCE_S):
            while any(device.state != "online" for device in self.app.collector.devices()):
                self.clock.jump(0.25)
                await asyncio.sleep(0.005)  # for the connection; a read that has begun is waited for
                await self.all_read()
        assert self.clock.now_us() + 6 * scan_s * 1e6 < until_us, "begin the clock earlier"
        for left in range(5, 0, -1):
            await self.jump_to(until_us - round(left * scan_s * 1e6))

    async def play(self, playback: Playback, times_us: Sequence[int], *, settle_every: int = 0) -> None:
        """All rows of the recording, each at its time. `settle_every` nth row is in the tables 2 s later, as in real time."""
        assert len(playback) == len(times_us)
        for row, time_us in enumerate(times_us):
            playback.step(row)
            await self.jump_to(time_us)
            if settle_every and row % settle_every == 0:
                await self.app.database.writer.settled()
                await self.jump_to(time_us + 2_000_000)

def same(found: Sequence[object], expected: Sequence[object]) -> None:
    """Equal, or the first few that differ: a diff of long lists takes longer than the recording."""
    assert len(found) == len(expected)
    different = [(n, a, b) for n, (a, b) in enumerate(zip(found, expected, strict=True)) if a != b]
    assert different[:5] == []


@asynccontextmanager
async def recorded(
    folder: Path, plant_text: str, start_us: int, *, profiles: Mapping[str, str] | None = None, without: Sequence[str] = ()
) -> AsyncIterator[Recorded]:
    """The product with a clock that begins at `start_us` and is moved by the test."""
    clock, traffic = PlayClock(start_us), Traffic()
    connect = {name: stamped(opener, clock, traffic) for name, opener in connects().items()}
    async with running(
        folder, plant_text, clock, DeviceClock(clock), connect=connect, profiles=profiles, without=without, held=True
    ) as (app, simulation):
        yield Recorded(app, simulation, clock, traffic)
