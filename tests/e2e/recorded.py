"""A recording played into the running product: real drivers over real sockets, real database, every job; only time is the test's.

Each row is put into the simulated devices, then the clock jumps to the row's time, then the polls that are due go over the wire
and are waited for. So months pass in seconds and every stored sample has a known value and time.
"""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import openpyxl
from pypdf import PdfReader
from sqlalchemy import select

from application.build import Application, open_application
from config.plant_file import parse_plant
from config.profile_catalog import ProfileCatalog
from config.settings import Settings
from data_collection.driver import Connect, DevicePlan, Driver, ScanHit, Trace
from data_collection.registry import connects
from database import tables
from domain.access import Actor, Role
from domain.plant import Device, Line
from domain.profile import Group
from domain.sample import Reading
from simulator.playback import Playback
from simulator.serve import Simulation, simulate
from tests.e2e.play_clock import DeviceClock, PlayClock

ADMIN = Actor("test", Role.ADMIN, "test")
PATIENCE_S = 20.0
LEISURELY = ("rollups", "retention", "plant-watch", "accounts", "live", "shift-energy", "status", "storage-watch")
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


@dataclasses.dataclass(frozen=True)
class Report:
    """`kwh` by machine name from the XLSX; `pdf`: the text of the PDF."""

    kwh: Mapping[str, float]
    pdf: str


class Recorded:
    """The product while a recording plays."""

    def __init__(self, app: Application, simulation: Simulation, clock: PlayClock, traffic: Traffic) -> None:
        self.app, self.simulation, self.clock, self.traffic = app, simulation, clock, traffic
        self.tags = {tag.name: tag for tag in app.live.tags()}

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

    async def stored(self, tag: str) -> list[tuple[int, float | None, int]]:
        """(time, value, quality) of every stored sample of a tag, in order of time."""
        await self.app.database.writer.settled()
        sample = tables.sample
        wanted = select(sample.c.time_us, sample.c.value, sample.c.quality).where(sample.c.tag_id == self.tags[tag].id)
        async with self.app.database.store.read() as connection:
            return [tuple(row) for row in (await connection.execute(wanted.order_by(sample.c.time_us))).all()]

    async def report(self, from_us: int, to_us: int) -> Report:
        """The shift report of a window, drawn as XLSX and as PDF."""
        language = self.app.plant.plant.site.language
        _, book = await self.app.reports.render("shift", "xlsx", from_us, to_us, language)
        _, pdf = await self.app.reports.render("shift", "pdf", from_us, to_us, language)
        sheet = openpyxl.load_workbook(BytesIO(book)).worksheets[1]
        machines = [machine.name for machine in self.app.plant.plant.machines]
        rows = {sheet.cell(row, 1).value: row for row in range(2, 2 + len(machines))}
        text = "\n".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages).replace("\u00a0", " ")
        return Report({name: float(str(sheet.cell(rows[name], 8).value)) for name in machines}, text)

    @asynccontextmanager
    async def api(self) -> AsyncIterator[Callable[..., Any]]:
        """`await get("/api/energy", by="shift")`: the answer's JSON."""
        _, key = await self.app.accounts.create_key("reader", Role.VIEWER, ADMIN)
        transport = httpx.ASGITransport(self.app.web, client=("127.0.0.1", 40_000))
        headers = {"authorization": f"Bearer {key}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:

            async def get(path: str, **query: Any) -> Any:
                query = {name.rstrip("_"): rfc3339(v) if name in ("from_", "to") else v for name, v in query.items()}
                answer = await client.get(path, params=query)
                assert answer.status_code == 200, answer.text
                return answer.json()

            yield get


def same(found: Sequence[object], expected: Sequence[object]) -> None:
    """Equal, or the first few that differ: a diff of long lists takes longer than the recording."""
    assert len(found) == len(expected)
    different = [(n, a, b) for n, (a, b) in enumerate(zip(found, expected, strict=True)) if a != b]
    assert different[:5] == []


def rfc3339(time_us: int) -> str:
    return datetime.fromtimestamp(time_us / 1e6, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_us(moment: datetime) -> int:
    assert moment.tzinfo is not None
    return round(moment.timestamp() * 1e6)


@asynccontextmanager
async def recorded(
    folder: Path, plant_text: str, start_us: int, *, profiles: Mapping[str, str] | None = None, without: Sequence[str] = ()
) -> AsyncIterator[Recorded]:
    """The product running on `folder`, its plant served by the simulator on free ports. `without`: jobs that stand still."""
    clock, traffic = PlayClock(start_us), Traffic()
    settings = Settings(data_dir=folder)
    settings.profile_dir.mkdir(parents=True, exist_ok=True)
    for name, text in (profiles or {}).items():
        (settings.profile_dir / f"{name}.yaml").write_text(text, encoding="utf-8")
    catalog = ProfileCatalog.load(settings.profile_dir)
    plant = parse_plant(with_ports(plant_text, ()), file="plant.yaml", catalog=catalog, environ={}).plant
    async with simulate(plant, clock=DeviceClock(clock), free_ports=True) as simulation:
        for device in simulation.devices.values():
            device.put_wire({})  # they show what the recording says and nothing of their own
        connect = {name: stamped(opener, clock, traffic) for name, opener in connects().items()}
        async with open_application(settings, clock, {}, connect=connect) as app:
            await app.plant.import_yaml(with_ports(plant_text, simulation.plant.lines), ADMIN)
            await app.prime()
            await app.accounts.begin("Vz7-kiln-Orbit-92")
            jobs = {name: job for name, job in app.jobs.items() if name not in without}
            running = asyncio.create_task(app.supervisor.run(jobs))
            try:
                yield Recorded(app, simulation, clock, traffic)
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
            failed = [status for status in app.supervisor.statuses() if status.restarts]
            assert not failed, failed


def with_ports(plant_text: str, lines: Sequence[Line]) -> str:
    """The plant file with the addresses that were really taken: @id@ stands for the port or terminal of line `id`."""
    taken = {line.id: line.options.get("device", line.options.get("port")) for line in lines}
    free = itertools.count(1)
    return re.sub(r"@(\w+)@", lambda found: str(taken.get(found[1]) or next(free)), plant_text)
