"""The driver of an OPC UA line: implements data_collection.driver.Source over one session."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from asyncua import ua
from asyncua.client.client import Client

from data_collection.driver import DevicePlan, Found, ScanHit, Take, Trace
from data_collection.opcua import browse
from data_collection.opcua.errors import translated
from data_collection.opcua.nodes import Address, resolve
from data_collection.opcua.plan import Item, OpcUaPlan
from data_collection.opcua.session import TIMEOUT_S, SessionOpener, close, shown_endpoint
from data_collection.opcua.subscription import Refused, Subscription
from data_collection.options import choice, number, text
from domain.browse import BrowsedNode
from domain.errors import ConfigError, DeviceRefused, DeviceUnreachable, LineDown
from domain.plant import Device, Line
from domain.ports import Clock
from domain.profile import Group
from domain.quality import Quality
from domain.sample import Reading

READ_CHUNK: Final = 500


class OpcUaDriver:
    """An open session. Subscribes where the server lets us, reads the rest at each grid point."""

    def __init__(self, line: Line, client: Client, opener: SessionOpener, clock: Clock) -> None:
        self._line, self._client, self._opener, self._clock = line, client, opener, clock
        self._url = text(line, "url")
        self._timeout_s = number(line, "timeout_s", TIMEOUT_S)
        self._subscribes = choice(line, "updates", "subscribe", ("subscribe", "poll")) == "subscribe"
        self._subscription: Subscription | None = None
        self._ready: set[OpcUaPlan] = set()  # their nodes are resolved
        self._take: Take | None = None
        self._resolving = asyncio.Lock()  # a read by hand and the beginning of the subscription may want it at once
        self._lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        client.connection_lost_callback = self._connection_lost

    async def _connection_lost(self, exc: Exception) -> None:
        if not self._lost.done():
            self._lost.set_result(f"{self._url}: connection lost: {exc or type(exc).__name__}")

    async def close(self) -> None:
        """End the session."""
        if self._subscription is not None and not self._subscription.ended.done():
            self._subscription.ended.cancel()
        self._lost.cancel()
        await close(self._client)

    # ---- Driver ----

    def prepare(self, device: Device) -> OpcUaPlan:
        """See Driver.prepare."""
        if device.profile.protocol != "opcua":
            raise ConfigError(f"line {self._line.id}: {device.profile.protocol} cannot run on an opcua line")
        return OpcUaPlan(device, self._timeout_s)

    async def read(self, plan: DevicePlan, group: Group, trace: Trace | None = None) -> Reading:
        """All points of the group, read now."""
        mine = _mine(plan)
        fresh = OpcUaPlan(mine.device, self._timeout_s)  # a read by hand does not mix with what the subscription told
        raw = await self._read_items(fresh, fresh.of_group(group), trace)
        reading = fresh.confirmed(group, self._clock.now_us())
        if reading is None:
            raise DeviceRefused(f"{self._url}: no point of {mine.device.id} can be read")
        return Reading(
            reading.device_id, reading.time_us, mine.points(group), reading.values, reading.qualities, reading.texts, raw
        )

    async def probe(self, address: int, protocol: str) -> ScanHit | None:
        """Devices of an OPC UA server have no numbers."""
        return None

    # ---- Source ----

    async def listen(self, plans: Sequence[DevicePlan], take: Take) -> None:
        """See Source.listen."""
        mine, self._take = [_mine(plan) for plan in plans], take
        with translated(self._url):
            await self._resolve(mine)
            while True:
                try:
                    over = await self._subscribed(mine, take)
                except Refused:
                    raise LineDown(await self._lost) from None
                for plan in mine:  # made anew on the same session; values in between are not vouched for
                    plan.faults["subscription"] += 1
                if over == "Good":
                    raise LineDown(f"{self._url}: the server ended the subscription")

    async def _subscribed(self, plans: Sequence[OpcUaPlan], take: Take) -> str:
        """One life of the subscription: returns why the server ended it. Raises Refused where there is none."""
        if not self._subscribes or not plans:
            raise Refused
        shortest_s = min(plan.device.scan_s for plan in plans)
        publishing_s = number(self._line, "publishing_s", min(1.0, max(0.1, shortest_s / 4)))
        subscription = Subscription(self._client, self._clock, publishing_s, take)
        await subscription.create()
        self._subscription = subscription
        try:
            await subscription.add([item for plan in plans for item in plan.items.values()])
            return await subscription.until_over(self._timeout_s, self._lost)
        finally:
            self._subscription = None
            for item in (item for plan in plans for item in plan.items.values()):
                item.polled = True

    async def current(self, plan: DevicePlan, group: Group) -> Reading | None:
        """See Source.current."""
        mine = _mine(plan)
        if self._lost.done():
            raise LineDown(self._lost.result())
        subscription = self._subscription
        if subscription is not None and subscription.silent_s() > 2.0 * mine.device.scan_s + mine.timeout_s:
            raise DeviceUnreachable(f"{self._url}: silent for {subscription.silent_s():.0f} s")
        items = mine.of_group(group)
        polled = [item for item in items if item.polled]
        if polled:
            await self._read_items(mine, polled, None)
        if len(polled) == len(items):
            return mine.confirmed(group, self._clock.now_us())
        told = mine.readings(item.tag for item in polled if mine.seen(item.tag) is not None)
        still = None if subscription is None else self._confirmed(mine, group, subscription.heard_us)
        found = [*told, *([] if still is None else [still])]
        for reading in found[:-1]:
            if self._take is not None:
                self._take(reading)
        return found[-1] if found else None

    def _confirmed(self, plan: OpcUaPlan, group: Group, heard_us: int) -> Reading | None:
        """Those points of the group that the server vouches for and that nothing was told of since.

        What a server says at one moment holds for the one before: a change is found up to one sampling later.
        """
        return plan.still(group, heard_us - round(1e6 * plan.device.scan_s))

    # ---- reading ----

    async def _resolve(self, plans: Iterable[OpcUaPlan]) -> None:
        async with self._resolving:
            new = [plan for plan in plans if plan not in self._ready]
            items = [item for plan in new for item in plan.items.values()]
            nodes = await resolve(self._client, [item.address for item in items]) if items else {}
            self._found(items, nodes)
            self._ready.update(new)

    def _found(self, items: Sequence[Item], nodes: Mapping[Address, ua.NodeId | None]) -> None:
        now_us = self._clock.now_us()
        for item in items:
            item.node = nodes[item.address]
            if item.node is None:
                item.plan.faults["refused"] += 1
                item.polled = False
                item.refused(Quality.REFUSED, now_us)

    async def _read_items(self, plan: OpcUaPlan, items: Sequence[Item], trace: Trace | None) -> dict[str, str]:
        """Read the items and take in what they show; what was raw, for a trace. Raises LineDown, DeviceUnreachable."""
        with translated(self._url):
            await self._resolve([plan])
            there = [item for item in items if item.node is not None]
            began = time.monotonic()
            raw: dict[str, str] = {}
            for start in range(0, len(there), READ_CHUNK):
                chunk = there[start : start + READ_CHUNK]
                values = await self._client.uaclient.session.read_attributes(
                    [item.node for item in chunk if item.node is not None], ua.AttributeIds.Value
                )
                arrived_us = self._clock.now_us()
                for item, value in zip(chunk, values, strict=True):
                    item.take(value, arrived_us, 0, read=True)
                    raw[item.tag] = _shown(value)
            if trace is not None:
                asked = ", ".join(str(item.node.to_string()) for item in there if item.node is not None)
                trace.frames.append(("tx", began, f"Read {asked}".encode()))
                trace.frames.append(("rx", time.monotonic(), "; ".join(raw.values()).encode()))
        return raw

    # ---- looking around ----

    async def survey(self, seconds: float) -> Sequence[Found]:
        """The server's endpoints and namespaces, and what lies directly below Objects."""
        with translated(self._url):
            async with asyncio.timeout(max(1.0, seconds)):
                endpoints = await self._client.get_endpoints()
                namespaces = await self._client.get_namespace_array()
                objects = await browse.children(self._client, None)
        return [
            *(Found(endpoint.EndpointUrl, shown_endpoint(endpoint)) for endpoint in endpoints),
            *(Found(f"ns={index}", uri) for index, uri in enumerate(namespaces)),
            *(Found(node.node, node.name) for node in objects),
        ]

    async def browse(self, parent: str | None) -> Sequence[BrowsedNode]:
        """What lies below a node of the server. Raises LineDown, DeviceUnreachable, DeviceRefused."""
        try:
            async with asyncio.timeout(3 * self._timeout_s):
                return await browse.children(self._client, parent)
        except ua.UaStatusCodeError as exc:
            if exc.code in (ua.StatusCodes.BadNodeIdUnknown, ua.StatusCodes.BadNodeIdInvalid):
                raise DeviceRefused(f"{self._url}: there is no node {parent}") from exc
            with translated(self._url):
                raise
        except Exception as exc:
            with translated(self._url):
                raise exc


def _mine(plan: DevicePlan) -> OpcUaPlan:
    if not isinstance(plan, OpcUaPlan):
        raise ConfigError(f"device {plan.device.id} was not prepared for OPC UA")
    return plan


def _shown(value: ua.DataValue) -> str:
    """A value and its status for the electrician."""
    if value.StatusCode is not None and not value.StatusCode.is_good():
        return str(value.StatusCode.name)
    if value.Value is None:
        return ""
    return f"{value.Value.VariantType.name} {value.Value.Value!r}"[:200]
