"""collect, ingest and web as processes of their own over real Kafka and a real database: any of them killed, nothing lost."""

from __future__ import annotations

import asyncio
import random
import shutil
import signal
import time
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from database.engine import Store
from tests.conftest import eventually
from tests.e2e.generator import Numbered, generator
from tests.e2e.numbered import check, stored
from tests.e2e.process import Product, command, product
from tests.e2e.roles import RoleProcess, joined, roles
from tests.e2e.takeover import LastActs
from tests.feed_servers import KafkaServer, kafka_server
from tests.servers import Server, mariadb, postgresql

__all__ = ["kafka_server", "mariadb", "postgresql"]
pytestmark = pytest.mark.server

UNITS = 6


def shares(*ingesters: RoleProcess) -> list[int]:
    """How many partitions of samples each has."""
    found = [process.mine for process in ingesters]
    return [sum(share["topic"].endswith("samples") for share in one["shares"]) if one else 0 for one in found]


@pytest.mark.timeout(300)
async def test_ingesters_share_the_work_and_any_role_may_be_killed(
    kafka_server: KafkaServer, postgresql: Server, tmp_path: Path
) -> None:
    rng = random.Random(7)
    url = postgresql.new_url()
    common = joined(url, kafka_server, "roles", 4)
    collector = RoleProcess("collect", tmp_path / "collect", **common)
    first, second = (RoleProcess("ingest", tmp_path / name, **common) for name in ("ingest1", "ingest2"))
    store, stops = Store(url), list[float]()
    async with generator(UNITS) as made, roles(collector, first, second):
        plant = tmp_path / "plant.yaml"
        plant.write_text(made.plant(0.2))
        done = await command(tmp_path / "admin", "plant", "import", str(plant), env={"ENERGY_DATABASE__URL": url})
        assert done.code == 0, done
        for process in (collector, first, second):
            await process.start()
        await eventually(lambda: shares(first, second) == [2, 2], 90)
        await eventually(lambda: all(len(unit.answered) > 5 for unit in made.units), 60)
        await asyncio.sleep(rng.uniform(0.5, 2.0))
        await first.kill()
        await eventually(lambda: shares(second) == [4], 60)  # its share moves on
        stops.append(time.time())
        await collector.kill()
        before = [len(unit.answered) for unit in made.units]
        kafka_server.kill()  # while a collector starts: what is read waits on its disk
        await asyncio.gather(collector.start(), first.start(), asyncio.to_thread(kafka_server.start))
        await eventually(lambda: all(len(u.answered) > n + 5 for u, n in zip(made.units, before, strict=True)), 60)
        await eventually(lambda: sorted(shares(first, second)) == [2, 2], 60)
        stops.append(time.time())  # the last question may be open
        await made.server.stop()

        async def whole() -> bool:
            with suppress(AssertionError):
                return check(made, await stored(store), stops) > 0
            return False

        with suppress(AssertionError):
            await eventually(whole, 60)
        await eventually(lambda: [one["waiting"] for one in (first.status(), second.status())] == [0, 0], 60)
        check(made, await stored(store), stops)  # also what came a second time after the broker's return
    await store.close()


async def first_events(web: Product, wanted: set[str]) -> None:
    """Wait until the stream has brought an event of each kind."""
    headers = {"authorization": f"Bearer {web.key}"}
    async with (
        asyncio.timeout(60), httpx.AsyncClient(timeout=60, headers=headers) as client,
        client.stream("GET", web.url + "/api/stream") as answer,
    ):
        async for line in answer.aiter_lines():
            if line.startswith("event:"):
                wanted.discard(line.partition(":")[2].strip())
            if not wanted:
                return


async def live(web: Product, unit: Numbered) -> bool:
    """Does it show what the unit has answered in the last 5 s?"""
    items = (await web.get("/api/data/latest", tag="d1.n3"))["items"]
    newest = -1 if not items or items[0]["value"] is None else round(items[0]["value"]) % 10_000_000
    return len(unit.answered) - newest < 10


async def told_of_roles(web: Product) -> list[dict[str, Any]]:
    """What each role tells of itself every few seconds; empty until all are well and something is in the tables."""
    told: list[dict[str, Any]] = (await web.get("/api/status/roles"))["items"]
    states = [(role["role"], role["name"], role["state"]) for role in told]
    well = states == [(name, name, "ok") for name in ("collect", "ingest", "web")] and told[1]["delivered"] > 0
    return told if well else []


async def device_states(web: Product) -> list[str]:
    return [device["state"] for device in (await web.get("/api/devices/status"))["items"]]


async def balanced(web: Product) -> bool:
    """Each tells at its own pace: the tables' book may be read before the collector's."""
    states = await device_states(web)
    books = {book["name"]: book for book in (await web.get("/api/books"))["destinations"]}
    kafka, ingest = books["kafka: collect"], books["ingest"]
    whole = kafka["taken"] == kafka["delivered"] + kafka["pending"]
    return whole and states == ["online", "online"] and 0 < ingest["delivered"] <= kafka["taken"]


async def shown_by(web: Product, unit: Numbered) -> None:
    """Live values, its own events, the roles and their books."""
    await eventually(lambda: live(web, unit), 90)
    await first_events(web, {"sample"})
    told = await eventually(lambda: told_of_roles(web), 60)
    assert isinstance(told, list)
    assert sum(share["lag"] for share in told[1]["shares"]) == told[1]["waiting"]
    await eventually(lambda: balanced(web), 60)


async def taken_over_and_given_back(web: Product, other: Product, acts: LastActs, unit: Numbered) -> None:
    """`web` is killed in its last acts, `other` serves when the lease has run out; stopped in good order it is free at once."""
    await eventually(lambda: "standing by, web is run by web" in other.output.read_text(), 90)
    await acts.prepare(web)
    await acts.act(web, other)
    await web.kill()
    other.key = web.key
    await other.serves()
    await asyncio.gather(web.begin(), eventually(lambda: live(other, unit), 60), acts.check(other, unit))
    await eventually(lambda: web.output.read_text().count("standing by, web is run by web2") == 1, 90)
    other.signal(signal.SIGTERM)
    assert await other.ended() == 0
    await web.serves()
    await acts.check(web, unit)
    await eventually(lambda: live(web, unit), 60)


@pytest.mark.timeout(300)
async def test_web_shows_what_others_read_and_another_takes_over_when_it_is_killed(kafka_server: KafkaServer, mariadb: Server, tmp_path: Path) -> None:
    url, plant = mariadb.new_url(), tmp_path / "plant.yaml"
    common = joined(url, kafka_server, "web", 2)
    collector = RoleProcess("collect", tmp_path / "collect", **common)
    ingester = RoleProcess("ingest", tmp_path / "ingest", **common)
    async with (
        generator(2) as made, roles(collector, ingester),
        product(tmp_path / "web", "web", PLANT_FILE=str(plant), ROLE__NAME="web", **common) as web,
        product(tmp_path / "web2", "web", ROLE__NAME="web2", **common) as other, AsyncExitStack() as stack,
    ):  # fmt: skip
        store = Store(url)
        stack.push_async_callback(store.close)
        plant.write_text(made.plant(0.5))
        await asyncio.gather(web.start(), collector.start(), ingester.start())
        shutil.copytree(web.folder / "keys", other.folder / "keys")
        await other.begin()
        await shown_by(web, made.units[0])
        acts = LastActs(store, web.key)
        stack.push_async_callback(acts.close)
        await taken_over_and_given_back(web, other, acts, made.units[0])
        await collector.kill()

        async def gone() -> bool:
            return await device_states(web) == ["offline", "offline"]

        await eventually(gone, 60)
