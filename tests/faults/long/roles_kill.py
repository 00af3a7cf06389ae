"""The roles over real Kafka and PostgreSQL, one of them killed with -9 every few seconds: every sample once, books that balance."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from sqlalchemy import text

from benchmarks.measure import percentile
from database.engine import Store
from domain.errors import StorageError
from tests.conftest import eventually
from tests.e2e.generator import TAGS, Generator, generator
from tests.e2e.numbered import stored
from tests.e2e.process import Product, command, product
from tests.e2e.roles import RoleProcess, joined, roles
from tests.faults.long import judge
from tests.faults.long.verdict import Verdict, say
from tests.faults.long.witness import age_s, patient
from tests.feed_servers import KafkaServer
from tests.servers import PostgreSQL, running_server

NEWEST = "SELECT max(s.time_us) FROM sample s JOIN tag t ON t.id = s.tag_id WHERE t.name = 'd1.n0'"
SEES_EVERY_S = 2.0


@dataclass(frozen=True)
class Killing:
    """A kill every `pause_s` (at random between the two), what was killed stays down for up to `down_s`."""

    minutes: float
    units: int = 20
    scan_s: float = 1.0
    seed: int = 1
    pause_s: tuple[float, float] = (5.0, 25.0)
    down_s: float = 8.0


@dataclass
class Shop:
    """The processes of one installation."""

    collector: RoleProcess
    ingesters: tuple[RoleProcess, RoleProcess]
    web: Product
    store: Store
    stops: list[float] = field(default_factory=list)  # of the collector: what it had just read may be gone
    kills: Counter[str] = field(default_factory=Counter)
    row_ages: list[float] = field(default_factory=list)
    shown_ages: list[float] = field(default_factory=list)

    async def kill(self, name: str, down_s: float) -> None:
        """With -9, and started again after a while; whether it had come up since the last time does not matter."""
        self.kills[name] += 1
        if name == "collect":
            self.stops.append(time.time())
        await self.processes[name].kill()
        await asyncio.sleep(down_s)
        await self.start(name)

    async def start(self, name: str) -> None:
        process = self.processes[name]
        await (process.begin() if isinstance(process, Product) else process.start())

    @property
    def processes(self) -> dict[str, RoleProcess | Product]:
        return {"collect": self.collector, "ingest1": self.ingesters[0], "ingest2": self.ingesters[1], "web": self.web}


async def roles_kill(killing: Killing, folder: Path) -> Verdict:
    """The whole run on an empty folder."""
    verdict = Verdict(f"Roles over Kafka and PostgreSQL, one of them killed with -9 at random moments, {killing.minutes:g} min")
    with running_server(KafkaServer) as kafka, running_server(PostgreSQL) as database:
        url, plant = database.new_url(), folder / "plant.yaml"
        common = joined(url, kafka, "killed", 4)
        collector = RoleProcess("collect", folder / "collect", **common)
        first, second = (RoleProcess("ingest", folder / name, **common) for name in ("ingest1", "ingest2"))
        async with (
            generator(killing.units) as made, roles(collector, first, second),
            product(folder / "web", "web", PLANT_FILE=str(plant), ROLE__NAME="web", **common) as web,
        ):  # fmt: skip
            plant.write_text(made.plant(killing.scan_s))
            shop = Shop(collector, (first, second), web, Store(url))
            try:
                await _run(killing, verdict, shop, made)
            finally:
                await shop.store.close()
            checked = await command(web.folder, "check", env=web.env)
            verdict.held("main.py check", checked.code == 0, checked.out.strip().replace("\n", "; ") + checked.err)
        for name, process in shop.processes.items():
            judge.log(verdict, process.output, killing.minutes + shop.kills[name] / 3, name)
    return verdict


async def _run(killing: Killing, verdict: Verdict, shop: Shop, made: Generator) -> None:
    patient(shop.web)
    await shop.web.start()
    for name in ("collect", "ingest1", "ingest2"):
        await shop.start(name)
    await eventually(lambda: all(len(unit.answered) > 5 for unit in made.units), 120.0)
    await shop.web.get("/api/books")  # makes the key
    seeing = asyncio.create_task(_see(shop))
    await _kill_at_random(killing, shop)
    await eventually(lambda: _well(shop), 180.0)
    seeing.cancel()
    await asyncio.gather(seeing, return_exceptions=True)
    shop.stops.append(time.time())  # the last question may be open
    await made.server.stop()
    await eventually(lambda: _nothing_waits(shop), 120.0)
    await _judge(verdict, shop, made)


async def _kill_at_random(killing: Killing, shop: Shop) -> None:
    rng = random.Random(killing.seed)
    end = time.monotonic() + killing.minutes * 60
    down: dict[str, asyncio.Task[None]] = {}
    while time.monotonic() < end:
        await asyncio.sleep(rng.uniform(*killing.pause_s))
        down = {name: task for name, task in down.items() if not task.done()}
        name = rng.choice([name for name in shop.processes if name not in down])
        newest = f"{shop.row_ages[-1]:.1f} s" if shop.row_ages else "unknown"
        say(f"kill {name} (newest row {newest} old, {sum(shop.kills.values())} kills so far)")
        down[name] = asyncio.create_task(shop.kill(name, rng.uniform(0.0, killing.down_s)))
    await asyncio.gather(*down.values())


async def _see(shop: Shop) -> None:
    """How old the newest row and the newest value that `web` shows are, while it answers."""
    while True:
        with suppress(StorageError):
            async with shop.store.read() as connection:
                newest_us = (await connection.execute(text(NEWEST))).scalar_one()
            if newest_us is not None:
                shop.row_ages.append(time.time() - newest_us / 1e6)
        with suppress(httpx.HTTPError, AssertionError):  # nothing is shown just after a start of `web`
            items = (await shop.web.get("/api/data/latest", tag="d1.n0"))["items"]
            shop.shown_ages += [age_s(item["time"]) or 0.0 for item in items if item["time"]]
        await asyncio.sleep(SEES_EVERY_S)


async def _well(shop: Shop) -> bool:
    """Each role tells that it is well, and new rows come."""
    with suppress(httpx.HTTPError, AssertionError):
        told = {role["name"]: role["state"] for role in (await shop.web.get("/api/status/roles"))["items"]}
        return all(told.get(name) == "ok" for name in shop.processes) and bool(shop.row_ages) and shop.row_ages[-1] < 10
    return False


async def _nothing_waits(shop: Shop) -> bool:
    lags = [one.status()["waiting"] for one in (shop.collector, *shop.ingesters)]
    return lags == [0, 0, 0]


async def _judge(verdict: Verdict, shop: Shop, made: Generator) -> None:
    rows = await stored(shop.store)
    judge.rows(verdict, made, rows, stops=shop.stops)
    answers, kept = sum(len(unit.answered) for unit in made.units) * TAGS, sum(map(len, rows.values()))
    verdict.figure("values answered, in the tables", f"{answers}, {kept} ({answers - kept} read in the last moments before a kill of the collector)")
    books = {book["name"]: book for book in (await shop.web.get("/api/books"))["destinations"]}
    kafka = books["kafka: collect"]
    verdict.held("the collector's books balance", kafka["taken"] == kafka["delivered"] + kafka["pending"] and not kafka["dropped"], kafka)
    verdict.held("the ingesters refused nothing", books["ingest"]["quarantined"] == 0, books["ingest"])
    states = {device["state"] for device in (await shop.web.get("/api/devices/status"))["items"]}
    verdict.held("devices are shown in one of the known states", states <= {"online", "offline"}, states)
    verdict.figure("kills", ", ".join(f"{name} {n}" for name, n in sorted(shop.kills.items())))
    for what, ages in (("newest row", shop.row_ages), ("newest value that web shows", shop.shown_ages)):
        figures = f"{percentile(ages, 0.5):.1f}, {percentile(ages, 0.95):.1f}, {max(ages, default=float('nan')):.1f} s of {len(ages)} looks"
        verdict.figure(f"age of the {what}: p50, p95, longest", figures)
