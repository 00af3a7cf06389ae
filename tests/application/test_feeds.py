"""The feeds as the product runs them: from the bus to the destination, in books, status, API, audit, over restarts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from application.build import Application, open_application
from application.feed_watch import conditions
from config.settings import Feeds, InfluxDB, Settings
from domain.access import Actor, Role
from domain.alert import Priority
from domain.errors import Forbidden, NotFound
from domain.feed import FeedStatus, OutboxBook
from domain.sample import Batch
from runtime.clock import SystemClock
from tests.conftest import eventually
from tests.data_transfer.influx_stub import Misbehaving, misbehaving

ADMIN, VIEWER = Actor("root", Role.ADMIN, "test"), Actor("guest", Role.VIEWER, "test")
PLANT = """
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
WITHOUT = ("collector", "rollups", "retention")


@asynccontextmanager
async def product(folder: Path, url: str | None) -> AsyncIterator[Application]:
    settings = Settings(data_dir=folder, influxdb=InfluxDB(url=url, password=SecretStr("geheim")), feeds=Feeds())
    async with open_application(settings, SystemClock(), {}) as app:
        if not await app.plant.load():
            await app.plant.import_yaml(PLANT, ADMIN)
        names = {"writer", "feed:influxdb", "feed-watch"}
        task = asyncio.create_task(app.supervisor.run({name: job for name, job in app.jobs.items() if name in names}))
        try:
            yield app
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def publish(app: Application, *numbers: int) -> None:
    ids = tuple(app.live.tag(f"m1.{point}").id for point in ("active_power", "energy_import"))
    for number in numbers:
        app.bus.publish(Batch("m1", 1_763_548_800_000_000 + number * 1_000_000, ids, [float(number), number * 2.0], [0, 0]))


def feed(app: Application) -> FeedStatus:
    (found,) = app.services.feeds.feeds()
    return found


async def test_what_is_kept_reaches_the_feed_over_restarts_and_every_book_balances(tmp_path: Path) -> None:
    server = Misbehaving(lambda _number, lines: (204, {}, "", lines))
    async with product(tmp_path, "http://127.0.0.1:1") as app:  # nobody there
        publish(app, 1, 2, 3)
        await eventually(lambda: feed(app).book.waiting == 6 and feed(app).state == "away", 20)
        assert "no connection" in (feed(app).last_error or "")
        publish(app, 4)  # still in memory when it stops
    async with misbehaving(server), product(tmp_path, f"http://127.0.0.1:{server.port}") as app:
        publish(app, 5)
        await eventually(lambda: feed(app).book.delivered == 10, 20)
        await eventually(lambda: app.status.books().destinations[0].pending == 0, 20)
        books = app.status.books()
        (database, influx) = books.destinations
        assert (books.kept, database.delivered, influx.delivered, influx.taken, influx.dropped) == (10, 10, 10, 10, 0)
        assert len(server.points) == 10
        assert all("machine=lathe-1" in series for series, _time in server.points)
        _, key = await app.accounts.create_key("reader", Role.VIEWER, ADMIN)
        transport = httpx.ASGITransport(app.web, client=("127.0.0.1", 40_000))
        headers = {"authorization": f"Bearer {key}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
            answer = (await client.get("/api/books")).json()
        assert [(d["name"], d["taken"], d["balanced"]) for d in answer["destinations"]] == [
            ("database", 10, True), ("influxdb", 10, True),
        ]  # fmt: skip


async def test_a_feed_taken_out_of_the_settings_keeps_its_backlog_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with product(tmp_path, "http://127.0.0.1:1") as app:
        publish(app, 1)
        await eventually(lambda: feed(app).book.waiting == 2, 20)
    async with product(tmp_path, None) as app:
        await eventually(app.services.feeds.feeds, 20)
        assert (feed(app).state, feed(app).book.waiting) == ("off", 2)
        assert "2 items still wait" in caplog.text
        publish(app, 2)  # kept, and nobody's business while the feed is off
        await eventually(lambda: app.status.books().destinations[0].pending == 0 and app.status.books().kept == 4, 20)
        assert not app.status.books().destinations[1].enabled
    server = Misbehaving(lambda _number, lines: (204, {}, "", lines))
    async with misbehaving(server), product(tmp_path, f"http://127.0.0.1:{server.port}") as app:
        publish(app, 3)
        await eventually(lambda: feed(app).book.delivered == 4, 20)
        assert feed(app).book.dropped == 0
        assert {time for _series, time in server.points} == {f"{1_763_548_800_000_000 + n * 1_000_000}" for n in (1, 3)}


async def test_the_quarantine_is_an_administrators_and_in_the_audit(tmp_path: Path) -> None:
    refuse = True
    server = Misbehaving(lambda _number, lines: (400, {}, "no", []) if refuse else (204, {}, "", lines))
    async with misbehaving(server), product(tmp_path, f"http://127.0.0.1:{server.port}") as app:
        publish(app, 1)
        await eventually(lambda: feed(app).book.quarantined == 2, 20)
        service = app.services.feeds
        for call in (service.quarantine, service.retry_quarantine, service.discard_quarantine):
            with pytest.raises(Forbidden):
                await call("influxdb", VIEWER)
        with pytest.raises(NotFound):
            await service.quarantine("kafka", ADMIN)
        assert {one.reason for one in await service.quarantine("influxdb", ADMIN)} == {"no"}
        refuse = False
        assert await service.retry_quarantine("influxdb", ADMIN) == 2
        await eventually(lambda: feed(app).book.delivered == 2, 20)
        refuse = True
        publish(app, 2)
        await eventually(lambda: feed(app).book.quarantined == 2, 20)
        assert await service.discard_quarantine("influxdb", ADMIN) == 2
        assert feed(app).book.dropped == 2
        entries = [(entry.action, entry.subject, entry.old) for entry in await app.database.audit.entries(10)]
        assert ("feed_retry", "influxdb", "2") in entries
        assert ("feed_discard", "influxdb", "2") in entries
        assert sum(action == "refused" for action, _subject, _old in entries) == 3


@pytest.mark.parametrize(
    ("state", "age_s", "size", "dropped", "quarantined", "expected"),
    [
        ("ok", 0, 0, 0, 0, {}),
        ("away", 10, 0, 0, 0, {}),
        ("away", 61, 0, 0, 0, {"away": Priority.HIGH}),
        ("failed", 0, 0, 0, 0, {"away": Priority.HIGH}),
        ("away", 0, 70, 0, 0, {"backlog": Priority.HIGH}),
        ("ok", 0, 90, 0, 0, {"backlog": Priority.CRITICAL}),
        ("ok", 0, 0, 5, 3, {"dropped": Priority.CRITICAL, "refused": Priority.MEDIUM}),
    ],
)
def test_alerts_stand_before_anything_is_lost(
    state: str, age_s: int, size: int, dropped: int, quarantined: int, expected: dict[str, Priority]
) -> None:
    book = OutboxBook(10, 10 - dropped - quarantined, 0, quarantined, dropped, None, size, 100)
    status = FeedStatus("kafka", state, "k:1", 0, None, None, None, book)
    found = {key: wanted[0] for key, wanted in conditions(status, 0, age_s * 1_000_000).items() if wanted}
    assert found == {f"feed_{name}:kafka": priority for name, priority in expected.items()}
