"""A device compiled for OPC UA: which address each point has, and what was last told of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from asyncua import ua

from data_collection.opcua.nodes import Address, address_of
from data_collection.opcua.quality import quality_of, sample_time_us
from data_collection.opcua.values import NotOne, microseconds, plain
from data_collection.picture import Picture
from domain.errors import ConfigError
from domain.places.opcua import OpcUaPlace
from domain.plant import Device
from domain.profile import Group, Point
from domain.quality import FIRST_BAD, Quality

SLOW_S: Final = 60.0


@dataclass(slots=True)
class Item:
    """One point of a device on the server. `node` None: the server does not have it. `polled`: no subscription tells it."""

    plan: OpcUaPlan
    point: Point
    place: OpcUaPlace
    address: Address
    node: ua.NodeId | None = None
    polled: bool = True
    first: bool = True  # the next value told is the one a subscription begins with
    told: float | None = None  # last raw number that was handed on, for the dead-band

    @property
    def tag(self) -> str:
        return self.point.tag

    @property
    def sampling_s(self) -> float:
        """How often the server is to look."""
        if self.place.sampling_s is not None:
            return self.place.sampling_s
        scan_s = self.plan.device.scan_s
        return scan_s if self.point.group is Group.FAST else max(scan_s, SLOW_S)

    def take(self, value: ua.DataValue, arrived_us: int, offset_us: int, *, read: bool = False) -> bool:
        """Take in what the server told; False when the dead-band swallows it. What was `read` holds now, whenever it changed."""
        quality = quality_of(0 if value.StatusCode is None else value.StatusCode.value)
        source_us = microseconds(value.SourceTimestamp) or microseconds(value.ServerTimestamp)
        time_us, doubtful = sample_time_us(source_us, arrived_us, offset_us, first=read or self.first)
        self.first = self.first and read
        if doubtful:
            self.plan.faults["clock"] += 1
            if quality is Quality.GOOD:
                quality = Quality.CLOCK
        raw: object = None
        if quality < FIRST_BAD:
            try:
                raw = plain(None if value.Value is None else value.Value.Value, self.address.index)
            except NotOne:
                self.plan.faults["decode"] += 1
                quality = Quality.DECODE_ERROR
        if not read and self._within_deadband(raw, quality):
            return False
        self.plan.take(self.tag, raw, time_us, quality)
        return True

    def refused(self, quality: Quality, arrived_us: int) -> None:
        """The server does not give this point."""
        self.plan.take(self.tag, None, arrived_us, quality)

    def _within_deadband(self, raw: object, quality: Quality) -> bool:
        """Where a server ignores the dead-band it is kept here."""
        limit = self.place.deadband
        if limit is None or quality >= FIRST_BAD or isinstance(raw, bool) or not isinstance(raw, int | float):
            self.told = None
            return False
        if self.told is not None and abs(raw - self.told) <= limit:
            return True
        self.told = float(raw)
        return False


class OpcUaPlan(Picture):
    """Implements data_collection.driver.DevicePlan."""

    def __init__(self, device: Device, timeout_s: float) -> None:
        """Raises ConfigError when a point is none of OPC UA or its node cannot be named."""
        super().__init__(device, timeout_s)
        self.items: Mapping[str, Item] = {point.tag: self._item(point) for point in device.profile.points}

    def of_group(self, group: Group) -> list[Item]:
        """Its items of one group."""
        return [item for item in self.items.values() if item.point.group is group]

    def _item(self, point: Point) -> Item:
        if not isinstance(point.where, OpcUaPlace):
            raise ConfigError(f"device {self.device.id}: {point.tag} is no OPC UA point")
        return Item(self, point, point.where, address_of(point.where, self.device))
