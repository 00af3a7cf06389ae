"""The whole way: alert engine, outbox in a real database, receivers on loopback; a clock that the test owns."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from analysis.alerts import AlertEngine
from application.notifications import build_notifications
from config.settings import Settings
from database import Database, open_database
from domain.access import Actor, Role, User
from domain.alert import Priority
from domain.errors import ConfigError, Forbidden, NotFound, StorageError
from domain.notification import Channel, ChannelKind, DeliveryFailed, DeliveryState, Event, Subscription
from domain.plant import Machine, Plant, Site
from notifications.engine import NotificationEngine
from notifications.service import Notifications
from tests.conftest import FakeClock
from tests.notifications.receivers import Hook, Mailbox, http_receiver, mail_server

LOOPBACK = ["127.0.0.0/8"]
ADMIN = Actor("anna", Role.ADMIN, "test")
PLANT = Plant(Site("Shop", "Europe/Moscow", "en"), machines=(Machine("lathe-1", "Lathe", "Turning", "m1"),))


class House:
    """Alerts and notifications over one database."""

    def __init__(self, database: Database, clock: FakeClock, settings: Settings) -> None:
        self.database, self.clock = database, clock
        self.alerts = AlertEngine(database.alerts, database.audit, clock)
        self.engine: NotificationEngine
        self.service: Notifications
        self.engine, self.service = build_notifications(settings, clock, database, self.alerts, lambda: PLANT)
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self.alerts.run()), asyncio.create_task(self.engine.run())]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def die_while_alerts_go_on(self, number: int) -> None:
        """The notifications end between an alert's record and the outbox."""
        self._tasks[1].cancel()
        await asyncio.gather(self._tasks[1], return_exceptions=True)
        self.raise_(number)
        for _ in range(20):
            await self.clock.advance(0.25)
            await asyncio.sleep(0.005)

    async def until(self, true: Callable[[], object] | Callable[[], Awaitable[object]], most_s: float = 120.0, step_s: float = 0.25) -> None:
        """Move the clock until it is so."""
        for _ in range(round(most_s / step_s)):
            found = true()
            if isinstance(found, Awaitable):
                found = await found
            if found:
                return
            await self.clock.advance(step_s)
            await asyncio.sleep(0.004)  # threads of the database and of senders
        raise AssertionError("not within the time")

    async def hook(self, url: str, **subscription: object) -> int:
        """A web-hook channel with a subscription of anna; its id."""
        channel = await self.service.save_channel(Channel(0, ChannelKind.WEBHOOK, url, settings={"url": url, "allow": LOOPBACK}), "key", ADMIN)
        await self.service.save_subscription(Subscription(0, 0, channel.id, **subscription), ADMIN)  # type: ignore[arg-type]
        return channel.id

    async def states(self) -> list[DeliveryState]:
        return [notice.state for notice in await self.database.notifications.outbox(10_000)]

    def raise_(self, number: int = 1, priority: Priority = Priority.HIGH) -> None:
        self.alerts.raise_alert(f"limit:m{number}.active_power:high", "high", priority, machine_id="lathe-1", tag="m1.active_power", value=14.2, limit=14.0, unit="kW")


@asynccontextmanager
async def house(folder: Path, clock: FakeClock) -> AsyncIterator[House]:
    settings = Settings(data_dir=folder)
    async with open_database(settings.database_url, folder, clock) as database:
        if not await database.access.users():
            await database.access.create_user(User(0, "anna", Role.ADMIN, language="en"), "hash")
        made = House(database, clock, settings)
        try:
            yield made
        finally:
            await made.stop()


async def test_an_alert_reaches_a_person_once_and_its_return_when_asked_for(tmp_path: Path, fake_clock: FakeClock) -> None:
    async with http_receiver(Hook()) as hook, house(tmp_path, fake_clock) as home:
        await home.hook(hook.url, events=frozenset({Event.RAISED, Event.RETURNED}))
        home.start()
        await home.until(lambda: home.alerts.loaded)
        home.raise_()
        await home.until(lambda: len(hook.requests) == 1)
        home.alerts.return_alert("limit:m1.active_power:high")
        await home.until(lambda: len(hook.requests) == 2)
        items = [hook.json(i)["items"][0] for i in (0, 1)]  # type: ignore[index]
        assert [item["event"] for item in items] == ["raised", "returned"]
        assert items[0]["value"] == 14.2
        await home.until(lambda: all_are(home, DeliveryState.SENT))
        await home.clock.advance(5.0)
        assert len(hook.requests) == 2


