"""A device's profile compiled to the fewest reads within the negotiated PDU. Pure."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import Final

from data_collection.driver import Cost
from data_collection.options import number_option
from data_collection.placeholders import filled
from data_collection.reads import Reads
from data_collection.s7.block import ANSWER_BYTES, Block, Located, merged, packets, split
from data_collection.values import PointValue
from domain.errors import ConfigError
from domain.places.s7 import S7Place, parsed_address
from domain.plant import Device
from domain.profile import Group, Point

DEFAULT_TIMEOUT_S: Final = 2.0
MAX_GAP: Final = 48  # bytes: reading them along costs less than another item


class GroupPlan(Reads[Block]):
    """The reads of one group, packed. `points` is the one tuple that every reading of the group carries."""

    def __init__(self, located: Sequence[Located], pdu: int) -> None:
        super().__init__(merged(located, pdu - ANSWER_BYTES, MAX_GAP), split)
        self._pdu = pdu
        self.packets = packets(self.blocks, pdu)
        self.points = tuple(p.tag for block in self.blocks for p in block.numbers)

    def renew(self, now_s: float) -> bool:
        """See Reads."""
        if not super().renew(now_s):
            return False
        self.packets = packets(self.blocks, self._pdu)
        return True

    def refused(self, block: Block, now_s: float) -> Sequence[Block]:
        """See Reads."""
        if parts := super().refused(block, now_s):
            self.packets = packets(self.blocks, self._pdu)
        return parts


class Plan:
    """Implements data_collection.driver.DevicePlan for S7.

    `faults`: what its driver survived, by kind; `refusals`: why points of a group are bad, in plain words.
    """

    def __init__(self, device: Device, timeout_s: float, pdu: int) -> None:
        """`pdu`: bytes that were negotiated. Raises ConfigError."""
        if device.profile.protocol != "s7":
            raise ConfigError(f"device {device.id}: profile {device.profile.name} speaks {device.profile.protocol}, not S7")
        self.device = device
        self.timeout_s = number_option(device, "timeout_s", device.profile.quirks.timeout_s or timeout_s)
        self.faults: Counter[str] = Counter()
        self.refusals: dict[Group, str] = {}
        located = [locate(device, point) for point in device.profile.points]
        self.groups = {
            group: GroupPlan([p for p in located if p.value.point.group is group], pdu) for group in Group
        }

    @property
    def last_fault(self) -> str | None:
        """See DevicePlan."""
        return next(iter(self.refusals.values()), None)

    def points(self, group: Group) -> tuple[str, ...]:
        """See DevicePlan."""
        return self.groups[group].points

    def cost(self, group: Group) -> Cost:
        """See DevicePlan."""
        compiled = self.groups[group]
        return Cost(len(compiled.packets), sum(26 + 16 + block.size for block in compiled.blocks), 0.0)


def locate(device: Device, point: Point) -> Located:
    """Where a point lies, its profile's placeholders filled in. Raises ConfigError that names device and point."""
    place = point.where
    if not isinstance(place, S7Place):
        raise ConfigError(f"device {device.id}: point {point.tag} of profile {device.profile.name} has no S7 place")
    written = filled(place.address, device)
    address = parsed_address(written)
    if address is None:
        raise ConfigError(f"device {device.id}: point {point.tag}: {written!r} is no S7 address")
    return Located(dataclasses.replace(place, address=written), address, PointValue(point))
