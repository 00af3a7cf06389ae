"""The feeds as the product runs them: from the bus to the destination, in books, status, API, audit, over restarts."""

from __future__ import annotations

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
from domain.feed import FeedGap, FeedStatus, Moved, OutboxBook
from domain.sample import Batch
from runtime.clock import SystemClock
from tests.conftest import eventually
from tests.data_transfer.influx_stub import Misbehaving, misbehaving
from tests.e2e.running import ONE_LATHE, at_work

ADMIN, VIEWER = Actor("root", Role.ADMIN, "test"), Actor("guest", Role.VIEWER, "test")
WITHOUT = ("collector", "rollups", "retention")


@asynccontextmanager
async def product(folder: Path, url: str | None) -> AsyncIterator[Application]:
    settings = Settings(data_dir=folder, influxdb=InfluxDB(url=url, password=SecretStr("geheim")), feeds=Feeds())
    async with open_application(settings, SystemClock(), {}) as app:
        if not await app.plant.load():
            await app.plant.import_yaml(ONE_LATHE, ADMIN)
        names = {"writer", "feed:influxdb", "feed-watch"}
        async with at_work(app, names):
            yield app


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
        assert (await service.retry_quarantine("influxdb", ADMIN)).items == 2
        await eventually(lambda: feed(app).book.delivered == 2, 20)
        refuse = True
        publish(app, 2)
        await eventually(lambda: feed(app).book.quarantined == 2, 20)
        first, second = await service.quarantine("influxdb", ADMIN)
        with pytest.raises(NotFound):
            await service.retry_quarantine("influxdb", ADMIN, [7])
        assert await service.discard_quarantine("influxdb", ADMIN, [first.number, 7]) == Moved(1, 1)
        assert [one.number for one in await service.quarantine("influxdb", ADMIN)] == [second.number]
        assert (await service.discard_quarantine("influxdb", ADMIN)).items == 1
        assert feed(app).book.dropped == 2
        entries = [(entry.action, entry.subject, entry.old) for entry in await app.database.audit.entries(10)]
        assert ("feed_retry", "influxdb", "2") in entries
        assert ("feed_discard", "influxdb", "1") in entries
        assert ("feed_discard", "influxdb", f"{service.tag_name(first.samples[0][0])} 2025-11-19 10:40:02Z: no") in entries
        assert sum(action == "refused" for action, _subject, _old in entries) == 3


async def test_a_backlog_is_given_up_only_when_asked_twice_and_stands_in_the_audit(tmp_path: Path) -> None:
    """Of a feed that is away, and of one that is taken out of the settings."""
    async with product(tmp_path, "http://127.0.0.1:1") as app, client_of(app) as client:
        publish(app, 1, 2)
        await eventually(lambda: feed(app).book.waiting == 4 and feed(app).state == "away", 20)
        asked = await client.post("/api/feeds/influxdb/backlog/discard", json={})
        assert (asked.status_code, asked.json()["items"], asked.json()["oldest"]) == (409, 4, "2025-11-19T10:40:01.000Z")
        assert feed(app).book.waiting == 4
        done = await client.post("/api/feeds/influxdb/backlog/discard", json={"confirm": True})
        assert done.json() == {"items": 4}
        (item,) = (await client.get("/api/feeds")).json()["items"]
        assert (item["taken"], item["waiting"], item["dropped"]) == (4, 0, 4)
        assert [(gap["items"], gap["reason"], gap["from"]) for gap in item["gaps"]] == [(4, "given_up", "2025-11-19T10:40:01.000Z")]
        publish(app, 3)
        await eventually(lambda: feed(app).book.waiting >= 2, 20)
    async with product(tmp_path, None) as app, client_of(app) as client:
        await eventually(app.services.feeds.feeds, 20)
        waiting = feed(app).book.waiting
        assert (await client.post("/api/feeds/influxdb/backlog/discard", json={})).json()["items"] == waiting
        with pytest.raises(Forbidden):
            await app.services.feeds.discard_backlog("influxdb", VIEWER)
        assert (await client.post("/api/feeds/influxdb/backlog/discard", json={"confirm": True})).json() == {"items": waiting}
        assert not app.services.feeds.feeds()
        assert (await client.post("/api/feeds/influxdb/backlog/discard", json={})).status_code == 404
        entries = [(entry.action, entry.subject, entry.old) for entry in await app.database.audit.entries(20)]
        assert [one for one in entries if one[0] == "feed_give_up"] == [
            ("feed_give_up", "influxdb", str(waiting)), ("feed_give_up", "influxdb", "4"),
        ]  # fmt: skip


async def test_what_was_refused_is_looked_at_sent_again_and_given_up_over_the_api(tmp_path: Path) -> None:
    server = Misbehaving(lambda _number, lines: (400, {}, "no", []))
    async with misbehaving(server), product(tmp_path, f"http://127.0.0.1:{server.port}") as app, client_of(app) as client:
        publish(app, 1)
        await eventually(lambda: feed(app).book.quarantined == 2, 20)
        shown = (await client.get("/api/feeds/influxdb/quarantine")).json()
        assert shown["quarantined"] == 2
        assert [(one["reason"], one["samples"][0]["tag"], one["samples"][0]["value"]) for one in shown["items"]] == [
            ("no", "m1.active_power", 1.0), ("no", "m1.energy_import", 2.0),
        ]  # fmt: skip
        assert (await client.post("/api/feeds/influxdb/quarantine/retry")).json() == {"items": 2, "entries": 2}
        await eventually(lambda: feed(app).book.quarantined == 2, 20)
        asked = await client.post("/api/feeds/influxdb/quarantine/discard", json={})
        assert (asked.status_code, asked.json()["items"]) == (409, 2)
        done = await client.post("/api/feeds/influxdb/quarantine/discard", json={"confirm": True})
        assert done.json() == {"items": 2, "entries": 2}
        assert (feed(app).book.quarantined, feed(app).book.dropped) == (0, 2)


@asynccontextmanager
async def client_of(app: Application) -> AsyncIterator[httpx.AsyncClient]:
    """An administrator's program."""
    _, key = await app.accounts.create_key("writer", Role.ADMIN, ADMIN)
    transport = httpx.ASGITransport(app.web, client=("127.0.0.1", 40_000))
    headers = {"authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
        yield client


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
    gaps = [FeedGap(0, 1, dropped, "full", 1)] if dropped else []
    gaps += [FeedGap(0, 1, 7, "full", 0), FeedGap(0, 1, 7, "given_up", 9)]  # told before; a person's own doing
    status = FeedStatus("kafka", state, "k:1", 0, None, None, None, book, {}, gaps)
    found = {key: wanted[0] for key, wanted in conditions(status, 0, age_s * 1_000_000).items() if wanted}
    assert found == {f"feed_{name}:kafka": priority for name, priority in expected.items()}