async def all_are(home: House, state: DeliveryState) -> bool:
    states = await home.states()
    return bool(states) and set(states) == {state}


async def test_a_dead_channel_is_tried_again_shown_told_and_delays_no_other(tmp_path: Path, fake_clock: FakeClock) -> None:
    async with http_receiver(Hook(status=500)) as dead, http_receiver(Hook()) as good, house(tmp_path, fake_clock) as home:
        dead_id = await home.hook(dead.url)
        await home.hook(good.url + "/good")
        home.start()
        await home.until(lambda: home.alerts.loaded)
        home.raise_()
        await home.until(lambda: len(good.requests) == 1)
        await home.until(lambda: len(dead.requests) >= 3)
        health = {h.channel_id: h for h in home.engine.health()}[dead_id]
        assert "500" in health.last_error
        assert health.next_attempt_us is not None
        await home.until(lambda: home.alerts.standing(f"notification:{dead_id}"), most_s=2400, step_s=5.0)
        assert len(dead.requests) < 20  # backs off
        assert len({hook["x-energy-message"] for _, hook, _ in dead.requests}) == 1  # the same message, recognisable
        assert len(good.requests) == 1  # a dead channel is told in the list only, not to other channels
        dead.status = 200
        await home.until(lambda: not home.alerts.standing(f"notification:{dead_id}"), most_s=2400, step_s=5.0)
        await home.until(lambda: all_are(home, DeliveryState.SENT))


async def test_a_mail_server_that_says_nothing_holds_up_nobody(tmp_path: Path, fake_clock: FakeClock) -> None:
    async with mail_server(Mailbox(silent=True)) as box, http_receiver(Hook()) as good, house(tmp_path, fake_clock) as home:
        settings = {"host": "127.0.0.1", "port": box.port, "security": "none", "sender": "s@example.org", "allow": LOOPBACK}
        channel = await home.service.save_channel(Channel(0, ChannelKind.EMAIL, "mail", settings=settings), None, ADMIN)
        await home.service.save_subscription(Subscription(0, 0, channel.id, "anna@example.org"), ADMIN)
        await home.hook(good.url)
        home.start()
        await home.until(lambda: home.alerts.loaded)
        home.raise_()
        await home.until(lambda: len(good.requests) == 1 and box.connections == 1)


async def test_five_thousand_alerts_are_few_messages_and_none_is_missing(tmp_path: Path, fake_clock: FakeClock) -> None:
    async with http_receiver(Hook()) as hook, house(tmp_path, fake_clock) as home:
        await home.hook(hook.url)
        home.start()
        await home.until(lambda: home.alerts.loaded)
        for number in range(5000):
            home.raise_(number)
        await home.until(lambda: len({item["alert_key"] for i in range(len(hook.requests)) for item in hook.json(i)["items"]}) == 5000, most_s=900)  # type: ignore[attr-defined]
        assert len(hook.requests) <= 30
        told = [item["key"] for i in range(len(hook.requests)) for item in hook.json(i)["items"]]  # type: ignore[attr-defined]
        assert len(told) == len(set(told))


