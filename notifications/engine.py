"""From an alert's transition to a message that the other side has taken: outbox, order, pace, retries, health of the channels.

Telling (`on_alert`) costs an append; everything that waits is done by `run`. A notice is in the outbox before anything is sent,
so a restart loses none; a message has its id before it is sent, so what comes twice is recognised. Each channel is worked by a
task of its own: one that hangs delays no other. Ten messages a minute go out on a channel at most; what is more for a person than
a few at a time becomes one message with all of them in it.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from zoneinfo import ZoneInfo

from domain.access import User
from domain.alert import Alert, Priority
from domain.errors import StorageError
from domain.notification import (
    Channel,
    ChannelHealth,
    ChannelKind,
    DeliveryFailed,
    DeliveryState,
    Message,
    Notice,
    NotificationStore,
    Sender,
    Subscription,
)
from domain.plant import Plant
from domain.ports import Clock
from notifications.choose import event_of, grouped, notices_of
from notifications.templates import Words, message_of, templates_of

log = logging.getLogger(__name__)

RETRY_S = 5.0  # the store is away
REFUSALS_OF_A_BAD_MESSAGE = 3
INTAKE_S = 0.25
REFRESH_S = 5.0  # users, channels and subscriptions are looked at again
MARK_S = 30.0
PER_MINUTE = 10
MOST_SINGLE = 3  # messages for one person at a time; more become one
BATCH = 500
FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 1.0, 900.0
DEAD_AFTER_US = 15 * 60_000_000
LOOK_BACK_US = 60_000_000  # events may have been told a little after they were handled
MAX_WAITING = 20_000
KEEP_SENT_US = 90 * 86_400_000_000
OWN_RULE = "notification"


class MissedEvents(Protocol):
    """What was told while nobody listened."""

    async def missed(self, since_us: int) -> Sequence[Alert]: ...


class SystemAlerts(Protocol):
    """Where the engine tells of a dead channel."""

    def raise_system(self, key: str, priority: Priority, detail: str = "") -> bool: ...
    def clear_system(self, key: str) -> bool: ...


@dataclass(slots=True)
class _Line:
    """One channel at work."""

    channel: Channel
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    sent_at: deque[float] = field(default_factory=lambda: deque(maxlen=PER_MINUTE))
    failures: int = 0
    failing_since_us: int | None = None
    last_success_us: int | None = None
    last_error_us: int | None = None
    last_error: str = ""
    next_attempt_us: int | None = None
    task: asyncio.Task[None] | None = None
    refusals: dict[str, int] = field(default_factory=dict)  # by message: the other side answered, and did not take it
    passed_over: dict[str, bool] = field(default_factory=dict)  # refused often: is it known that others are taken?


@dataclass(frozen=True, slots=True)
class Parts:
    """What the engine works with. `words` gives the writer of a language; `secret` opens a channel's secret."""

    store: NotificationStore
    missed: MissedEvents
    users: Callable[[], Awaitable[Sequence[User]]]
    secret: Callable[[int], Awaitable[str | None]]
    senders: Mapping[ChannelKind, Sender]
    words: Callable[[str], Words]
    plant: Callable[[], Plant]
    alerts: SystemAlerts
    clock: Clock
    base_url: str = ""


