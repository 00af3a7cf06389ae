"""Lines to an MQTT broker. The broker speaks, we listen; nothing is ever published."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC
from typing import Final

from data_collection import options
from data_collection.driver import Connect, DevicePlan, Driver, Found, ScanHit, Take, Trace
from data_collection.mqtt.mapping import Message, MqttPlan, Router, subscriptions
from data_collection.mqtt.plugin_host import Job, PluginHost, PluginValue
from data_collection.mqtt.session import client_id_of, session
from data_collection.source_time import time_us
from data_collection.workspace import Workspace
from domain.errors import ConfigError, DeviceUnreachable
from domain.plant import Device, Line
from domain.ports import Clock
from domain.profile import Group
from domain.quality import Quality
from domain.sample import Reading

log = logging.getLogger(__name__)
READ_S: Final = 5.0
LONGEST_READ_S: Final = 20.0  # a person waits
_SHOWN: Final = 60


class MqttDriver:
    """A broker. Implements data_collection.driver.Source and Surveyed.

    `last_fault`: what was wrong with a message last, for people; messages that no device can be blamed for are counted here.
    """

    def __init__(self, line: Line, clock: Clock, workspace: Workspace, subscribed: dict[str, tuple[str, ...]]) -> None:
        self.line, self._clock, self._workspace = line, clock, workspace
        self._topic = options.text(line, "topic")
        self._qos = options.whole(line, "qos", 0, 0, 2)
        self._began_s = clock.monotonic()
        self._subscribed = subscribed  # by line, what the broker was asked for while the product runs
        self._router = Router(())
        self._listening = False
        self._plugins = workspace.plugins
        self._waiters: dict[str, asyncio.Event] = {}

    @property
    def last_fault(self) -> str | None:
        fault = self._router.last_fault
        return None if fault is None else f"{fault.detail} ({self._router.faults[fault.kind]} times)"

    # ---- Driver ----

    def prepare(self, device: Device) -> MqttPlan:
        """See Driver."""
        return MqttPlan(device, self._topic)

    async def read(self, plan: DevicePlan, group: Group, trace: Trace | None = None) -> Reading:
        """The next values the device sends, waited for; with a retained message they come at once."""
        mine = _mine(plan)
        limit_s = min(max(READ_S, 2.0 * mine.device.scan_s + mine.timeout_s), LONGEST_READ_S)
        found = mine.confirmed(group, self._clock.now_us()) if self._listening else None
        if found is not None:
            return found
        try:
            async with asyncio.timeout(limit_s):
                return await self._waited(mine, group, trace)
        except TimeoutError as exc:
            fault = f"; {mine.last_fault or self.last_fault}" if mine.last_fault or self.last_fault else ""
            raise DeviceUnreachable(f"no message about {mine.device.id} within {limit_s:g} s{fault}") from exc

    async def probe(self, address: int, protocol: str) -> ScanHit | None:
        """Devices of a broker have no addresses."""
        return None

    async def survey(self, seconds: float) -> Sequence[Found]:
        """Topics under the line's own on which something was heard, with the beginning of a payload."""
        heard: dict[str, str] = {}
        async with session(self.line, self._clock, None) as opened:
            await opened.subscribe([self._topic], 0)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    async for messages in opened.messages():
                        heard |= {m.topic: m.payload[:_SHOWN].decode(errors="replace") for m in messages}
        return [Found(name, answer) for name, answer in sorted(heard.items())]

    # ---- Source ----

    async def listen(self, plans: Sequence[DevicePlan], take: Take) -> None:
        """See Source."""
        mine = [_mine(plan) for plan in plans]
        self._router = Router(mine)
        filters = subscriptions(mine)
        kept = client_id_of(self.line, self._workspace.data_dir) if self._qos else None
        async with session(self.line, self._clock, kept) as opened:
            self._began_s = self._clock.monotonic()
            old = self._subscribed.get(self.line.id, ())
            if kept is not None:
                await opened.unsubscribe([f for f in old if f not in filters])
            await opened.subscribe(filters, self._qos)
            self._subscribed[self.line.id] = filters
            self._listening = True
            try:
                async for messages in opened.messages():
                    self._take_all(messages, take)
            finally:
                self._listening = False
                self._take_all(opened.left(), take)

    async def current(self, plan: DevicePlan, group: Group) -> Reading | None:
        """A device of Sparkplug stands as its birth and data said until its death; any other is only as fresh as its messages."""
        mine = _mine(plan)
        if mine.address is not None:
            if mine.address in self._router.dead:
                raise DeviceUnreachable(f"{mine.device.id}: its death was announced")
            if mine.heard_s is not None:
                return mine.confirmed(group, self._clock.now_us())
        if mine.silent(self._clock.monotonic(), self._began_s):
            fault = f": {mine.last_fault}" if mine.last_fault else ""
            limit_s = 2 * mine.device.scan_s + mine.timeout_s
            raise DeviceUnreachable(f"{mine.device.id}: no message for {limit_s:g} s{fault}")
        return None

    # ---- messages ----

    def _take_all(self, messages: Sequence[Message], take: Take) -> None:
        now_s = self._clock.monotonic()
        for message in messages:
            readings, for_plugins = self._router.take(message, now_s)
            for reading in readings:
                take(reading)
            for plan, document in for_plugins:
                self._ask_plugin(plan, message, document, take)
            if self._waiters:
                for reading in readings:
                    self._tell(reading.device_id)

    def _ask_plugin(self, plan: MqttPlan, message: Message, document: object, take: Take) -> None:
        """Hand a message to the plug-in that reads the machine; its readings come later, or an error does."""
        if not isinstance(document, Mapping):
            plan.fault("json", f"{message.topic}: expected an object with cnc_id and payload")
            return
        name = self._plugins.chosen(plan.cnc_id) if self._plugins is not None else None
        if self._plugins is None or name is None:
            plan.fault("plugin", f"no plug-in reads {plan.cnc_id}")
            return
        stamp = document.get("timestamp")
        at_us, quality = plan.stamped(message, None) if stamp is None else plan.stamp_of(message, stamp)
        self._plugins.submit(name, Job(_fields(plan, message, document), self._answer(plan, message, at_us, quality, take)))

    def _answer(
        self, plan: MqttPlan, message: Message, at_us: int, quality: Quality, take: Take
    ) -> Callable[[Sequence[PluginValue], str | None], None]:
        def done(values: Sequence[PluginValue], error: str | None) -> None:
            if error is not None:
                plan.fault("plugin", f"{message.topic}: {error}")
            stamps = [(at_us, quality) if v.time_us is None else plan.stamped(message, v.time_us) for v in values]
            told = [(v.tag, v.value, *stamp) for v, stamp in zip(values, stamps, strict=True)]
            for reading in plan.told(message.topic, told):
                take(reading)
            self._tell(plan.device.id)

        return done

    def _tell(self, device_id: str) -> None:
        waiter = self._waiters.get(device_id)
        if waiter is not None:
            waiter.set()

    # ---- by hand ----

    async def _waited(self, plan: MqttPlan, group: Group, trace: Trace | None) -> Reading:
        """Values of one device: of the messages that are listened to anyway, else over a connection of the moment."""
        if self._listening:
            event = self._waiters.setdefault(plan.device.id, asyncio.Event())
            try:
                live = next(p for p in self._router.plans if p.device.id == plan.device.id)
                while (found := live.confirmed(group, self._clock.now_us())) is None:
                    event.clear()
                    await event.wait()
                return found
            except StopIteration:
                pass  # a draft that is not listened for
            finally:
                self._waiters.pop(plan.device.id, None)
        return await self._over_own_connection(plan, group, trace)

    async def _over_own_connection(self, plan: MqttPlan, group: Group, trace: Trace | None) -> Reading:
        looking = MqttDriver(self.line, self._clock, self._workspace, {})
        looking._router = Router([plan])
        async with session(self.line, self._clock, None) as opened:
            await opened.subscribe(plan.filters, 0)
            async for messages in opened.messages():
                if trace is not None:
                    trace.frames += [("rx", self._clock.monotonic(), m.payload[:512]) for m in messages]
                answered = asyncio.Event()
                looking._waiters = {plan.device.id: answered}
                looking._take_all(messages, lambda _: None)
                if plan.format == "plugin" and not answered.is_set():
                    await answered.wait()
                found = plan.confirmed(group, self._clock.now_us())
                if found is not None:
                    return found
        raise DeviceUnreachable(f"no message about {plan.device.id}")