async def test_a_store_that_is_away_for_long_is_told_once_and_costs_no_message(
    tmp_path: Path, fake_clock: FakeClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def away(*_: object) -> None:
        raise StorageError("connection refused")

    monkeypatch.setattr("notifications.engine.REFRESH_S", 0.05)
    async with http_receiver(Hook()) as hook, house(tmp_path, fake_clock) as home:
        await home.hook(hook.url)
        home.start()
        await home.until(lambda: home.alerts.loaded)
        with monkeypatch.context() as broken:
            for question in ("subscriptions", "put"):
                broken.setattr(home.database.notifications, question, away)
            home.raise_()
            for _ in range(240):
                await home.clock.advance(0.5)
                await asyncio.sleep(0.002)
        told = [record.message for record in caplog.records if "connection refused" in record.message]
        assert sorted(told) == ["channels cannot be read: connection refused", "notifications wait for the store: connection refused"]
        await home.until(lambda: len(hook.requests) == 1)


async def test_a_stop_in_the_middle_loses_none(tmp_path: Path, fake_clock: FakeClock) -> None:
    async with http_receiver(Hook(status=503)) as hook:
        async with house(tmp_path, fake_clock) as home:
            await home.hook(hook.url)
            home.start()
            await home.until(lambda: home.alerts.loaded)
            home.raise_(1)
            await home.until(lambda: len(hook.requests) >= 1)
            await home.die_while_alerts_go_on(2)
        first = hook.requests[0][1]["x-energy-message"]
        hook.status = 200
        hook.requests.clear()
        async with house(tmp_path, fake_clock) as home:
            home.start()
            await home.until(lambda: len({i["alert_key"] for n in range(len(hook.requests)) for i in hook.json(n)["items"]}) == 2)  # type: ignore[attr-defined]
            assert hook.requests[0][1]["x-energy-message"] == first
            await home.until(lambda: all_are(home, DeliveryState.SENT))


async def test_what_is_refused_for_good_is_shown_and_the_next_goes_out(tmp_path: Path, fake_clock: FakeClock) -> None:
    async with http_receiver(Hook(status=422)) as hook, house(tmp_path, fake_clock) as home:
        await home.hook(hook.url)
        home.start()
        await home.until(lambda: home.alerts.loaded)
        home.raise_(1)
        await home.until(lambda: all_are(home, DeliveryState.FAILED))
        hook.status = 200
        home.raise_(2)
        await home.until(lambda: len(hook.requests) == 2)
        (failed,) = await home.service.outbox(10, ADMIN, DeliveryState.FAILED)
        await home.service.settle([failed.id], ADMIN, again=True)
        await home.until(lambda: all_are(home, DeliveryState.SENT))


async def test_a_message_that_is_refused_for_ever_does_not_hold_up_the_others(tmp_path: Path, fake_clock: FakeClock) -> None:
    """Whether 500 means the receiver or the message is known when it takes another."""
    async with http_receiver(Hook(refuses=b"limit:m1.")) as hook, house(tmp_path, fake_clock) as home:
        await home.hook(hook.url)
        home.start()
        await home.until(lambda: home.alerts.loaded)
        home.raise_(1)
        await home.until(lambda: len(hook.requests) > 5, 600, 1.0)
        assert await home.states() == [DeliveryState.WAITING]  # alone it proves nothing
        home.raise_(2)
        await home.until(lambda: any(b"limit:m2." in body for _first, _headers, body in hook.requests), 600, 1.0)

        async def settled() -> bool:
            return sorted(state.value for state in await home.states()) == ["failed", "sent"]

        await home.until(settled, 600, 1.0)
        (failed,) = await home.service.outbox(10, ADMIN, DeliveryState.FAILED)
        assert "HTTP 500" in failed.last_error


async def test_secrets_and_rights(tmp_path: Path, fake_clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with house(tmp_path, fake_clock) as home:
        channel = await home.service.save_channel(Channel(0, ChannelKind.TELEGRAM, "tg"), "123:planted-token", ADMIN)
        (known,) = await home.service.channels()
        assert known.has_secret
        with pytest.raises(DeliveryFailed):
            await home.service.test(channel.id, "-100", "en", ADMIN)
        audit = " ".join(f"{e.subject} {e.old} {e.new}" for e in await home.database.audit.entries(100))
        assert "planted-token" not in audit + repr(known) + caplog.text
        with pytest.raises(Forbidden):
            await home.service.save_channel(channel, None, Actor("ivan", Role.ENGINEER, "test"))
        with pytest.raises(ConfigError, match=r"settings\.url"):
            await home.service.save_channel(Channel(0, ChannelKind.WEBHOOK, "x"), None, ADMIN)
        with pytest.raises(ConfigError, match=r"settings\.file: is no setting of webhook"):
            await home.service.save_channel(Channel(0, ChannelKind.WEBHOOK, "x", settings={"file": "/etc/passwd"}), None, ADMIN)
        await home.database.access.create_user(User(0, "ivan", Role.VIEWER), "hash")
        ivan = Actor("ivan", Role.VIEWER, "test")
        own = await home.service.save_subscription(Subscription(0, 0, channel.id, "-100"), ivan)
        assert [s.id for s in await home.service.subscriptions(ivan)] == [own.id]
        assert await home.service.subscriptions(ADMIN) == []
        with pytest.raises(Forbidden):
            await home.service.save_subscription(Subscription(0, 1, channel.id, "-100"), ivan)
        with pytest.raises(Forbidden):
            await home.service.subscriptions(ivan, everybody=True)
        with pytest.raises(ConfigError, match="address"):
            await home.service.save_subscription(Subscription(0, 0, channel.id, "somebody"), ivan)
        await home.service.delete_channel(channel.id, ADMIN)
        assert await home.service.subscriptions(ivan) == []
        with pytest.raises(NotFound):
            await home.service.delete_channel(channel.id, ADMIN)
