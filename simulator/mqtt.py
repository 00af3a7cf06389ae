"""Publishes what the MQTT devices of a plant show: to the broker at the line's address, else as a small broker there."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Final

from domain.errors import ConfigError
from domain.places.mqtt import MqttPlace
from domain.plant import Line
from simulator import sparkplug
from simulator.control_words import Wire, wire_values
from simulator.devices import SimulatedDevice
from simulator.mqtt_broker import Broker
from simulator.serve import Simulation, cannot_serve

log = logging.getLogger(__name__)
Publish = Callable[[str, bytes], None]
INTERVAL_S: Final = 1.0
_STEP: Final = re.compile(r'\.?([^.\[\]"]+)|\[(-?\d+)\]|\["([^"]*)"\]')
_PLACEHOLDER: Final = re.compile(r"\{([a-z][a-z0-9_]*)\}")


@asynccontextmanager
async def serve(simulation: Simulation, lines: Sequence[Line], free_ports: bool) -> AsyncIterator[Mapping[str, Line]]:
    """See simulator.transports.Serve. Raises ConfigError."""
    taken: dict[str, Line] = {}
    async with AsyncExitStack() as stack:
        for line in lines:
            host, port = str(line.options.get("host", "127.0.0.1")), line.options.get("port", 1883)
            target = ("127.0.0.1", 0) if free_ports else (host, port if isinstance(port, int) else 1883)
            broker: Broker | None = None
            if not free_ports and await _listens(*target):
                publish = await stack.enter_async_context(_to_broker(line))
                log.info("line %s: publishing to the broker at %s:%d", line.id, *target)
            else:
                user = line.options.get("user")
                broker = Broker(str(user) if user else None, line.password)
                try:
                    await broker.start(*target)
                except OSError as exc:
                    raise ConfigError(cannot_serve(line.id, f"{target[0]}:{target[1]}", exc)) from exc
                stack.push_async_callback(broker.stop)
                target, publish = (broker.host, broker.port), _to_own(broker)
            talkers = [Talker(d, line, publish) for d in simulation.devices.values() if d.device.line == line.id]
            if broker is not None:
                broker.subscribed = partial(_reborn, talkers)
            task = asyncio.create_task(_talk(simulation, talkers), name=f"simulator:mqtt:{line.id}")
            stack.push_async_callback(_ended, task)
            taken[line.id] = replace(line, options={**line.options, "host": target[0], "port": target[1]})
        yield taken


async def _talk(simulation: Simulation, talkers: Sequence[Talker]) -> None:
    while True:
        for talker in talkers:
            if not simulation.silent(talker.device.device.id) and talker.device.faults.peek("silence") is None:
                talker.talk(simulation.clock.now_us())
        await asyncio.sleep(INTERVAL_S)


def _reborn(talkers: Sequence[Talker]) -> None:
    """Somebody new listens: births are sent again, as edge nodes do when they are asked to."""
    for talker in talkers:
        talker.sequence = -1


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@dataclass
class Talker:
    """One machine that sends."""

    device: SimulatedDevice
    line: Line
    publish: Publish
    sequence: int = field(default=-1, init=False)

    def talk(self, now_us: int) -> None:
        """Send everything it shows."""
        device = self.device.device
        values = wire_values(device, self.device.values())
        settings = {"device": device.id, **device.profile.parameters, **device.options}
        form = settings.get("payload") or "json"
        if form == "sparkplug":
            self._sparkplug(str(settings.get("sparkplug", "")), values, now_us)
            return
        groups: dict[str, dict[str, Wire]] = {}
        base = str(settings.get("topic") or self.line.options.get("topic") or "#")
        for point in device.profile.points:
            place = point.where
            if isinstance(place, MqttPlace):
                groups.setdefault(_topic(place.topic or base, settings), {})[point.tag] = values[point.tag]
        for topic, told in groups.items():
            if form == "text":
                for value in told.values():
                    self.publish(topic, str(value).encode())
            else:
                self.publish(topic, json.dumps(self._document(told, settings, now_us), ensure_ascii=False).encode())

    def _document(self, told: Mapping[str, Wire], settings: Mapping[str, object], now_us: int) -> object:
        document: dict[str, object] = {}
        for name, value in (("id_path", settings.get("cnc_id")), ("time_path", _iso(now_us))):
            if settings.get(name) and value:
                _put(document, str(settings[name]), value)
        if settings.get("payload") == "plugin":
            document |= {"part_program": told.get("program"), "timestamp": _iso(now_us), "payload": _for_plugins(told)}
            return document
        for tag, value in told.items():
            place = self.device.device.profile.point(tag).where
            if isinstance(place, MqttPlace):
                _put(document, place.path, value)
                if place.time:
                    _put(document, place.time, _iso(now_us))
        return document

    def _sparkplug(self, address: str, values: Mapping[str, Wire], now_us: int) -> None:
        group, node, name = (*address.split("/"), "", "")[:3]
        points = self.device.device.profile.points
        metrics = {(p.where.metric if isinstance(p.where, MqttPlace) else None) or p.tag: values[p.tag] for p in points}
        aliases = {metric: number for number, metric in enumerate(metrics, 1)}
        kind = "D" if name else "N"
        topic = f"spBv1.0/{group}/{{}}/{node}" + (f"/{name}" if name else "")
        born = self.sequence < 0 or self.sequence % 10 == 0  # again and again: who listens later learns the aliases too
        if born:
            self.sequence = 0
            self.publish(
                f"spBv1.0/{group}/NBIRTH/{node}", sparkplug.payload({"bdSeq": 0}, now_us, 0, None, birth=True)
            )
        self.sequence += 1
        told = sparkplug.payload(metrics, now_us, self.sequence % 256, aliases, birth=born)
        self.publish(topic.format(f"{kind}{'BIRTH' if born else 'DATA'}"), told)


def _for_plugins(told: Mapping[str, Wire]) -> dict[str, object]:
    """The values by tag, and in the form that the worked examples of plug-ins read."""
    feed = told.get("feed_rate")
    return {
        **told, "drives": [{"name": "S1", "load_pct": told.get("spindle_load")}],
        "feed_m_min": feed / 1000 if isinstance(feed, int | float) else None,
        "cycle_on": told.get("execution_state") == "ACTIVE", "alarm_active": told.get("execution_state") == "ALARM",
    }


def _put(document: dict[str, object], path: str, value: object) -> None:
    """Set a value at a path; lists are filled up to its index."""
    steps: list[str | int] = []
    for match in _STEP.finditer(path.removeprefix("$").lstrip(".")):
        steps.append(int(match[2]) if match[2] is not None else match[1] if match[1] is not None else match[3])
    at: object = document
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        fresh: object = value if following is None else [] if isinstance(following, int) else {}
        if isinstance(at, list) and isinstance(step, int):
            at.extend([None] * (abs(step) + 1 - len(at)))
            if at[step] is None or following is None:
                at[step] = fresh
            at = at[step]
        elif isinstance(at, dict):
            at = at.setdefault(step, fresh) if following is not None else at.update({step: fresh})


def _topic(pattern: str, settings: Mapping[str, object]) -> str:
    """A topic that falls under a filter."""
    name = str(settings.get("cnc_id") or settings["device"])
    filled = _PLACEHOLDER.sub(lambda match: str(settings.get(match[1], name)), pattern)
    return filled.replace("+", name).replace("#", name)


def _iso(now_us: int) -> str:
    return datetime.fromtimestamp(now_us / 1e6, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def _listens(host: str, port: int) -> bool:
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(2.0):
            _, writer = await asyncio.open_connection(host, port)
        writer.close()
        return True
    return False


def _to_own(broker: Broker) -> Publish:
    def publish(topic: str, payload: bytes) -> None:
        broker.publish(topic, payload)

    return publish


@asynccontextmanager
async def _to_broker(line: Line) -> AsyncIterator[Publish]:
    """Publish to a broker that stands, connected anew whenever it went away; what cannot be sent meanwhile is dropped."""
    import aiomqtt  # noqa: PLC0415 (only where there is a broker)

    waiting: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue(1000)
    user = line.options.get("user")

    async def run() -> None:
        while True:
            with contextlib.suppress(aiomqtt.MqttError):
                async with aiomqtt.Client(
                    str(line.options["host"]), int(str(line.options.get("port", 1883))), username=str(user) if user else None,
                    password=line.password,
                ) as client:
                    while True:
                        topic, payload = await waiting.get()
                        await client.publish(topic, payload, qos=1)
            await asyncio.sleep(1.0)

    def publish(topic: str, payload: bytes) -> None:
        with contextlib.suppress(asyncio.QueueFull):
            waiting.put_nowait((topic, payload))

    task = asyncio.create_task(run(), name=f"simulator:mqtt:{line.id}:broker")
    try:
        yield publish
    finally:
        await _ended(task)