def _fields(plan: MqttPlan, message: Message, document: Mapping[str, object]) -> dict[str, object]:
    """The typed message as it goes to the plug-in's process."""
    payload, program = document.get("payload"), document.get("part_program")
    stamp_us = time_us(document.get("timestamp"), plan.zone or UTC)
    return {
        "topic": message.topic, "cnc_id": plan.cnc_id, "part_program": None if program is None else str(program),
        "time_us": stamp_us, "received_us": message.received_us, "retained": message.retained,
        "payload": payload if isinstance(payload, Mapping) else {"value": payload},
    }


def _mine(plan: DevicePlan) -> MqttPlan:
    if not isinstance(plan, MqttPlan):
        raise ConfigError(f"device {plan.device.id} is not compiled for MQTT")
    return plan


def connector(workspace: Workspace) -> Connect:
    """How an MQTT line is opened. Plug-ins that do not run yet (a command by hand) run while it is open."""
    clock = workspace.clock
    subscribed: dict[str, tuple[str, ...]] = {}

    @asynccontextmanager
    async def connect(line: Line) -> AsyncIterator[Driver]:
        async with session(line, clock, None):
            pass  # the broker is there and takes our name: asked before anything else is begun
        async with _plugins(workspace, clock) as place:
            yield MqttDriver(line, clock, place, subscribed)

    return connect


@asynccontextmanager
async def _plugins(workspace: Workspace, clock: Clock) -> AsyncIterator[Workspace]:
    if workspace.plugins is not None or workspace.data_dir is None:
        yield workspace
        return
    host = PluginHost(workspace.data_dir / "plugins", clock)
    task = asyncio.create_task(host.run(), name="plugins")
    try:
        await host.ready()
        yield replace(workspace, plugins=host)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
