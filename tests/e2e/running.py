"""The product running in this process: its figures through the API, the database and the reports."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import re
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
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
from data_collection.driver import Connect
from database import tables
from domain.access import Actor, Role
from domain.plant import Line
from domain.ports import Clock
from simulator.serve import Simulation, simulate

ADMIN = Actor("test", Role.ADMIN, "test")
ONE_LATHE = """
site: {name: Shop}
lines: [{id: tcp1, transport: modbus-tcp, host: 127.0.0.1, port: 1}]
devices:
  - id: m1
    line: tcp1
    address: 1
    points:
      - {tag: active_power, quantity: active_power, unit: kW, table: holding, address: 0, type: float32}
      - {tag: energy_import, quantity: energy_import, unit: kWh, table: holding, address: 2, type: float32}
machines: [{id: lathe-1, name: L, meter: m1}]
"""


@dataclasses.dataclass(frozen=True)
class Report:
    """`kwh` by machine name from the XLSX; `pdf`: the text of the PDF."""

    kwh: Mapping[str, float]
    pdf: str


class Running:
    """The product, running in this process, and what its devices are served by."""

    def __init__(self, app: Application, simulation: Simulation) -> None:
        self.app, self.simulation = app, simulation
        self.tags = {tag.name: tag for tag in app.live.tags()}

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
        sheet = openpyxl.load_workbook(BytesIO(book))[{"ru": "Станки", "en": "Machines"}[language]]
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



def rfc3339(time_us: int) -> str:
    return datetime.fromtimestamp(time_us / 1e6, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_us(moment: datetime) -> int:
    assert moment.tzinfo is not None
    return round(moment.timestamp() * 1e6)


@asynccontextmanager
async def at_work(app: Application, jobs: Collection[str]) -> AsyncIterator[None]:
    """Those of the named jobs that the product has run while inside."""
    task = asyncio.create_task(app.supervisor.run({name: job for name, job in app.jobs.items() if name in jobs}))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def running(
    folder: Path, plant_text: str, clock: Clock, device_clock: Clock, *, connect: Mapping[str, Connect] | None = None,
    profiles: Mapping[str, str] | None = None, without: Sequence[str] = (), held: bool = False,
) -> AsyncIterator[tuple[Application, Simulation]]:
    """The product on `folder`, its plant served by the simulator on free ports. `without`: jobs that stand still; `held`:
    devices show what they are told and nothing of their own."""
    settings = Settings(data_dir=folder)
    settings.profile_dir.mkdir(parents=True, exist_ok=True)
    for name, text in (profiles or {}).items():
        (settings.profile_dir / f"{name}.yaml").write_text(text, encoding="utf-8")
    catalog = ProfileCatalog.load(settings.profile_dir)
    plant = parse_plant(with_ports(plant_text, ()), file="plant.yaml", catalog=catalog, environ={}).plant
    async with simulate(plant, clock=device_clock, free_ports=True) as simulation:
        for device in simulation.devices.values() if held else ():
            device.put_wire({})
        async with open_application(settings, clock, {}, connect=connect) as app:
            await app.plant.import_yaml(with_ports(plant_text, simulation.plant.lines), ADMIN)
            await app.prime()
            assert app.web  # built before anything runs, as who serves it does
            await app.accounts.begin("Vz7-kiln-Orbit-92")
            jobs = [name for name in app.jobs if name not in without]
            async with at_work(app, jobs):
                yield app, simulation
            failed = [status for status in app.supervisor.statuses() if status.restarts]
            assert not failed, failed


def with_ports(plant_text: str, lines: Sequence[Line]) -> str:
    """The plant file with the addresses that were really taken: @id@ stands for the port or terminal of line `id`."""
    taken = {line.id: line.options.get("device", line.options.get("port")) for line in lines}
    free = itertools.count(1)
    return re.sub(r"@(\w+)@", lambda found: str(taken.get(found[1]) or next(free)), plant_text)