class NotificationEngine:
    """`on_alert` is a listener of the alerts; `run` is one supervised task; `changed` after channels or subscriptions changed."""

    def __init__(self, parts: Parts) -> None:
        self._parts, self._store, self._clock = parts, parts.store, parts.clock
        self._told: deque[Alert] = deque()
        self._overflowed = False
        self._lines: dict[int, _Line] = {}
        self._subscriptions: Sequence[Subscription] = ()
        self._users: Mapping[int, User] = {}
        self._stale = asyncio.Event()
        self._stale.set()
        self._marked_us = 0
        self._counts: Mapping[int, tuple[int, int]] = {}

    # -- telling ---------------------------------------------------------------------------------------------------

    def on_alert(self, alert: Alert) -> None:
        """A transition happened. Never waits; when too many wait for the store, they are read from it again later."""
        if len(self._told) >= MAX_WAITING:
            self._overflowed = True
            return
        self._told.append(alert)

    def changed(self) -> None:
        """Channels, subscriptions or users changed: look again at once."""
        self._stale.set()

    def health(self) -> Sequence[ChannelHealth]:
        """Of every channel."""
        found = []
        for line in self._lines.values():
            waiting, failed = self._counts.get(line.channel.id, (0, 0))
            found.append(
                ChannelHealth(
                    line.channel.id, waiting, failed, line.last_success_us, line.last_error_us, line.last_error,
                    line.next_attempt_us,
                )
            )
        return found

    # -- life ------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._take_in(), name="notifications:intake")
                tasks.create_task(self._follow_changes(tasks), name="notifications:channels")
        finally:
            self._lines.clear()

    async def _take_in(self) -> None:
        caught_up = told = False
        while True:
            try:
                await self._refresh()
                if not caught_up or self._overflowed:
                    self._overflowed = False
                    await self._catch_up()
                    caught_up = True
                await self._keep_told()
                told = False
            except (StorageError, OSError) as exc:
                if not told:
                    log.warning("notifications wait for the store: %s", exc)
                told = True
                await self._clock.sleep(RETRY_S)
            await self._clock.sleep(INTAKE_S)

    async def _refresh(self) -> None:
        if self._stale.is_set() or not self._users:
            self._subscriptions = await self._store.subscriptions()
            self._users = {user.id: user for user in await self._parts.users()}

    async def _catch_up(self) -> None:
        """What happened between the last handled event and the stop."""
        handled_us = await self._store.handled_us()
        if handled_us is None:
            await self._store.put([], self._clock.now_us())
            return
        missed = await self._parts.missed.missed(handled_us - LOOK_BACK_US)
        await self._keep(missed)

    async def _keep_told(self) -> None:
        if self._told:
            some = [self._told[i] for i in range(min(len(self._told), BATCH))]
            await self._keep(some)
            for _ in some:
                self._told.popleft()
        elif self._clock.now_us() - self._marked_us > MARK_S * 1e6:
            self._marked_us = self._clock.now_us()
            await self._store.put([], self._marked_us)

    async def _keep(self, alerts: Sequence[Alert]) -> None:
        """Into the outbox; whoever is concerned is woken."""
        plant, now_us = self._parts.plant(), self._clock.now_us()
        zone, sections = ZoneInfo(plant.site.timezone), {machine.id: machine.section for machine in plant.machines}
        notices: list[Notice] = []
        for alert in alerts:
            event = event_of(alert)
            if event is None or alert.rule == OWN_RULE:
                continue
            notices += notices_of(alert, event, self._subscriptions, self._users, sections, zone, now_us)
        await self._store.put(notices, now_us)
        self._marked_us = now_us
        for channel_id in {notice.channel_id for notice in notices}:
            if channel_id in self._lines:
                self._lines[channel_id].wake.set()

    async def _follow_changes(self, tasks: asyncio.TaskGroup) -> None:
        """A task for each channel that is enabled; channels that went or changed get another."""
        told = False
        while True:
            try:
                self._stale.clear()
                self._subscriptions = await self._store.subscriptions()
                self._users = {user.id: user for user in await self._parts.users()}
                self._counts = await self._store.counts()
                await self._match_lines(await self._store.channels(), tasks)
                told = False
            except (StorageError, OSError) as exc:
                if not told:
                    log.warning("channels cannot be read: %s", exc)
                told = True
            try:
                async with asyncio.timeout(REFRESH_S):
                    await self._stale.wait()
            except TimeoutError:
                pass

    async def _match_lines(self, channels: Sequence[Channel], tasks: asyncio.TaskGroup) -> None:
        wanted = {channel.id: channel for channel in channels}
        for channel_id, line in list(self._lines.items()):
            if wanted.get(channel_id) == line.channel and (line.task is None) is not line.channel.enabled:
                continue
            if line.task is not None:
                line.task.cancel()
                await asyncio.gather(line.task, return_exceptions=True)
                line.task = None
            if channel_id not in wanted:
                del self._lines[channel_id]
                self._parts.alerts.clear_system(_key(channel_id))
            else:
                line.channel, line.failures, line.next_attempt_us = wanted[channel_id], 0, None
        for channel_id, channel in wanted.items():
            line = self._lines.setdefault(channel_id, _Line(channel))
            if channel.enabled and line.task is None:
                line.task = tasks.create_task(self._work(line), name=f"notifications:{channel.name}")

    # -- one channel -----------------------------------------------------------------------------------------------

    async def _work(self, line: _Line) -> None:
        while True:
            line.wake.clear()
            try:
                sent_all = await self._send_due(line)
            except (StorageError, OSError) as exc:
                log.warning("channel %s waits for the store: %s", line.channel.name, exc)
                await self._clock.sleep(RETRY_S)
                continue
            if not sent_all:
                continue
            due_us = await self._next_due_us(line)
            rest_s = 30.0 if due_us is None else min(30.0, max(0.0, (due_us - self._clock.now_us()) / 1e6))
            if rest_s > 0:
                await self._pause(line, rest_s)

    async def _next_due_us(self, line: _Line) -> int | None:
        try:
            return await self._store.next_due_us(line.channel.id)
        except (StorageError, OSError):
            return None

    async def _pause(self, line: _Line, seconds: float) -> None:
        """Sleep, unless something new is due."""
        sleep, wake = asyncio.ensure_future(self._clock.sleep(seconds)), asyncio.ensure_future(line.wake.wait())
        try:
            await asyncio.wait((sleep, wake), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleep.cancel()
            wake.cancel()

    async def _send_due(self, line: _Line) -> bool:
        """Send what is due, oldest first; False after a failure or when the pace was reached and time was waited for."""
        notices = await self._store.due(line.channel.id, self._clock.now_us(), BATCH)
        for message in _messages(notices):
            if not await self._pace(line):
                return False  # what came meanwhile travels together
            if not await self._send(line, message):
                return False
        return len(notices) < BATCH

    async def _pace(self, line: _Line) -> bool:
        """True when a message may go out now; else waits until one may."""
        now = self._clock.monotonic()
        if len(line.sent_at) < PER_MINUTE or now - line.sent_at[0] >= 60.0:
            return True
        await self._clock.sleep(60.0 - (now - line.sent_at[0]))
        return False

    async def _send(self, line: _Line, notices: Sequence[Notice]) -> bool:
        channel, ids = line.channel, [notice.id for notice in notices]
        message_id = notices[0].message_id or uuid.uuid4().hex
        if any(notice.message_id != message_id for notice in notices):
            await self._store.stamp(ids, message_id)
        line.sent_at.append(self._clock.monotonic())
        try:
            message = self._message(channel, notices, message_id)
            await self._parts.senders[channel.kind].send(channel, await self._parts.secret(channel.id), message)
        except DeliveryFailed as exc:
            for_good = exc.permanent or _refused_for_ever(line, message_id, exc)
            await self._failed(line, ids, exc, for_good)
            return for_good or message_id in line.passed_over
        now_us = self._clock.now_us()
        await self._store.settle(ids, DeliveryState.SENT, sent_us=now_us)
        if line.failures:
            log.info("channel %s: back", channel.name)
        line.failures, line.failing_since_us, line.next_attempt_us, line.last_success_us = 0, None, None, now_us
        self._parts.alerts.clear_system(_key(channel.id))
        line.refusals.pop(message_id, None)
        line.passed_over = {other: True for other in line.passed_over if other != message_id}
        return True

    def _message(self, channel: Channel, notices: Sequence[Notice], message_id: str) -> Message:
        user = self._users.get(notices[0].user_id)
        language = (user.language if user is not None else None) or self._parts.plant().site.language
        words = self._parts.words(language)
        own = templates_of(channel, language, words.templates)
        return message_of(notices, message_id, words, self._parts.base_url, own)

    async def _failed(self, line: _Line, ids: Sequence[int], exc: DeliveryFailed, for_good: bool) -> None:
        """For good: these notices are shown as failed, the next are tried. Else the channel backs off and all wait."""
        now_us, channel = self._clock.now_us(), line.channel
        line.last_error, line.last_error_us = str(exc), now_us
        state = DeliveryState.FAILED if for_good else DeliveryState.WAITING
        await self._store.settle(ids, state, error=str(exc))
        if for_good:
            log.warning("channel %s refuses a message for good: %s", channel.name, exc)
            return
        if line.failures == 0:
            log.warning("channel %s: %s; trying again", channel.name, exc)
            line.failing_since_us = now_us
        line.failures += 1
        if now_us - (line.failing_since_us or now_us) >= DEAD_AFTER_US:
            self._parts.alerts.raise_system(_key(channel.id), Priority.MEDIUM, f"{channel.name}: {exc}")
        wait_s = max(exc.retry_after_s or 0.0, min(FIRST_BACKOFF_S * 2 ** min(line.failures - 1, 16), LONGEST_BACKOFF_S))
        line.next_attempt_us = now_us + round(wait_s * 1e6)
        await self._clock.sleep(wait_s)

    async def try_now(self, channel: Channel, secret: str | None, message: Message) -> None:
        """The test button: once, at once. Raises DeliveryFailed."""
        await self._parts.senders[channel.kind].send(channel, secret, message)

    async def prune_forever(self) -> None:
        """Delivered and discarded notices go after 90 days."""
        while True:
            try:
                await self._store.prune(self._clock.now_us() - KEEP_SENT_US)
            except (StorageError, OSError) as exc:
                log.warning("old notifications stay: %s", exc)
            await self._clock.sleep(6 * 3600.0)


def _refused_for_ever(line: _Line, message_id: str, exc: DeliveryFailed) -> bool:
    """One message must not hold up the others (P7), and a sick receiver must not cost any.

    A message that was refused three times lets the next ones pass; once one of these was taken, its next refusal is for good.
    """
    if exc.kind != "refused":
        return False
    if line.passed_over.get(message_id):
        del line.passed_over[message_id], line.refusals[message_id]
        return True
    line.refusals[message_id] = line.refusals.get(message_id, 0) + 1
    if line.refusals[message_id] >= REFUSALS_OF_A_BAD_MESSAGE:
        line.passed_over[message_id] = False
    return False


def _key(channel_id: int) -> str:
    """Key of the alert of a dead channel."""
    return f"{OWN_RULE}:{channel_id}"


def _messages(notices: Sequence[Notice]) -> list[list[Notice]]:
    """What was on its way together stays together (the same message again); the rest as grouped."""
    stamped: dict[str, list[Notice]] = {}
    for notice in notices:
        if notice.message_id:
            stamped.setdefault(notice.message_id, []).append(notice)
    fresh = [notice for notice in notices if not notice.message_id]
    return [*stamped.values(), *grouped(fresh, MOST_SINGLE)]


__all__ = ["NotificationEngine", "Parts"]
