"""One subscription for all devices of a line: monitored items, notifications, signs of life."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from asyncua import ua
from asyncua.client.client import Client

from data_collection.driver import Take
from data_collection.opcua.plan import Item, OpcUaPlan
from data_collection.opcua.quality import clock_offset_us, quality_of
from data_collection.opcua.values import microseconds
from domain.errors import LineDown
from domain.ports import Clock

log = logging.getLogger(__name__)
CHUNK: Final = 500  # items a request
LIFETIME_COUNT: Final = 300  # publishing intervals without us after which the server drops the subscription
SHORTEST_S: Final = 0.05
_UNKNOWN: Final = frozenset({
    ua.StatusCodes.BadNodeIdUnknown, ua.StatusCodes.BadNodeIdInvalid, ua.StatusCodes.BadAttributeIdInvalid,
    ua.StatusCodes.BadIndexRangeInvalid, ua.StatusCodes.BadUserAccessDenied, ua.StatusCodes.BadNotReadable,
})  # fmt: skip
_NO_SUBSCRIPTIONS: Final = frozenset({
    ua.StatusCodes.BadServiceUnsupported, ua.StatusCodes.BadTooManySubscriptions, ua.StatusCodes.BadNotSupported,
})  # fmt: skip
_FILTER: Final = frozenset({
    ua.StatusCodes.BadFilterNotAllowed, ua.StatusCodes.BadMonitoredItemFilterInvalid,
    ua.StatusCodes.BadMonitoredItemFilterUnsupported, ua.StatusCodes.BadDeadbandFilterInvalid,
})  # fmt: skip


class Refused(Exception):
    """The server makes no subscriptions: its values have to be read."""


class Subscription:
    """What one server tells of itself. `heard_s`, `heard_us`: when it last gave a sign of life (monotonic, UTC)."""

    def __init__(self, client: Client, clock: Clock, publishing_s: float, take: Take) -> None:
        self._client, self._clock, self._take = client, clock, take
        self.publishing_s = max(SHORTEST_S, publishing_s)
        self._items: list[Item] = []  # by client handle
        self.id: int | None = None
        self.heard_s, self.heard_us = clock.monotonic(), clock.now_us()
        self.offset_us = 0
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def create(self) -> None:
        """Raises Refused, and what asyncua raises when the connection is over."""
        params = ua.CreateSubscriptionParameters(
            RequestedPublishingInterval=1e3 * self.publishing_s, RequestedLifetimeCount=LIFETIME_COUNT,
            RequestedMaxKeepAliveCount=1, MaxNotificationsPerPublish=0, PublishingEnabled=True, Priority=0,
        )
        try:
            result = await self._client.uaclient.session.create_subscription(params, self._published)
        except ua.UaStatusCodeError as exc:
            if exc.code in _NO_SUBSCRIPTIONS:
                raise Refused(ua.StatusCode(exc.code).name) from exc
            raise
        self.id = result.SubscriptionId
        self.publishing_s = max(SHORTEST_S, result.RevisedPublishingInterval / 1e3)
        self.heard_s, self.heard_us = self._clock.monotonic(), self._clock.now_us()

    async def add(self, items: Sequence[Item]) -> None:
        """Monitor the items that the server has; what it refuses to monitor is left to reading."""
        wanted = [item for item in items if item.node is not None]
        for start in range(0, len(wanted), CHUNK):
            chunk = wanted[start : start + CHUNK]
            again = await self._create_items(chunk, with_filter=True)
            if again:
                await self._create_items(again, with_filter=False)

    async def _create_items(self, items: Sequence[Item], *, with_filter: bool) -> list[Item]:
        """The items to be asked for again without their filter."""
        requests = []
        for item in items:
            item.first, item.polled, item.told = True, False, None
            requests.append(_request(item, len(self._items), with_filter=with_filter))
            self._items.append(item)
        params = ua.CreateMonitoredItemsParameters(
            SubscriptionId=self.id or 0, TimestampsToReturn=ua.TimestampsToReturn.Both, ItemsToCreate=requests
        )
        results = await self._client.uaclient.session.create_monitored_items(params)
        again = []
        for item, result in zip(items, results, strict=True):
            code = result.StatusCode.value
            if result.StatusCode.is_good():
                continue
            if with_filter and code in _FILTER and requests:
                again.append(item)
            elif code in _UNKNOWN:
                item.plan.faults["refused"] += 1
                item.refused(quality_of(code), self._clock.now_us())
            else:
                log.info("%s.%s: not monitored (%s), it is read instead", item.plan.device.id, item.tag, result.StatusCode.name)
                item.polled = True
        return again

    # ---- what comes ----

    async def _published(self, result: ua.PublishResult) -> None:
        """One answer of the server, with values or as a mere sign of life."""
        message = result.NotificationMessage
        arrived_us = self._clock.now_us()
        if self.ended.done():
            return
        self.offset_us = clock_offset_us(microseconds(message.PublishTime), arrived_us)
        changed: dict[OpcUaPlan, list[str]] = {}
        for data in message.NotificationData or ():
            if isinstance(data, ua.DataChangeNotification):
                self._changes(data, arrived_us, changed)
            elif isinstance(data, ua.StatusChangeNotification):
                self.ended.set_result(data.Status.name)
                return
        self.heard_s, self.heard_us = self._clock.monotonic(), arrived_us
        for plan, tags in changed.items():
            for reading in plan.readings(tags):
                self._take(reading)

    def _changes(self, data: ua.DataChangeNotification, arrived_us: int, changed: dict[OpcUaPlan, list[str]]) -> None:
        for notified in data.MonitoredItems:
            if not 0 <= notified.ClientHandle < len(self._items):
                continue
            item = self._items[notified.ClientHandle]
            tags = changed.setdefault(item.plan, [])
            if item.tag in tags:  # several changes of one item in one message: each is a sample of its own
                for reading in item.plan.readings(tags):
                    self._take(reading)
                tags.clear()
            if item.take(notified.Value, arrived_us, self.offset_us):
                tags.append(item.tag)

    # ---- life ----

    def silent_s(self) -> float:
        """Seconds since the last sign of life."""
        return self._clock.monotonic() - self.heard_s

    async def until_over(self, timeout_s: float, lost: asyncio.Future[str]) -> str:
        """Wait until the server ended the subscription: returns why. Raises LineDown when the connection is over or silent."""
        allowed_s = 3.0 * self.publishing_s + timeout_s
        while True:
            done, _ = await asyncio.wait((self.ended, lost), timeout=allowed_s / 2, return_when=asyncio.FIRST_COMPLETED)
            if lost in done:
                raise LineDown(lost.result())
            if self.ended in done:
                return self.ended.result()
            if self.silent_s() > allowed_s:
                raise LineDown(
                    f"no sign of life for {self.silent_s():.0f} s, though the server promised one each {self.publishing_s:g} s"
                )


def _request(item: Item, handle: int, *, with_filter: bool) -> ua.MonitoredItemCreateRequest:
    params = ua.MonitoringParameters(
        ClientHandle=handle, SamplingInterval=1e3 * item.sampling_s, QueueSize=item.place.queue, DiscardOldest=True
    )
    change = _filter(item) if with_filter else None
    if change is not None:
        params.Filter = change
    return ua.MonitoredItemCreateRequest(
        ItemToMonitor=ua.ReadValueId(NodeId=item.node, AttributeId=ua.AttributeIds.Value),
        MonitoringMode=ua.MonitoringMode.Reporting, RequestedParameters=params,
    )


def _filter(item: Item) -> ua.DataChangeFilter | None:
    """A filter only where there is a dead-band: some servers refuse any."""
    place = item.place
    if place.deadband is None and place.deadband_percent is None:
        return None
    absolute = place.deadband is not None
    return ua.DataChangeFilter(
        Trigger=ua.DataChangeTrigger.StatusValue,
        DeadbandType=ua.DeadbandType.Absolute if absolute else ua.DeadbandType.Percent,
        DeadbandValue=float(place.deadband if place.deadband is not None else place.deadband_percent or 0.0),
    )




