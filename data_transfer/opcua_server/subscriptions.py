"""Subscriptions to the plant's variables. What the library does for each item of each client is done here once for all of them.

Items on nodes of OPC UA's own namespace stay with the library.
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.server.internal_subscription import InternalSubscription
from asyncua.server.monitored_item_service import MonitoredItemService
from asyncua.server.subscription_service import SubscriptionService
from asyncua.ua.ua_binary import struct_to_binary

from data_transfer.opcua_server.names import OWN
from data_transfer.opcua_server.slots import Slot
from data_transfer.opcua_server.space import Space

if TYPE_CHECKING:
    from asyncua.server.address_space import AddressSpace
    from asyncua.server.internal_server import InternalServer

log = logging.getLogger(__name__)

_NOTIFICATION: Final = ua.FourByteNodeId(ua.ObjectIds.DataChangeNotification_Encoding_DefaultBinary)
_NO_DIAGNOSTICS: Final = struct.pack("<i", -1)
QUICKEST_MS: Final = 250.0  # values come once a second
SLOWEST_MS: Final = 3_600_000.0
LONGEST_LIFE_MS: Final = 600_000.0
LONGEST_QUEUE: Final = 100
MOST_STANDARD_ITEMS: Final = 100  # of a subscription, on nodes of OPC UA's own namespace: each costs a hundred of ours
LONGEST_STANDARD_QUEUE: Final = 10
LARGEST_STANDARD_VALUE: Final = 4096  # bytes; its type dictionaries have hundreds of thousands
MOST_UNACKNOWLEDGED: Final = 2 * 1024 * 1024  # bytes kept of a subscription to be sent once more
_DEADBAND_NONE, _DEADBAND_ABSOLUTE, _DEADBAND_PERCENT = 0, 1, 2


class Items:
    """How many are watched, and how many may be. `refused` counts by kind."""

    def __init__(self, per_client: int, total: int, refused: Callable[[str], None]) -> None:
        self.per_client, self.total, self.refused = per_client, total, refused
        self.of_session: dict[ua.NodeId, int] = {}
        self.held = 0

    def take(self, session: ua.NodeId) -> bool:
        """One more, unless there are too many."""
        held = self.of_session.get(session, 0)
        if held >= self.per_client or self.held >= self.total:
            self.refused("items")
            return False
        self.of_session[session] = held + 1
        self.held += 1
        return True

    def give(self, session: ua.NodeId, count: int = 1) -> None:
        """Back."""
        left = self.of_session.get(session, 0) - count
        self.held -= count
        if left > 0:
            self.of_session[session] = left
        else:
            self.of_session.pop(session, None)


class Item:
    """One monitored variable of one subscription."""

    __slots__ = ("deadband", "handle", "last", "mode", "queue", "ready", "size", "slot", "status", "trigger")

    def __init__(
        self, slot: Slot | None, ready: dict[Item, None], request: ua.MonitoringParameters, mode: ua.MonitoringMode
    ) -> None:
        self.slot, self.ready, self.mode = slot, ready, mode
        self.queue: list[bytes] = []
        self.last: float | None = None
        self.status = 0
        self.trigger, self.deadband = ua.DataChangeTrigger.StatusValue, 0.0
        self.handle, self.size = b"", 1
        self.change(request)

    def change(self, request: ua.MonitoringParameters) -> None:
        """Take over what the client wants. Raises ServiceError for a filter that is none for values."""
        wanted = request.Filter
        if isinstance(wanted, ua.ExtensionObject) and wanted.TypeId.is_null():
            wanted = None
        if wanted is not None and type(wanted).__name__ != "DataChangeFilter":  # the library has two classes of that name
            raise ServiceError(ua.StatusCodes.BadMonitoredItemFilterUnsupported)
        self.handle = struct.pack("<I", request.ClientHandle)
        self.size = max(1, min(int(request.QueueSize), LONGEST_QUEUE))
        self.trigger, self.deadband = ua.DataChangeTrigger.StatusValue, 0.0
        if wanted is not None:
            self.trigger = ua.DataChangeTrigger(wanted.Trigger)
            if wanted.DeadbandType == _DEADBAND_ABSOLUTE:
                self.deadband = float(wanted.DeadbandValue)
            elif wanted.DeadbandType == _DEADBAND_PERCENT:
                if self.slot is None or self.slot.span is None or not 0 <= wanted.DeadbandValue <= 100:
                    raise ServiceError(ua.StatusCodes.BadDeadbandFilterInvalid)
                self.deadband = self.slot.span * float(wanted.DeadbandValue) / 100
            elif wanted.DeadbandType != _DEADBAND_NONE:
                raise ServiceError(ua.StatusCodes.BadDeadbandFilterInvalid)

    def begin(self) -> None:
        """Be told from now on, of the present value first."""
        if self.slot is None or self.mode is not ua.MonitoringMode.Reporting:
            return
        self.put(self.slot.encoded(), self.slot)
        told = self.slot.every if self.trigger is ua.DataChangeTrigger.StatusValueTimestamp else self.slot.changed
        plain = self.trigger is not ua.DataChangeTrigger.Status and not self.deadband
        told[self] = self.put if plain else self._put_if_wanted
        self.last, self.status = (self.slot.value if isinstance(self.slot.value, float) else None), self.slot.status

    def end(self) -> None:
        """Be told no more."""
        if self.slot is not None:
            self.slot.changed.pop(self, None)
            self.slot.every.pop(self, None)
        self.queue.clear()
        self.ready.pop(self, None)

    def put(self, encoded: bytes, _slot: Slot | None = None) -> None:
        """A value to be sent; the oldest goes where there is no room."""
        queue = self.queue
        if not queue:
            self.ready[self] = None
        elif len(queue) >= self.size:
            del queue[0]
        queue.append(encoded)

    def _put_if_wanted(self, encoded: bytes, slot: Slot) -> None:
        value = slot.value if isinstance(slot.value, float) else None
        if slot.status == self.status:
            if self.trigger is ua.DataChangeTrigger.Status:
                return
            if value is not None and self.last is not None and abs(value - self.last) <= self.deadband:
                return
        self.last, self.status = value, slot.status
        self.put(encoded)


class Service(MonitoredItemService):  # type: ignore[misc]  # the library has no types
    """Monitored items of one subscription."""

    def __init__(self, owner: Subscription, address_space: AddressSpace, space: Space, items: Items) -> None:
        super().__init__(owner, address_space)
        self._space, self._items, self._session = space, items, owner.session_id
        self._address_space = address_space
        self.own: dict[int, Item] = {}
        self.ready: dict[Item, None] = {}
        self._events = 0

    async def create_monitored_items(self, params: ua.CreateMonitoredItemsParameters) -> list[ua.MonitoredItemCreateResult]:
        """Those of the plant here, others by the library."""
        results = []
        for request in params.ItemsToCreate:
            if not self._items.take(self._session):
                results.append(_refused(ua.StatusCodes.BadTooManyMonitoredItems))
                continue
            try:
                result = await self._create(request)
            except ServiceError as exc:
                result = _refused(exc.code)
            if not result.StatusCode.is_good():
                self._items.give(self._session)
            results.append(result)
        return results

    async def _create(self, request: ua.MonitoredItemCreateRequest) -> ua.MonitoredItemCreateResult:
        what = request.ItemToMonitor
        if what.NodeId.NamespaceIndex != OWN:
            return await self._create_standard(request)
        found = self._address_space.read_attribute_value(what.NodeId, what.AttributeId)
        if found.StatusCode.value in _NOT_THERE:
            return _refused(found.StatusCode.value)
        slot = self._space.slot(what.NodeId) if what.AttributeId == ua.AttributeIds.Value else None
        item = Item(slot, self.ready, request.RequestedParameters, request.MonitoringMode)
        if slot is None and item.mode is ua.MonitoringMode.Reporting:
            item.put(struct_to_binary(found))  # what never changes is told once
        item.begin()
        self._monitored_item_counter += 1
        self.own[self._monitored_item_counter] = item
        return ua.MonitoredItemCreateResult(
            StatusCode=ua.StatusCode(), MonitoredItemId=self._monitored_item_counter,
            RevisedSamplingInterval=max(float(request.RequestedParameters.SamplingInterval), QUICKEST_MS),
            RevisedQueueSize=item.size,
        )  # fmt: skip

    async def _create_standard(self, request: ua.MonitoredItemCreateRequest) -> ua.MonitoredItemCreateResult:
        """By the library, which would let values wait without end for whoever asks for a queue of 0."""
        what = request.ItemToMonitor
        found = self._address_space.read_attribute_value(what.NodeId, what.AttributeId)
        value = found.Value.Value if found.Value is not None else None
        large = isinstance(value, str | bytes) and len(value) > LARGEST_STANDARD_VALUE
        if large or len(self._monitored_items) >= MOST_STANDARD_ITEMS:
            self._items.refused("items")
            return _refused(ua.StatusCodes.BadTooManyMonitoredItems)
        _bound(request.RequestedParameters)
        (result,) = await super().create_monitored_items(ua.CreateMonitoredItemsParameters(ItemsToCreate=[request]))
        return result

    def _modify_monitored_item(self, params: ua.MonitoredItemModifyRequest) -> ua.MonitoredItemModifyResult:
        item = self.own.get(params.MonitoredItemId)
        if item is None:
            _bound(params.RequestedParameters)
            if params.MonitoredItemId not in self._monitored_items:
                return ua.MonitoredItemModifyResult(StatusCode=ua.StatusCode(ua.StatusCodes.BadMonitoredItemIdInvalid))
            return super()._modify_monitored_item(params)
        try:
            item.change(params.RequestedParameters)
        except ServiceError as exc:
            return ua.MonitoredItemModifyResult(StatusCode=ua.StatusCode(ua.UInt32(exc.code)))
        item.end()
        item.begin()
        return ua.MonitoredItemModifyResult(
            StatusCode=ua.StatusCode(), RevisedQueueSize=item.size,
            RevisedSamplingInterval=max(float(params.RequestedParameters.SamplingInterval), QUICKEST_MS),
        )  # fmt: skip

    async def _set_monitoring_mode(self, mode: ua.MonitoringMode, mid: int) -> ua.StatusCode:
        item = self.own.get(mid)
        if item is None:
            return await super()._set_monitoring_mode(mode, mid)
        if item.mode != mode:
            item.mode = mode
            item.end()
            item.begin()
        return ua.StatusCode()

    def _delete_monitored_items(self, mid: int) -> ua.StatusCode:
        item = self.own.pop(mid, None)
        if item is None:
            status = super()._delete_monitored_items(mid)
            if status.is_good():
                self._items.give(self._session)
            return status
        item.end()
        self._items.give(self._session)
        return ua.StatusCode()

    def delete_all_monitored_items(self) -> None:
        """At its end."""
        for item in self.own.values():
            item.end()
        self._items.give(self._session, len(self.own))
        self.own.clear()
        super().delete_all_monitored_items()

    def body(self) -> bytes | None:
        """Of the notification with all that waits, encoded; None when nothing does."""
        if not self.ready:
            return None
        parts = [b""]
        count = 0
        for item in self.ready:
            handle = item.handle
            for encoded in item.queue:
                parts.append(handle)
                parts.append(encoded)
            count += len(item.queue)
            item.queue.clear()
        self.ready.clear()
        parts[0] = struct.pack("<i", count)
        parts.append(_NO_DIAGNOSTICS)
        return b"".join(parts)


_NOT_THERE: Final = (ua.StatusCodes.BadNodeIdUnknown, ua.StatusCodes.BadAttributeIdInvalid)


def _bound(wanted: ua.MonitoringParameters) -> None:
    wanted.QueueSize = max(1, min(int(wanted.QueueSize), LONGEST_STANDARD_QUEUE))


def _refused(code: int) -> ua.MonitoredItemCreateResult:
    return ua.MonitoredItemCreateResult(StatusCode=ua.StatusCode(ua.UInt32(code)))


class Subscription(InternalSubscription):  # type: ignore[misc]  # the library has no types
    """The library's, with our items."""

    def __init__(
        self, space: Space, items: Items, result: ua.CreateSubscriptionResult, address_space: AddressSpace, *args: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(result, address_space, *args, **kwargs)
        self.service = Service(self, address_space, space, items)
        self.monitored_item_srv: Service = self.service

    def has_published_results(self) -> bool:
        """Is there anything to say, a sign of life included?"""
        return bool(self._publishing_enabled and self.service.ready) or bool(super().has_published_results())

    def _pop_publish_result(self) -> ua.PublishResult:
        """What was not acknowledged is kept to be sent once more, the newest in any case, no more than so many bytes."""
        result = super()._pop_publish_result()
        kept = self._not_acknowledged_results
        size = sum(_bytes(one) for one in kept.values())
        while size > MOST_UNACKNOWLEDGED and len(kept) > 1:
            size -= _bytes(kept.pop(next(iter(kept))))
        result.AvailableSequenceNumbers = list(kept)
        return result

    def _pop_triggered_datachanges(self, result: ua.PublishResult) -> None:
        super()._pop_triggered_datachanges(result)
        body = self.service.body()
        if body is not None:
            result.NotificationMessage.NotificationData.append(ua.ExtensionObject(TypeId=_NOTIFICATION, Body=body))


def _bytes(result: ua.PublishResult) -> int:
    """Of our own values."""
    parts = result.NotificationMessage.NotificationData
    return sum(len(one.Body) for one in parts if isinstance(one, ua.ExtensionObject) and one.Body)


class Subscriptions(SubscriptionService):  # type: ignore[misc]  # the library has no types
    """All of a server, within its limits."""

    def __init__(self, address_space: AddressSpace, server: InternalServer, space: Space, items: Items, most: int) -> None:
        super().__init__(address_space, server)
        self._space, self.items, self._most = space, items, most
        self._address_space = address_space

    async def create_subscription(
        self, params: ua.CreateSubscriptionParameters, callback: Any, session_id: ua.NodeId, request_callback: Any = None
    ) -> ua.CreateSubscriptionResult:
        """Raises ServiceError when there are too many."""
        if request_callback is not None and len(self.subscriptions) >= self._most:
            self.items.refused("subscriptions")
            raise ServiceError(ua.StatusCodes.BadTooManySubscriptions)
        self._sub_id_counter += 1
        number = self._sub_id_counter
        interval = min(max(float(params.RequestedPublishingInterval or 0), QUICKEST_MS), SLOWEST_MS)
        alive = max(1, min(int(params.RequestedMaxKeepAliveCount) or 10, max(1, int(LONGEST_LIFE_MS / interval / 3))))
        life = max(3 * alive, min(int(params.RequestedLifetimeCount) or 30, max(3, int(LONGEST_LIFE_MS / interval))))
        result = ua.CreateSubscriptionResult(
            SubscriptionId=number, RevisedPublishingInterval=interval, RevisedLifetimeCount=life, RevisedMaxKeepAliveCount=alive
        )
        subscription = Subscription(
            self._space, self.items, result, self._address_space, callback, session_id, request_callback=request_callback,
            delete_callback=lambda: self.subscriptions.pop(number, None), no_acks_limit=10, max_queue_size=LONGEST_QUEUE,
            publishing_enabled=params.PublishingEnabled,
        )  # fmt: skip
        await subscription.start()
        self.subscriptions[number] = subscription
        return result

    def of_session(self, session_id: ua.NodeId) -> list[Subscription]:
        """A client's."""
        return [s for s in self.subscriptions.values() if s.session_id == session_id and isinstance(s, Subscription)]
