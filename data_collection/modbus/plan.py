"""A device's profile compiled to the fewest Modbus reads that cover each group. Pure: no I/O, no clock.

Points are put in order of table and address; neighbours go into one block while the gap and the block stay within what the
device type tolerates. A device that refuses a block teaches its plan: see `Plan.refused`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from data_collection.driver import Cost
from data_collection.modbus.block import FUNCTION, Block, Located, locate
from data_collection.options import number_option
from data_collection.reads import Reads
from data_collection.remembered import PlanMemory
from data_collection.runs import smaller_runs
from domain.errors import ConfigError
from domain.plant import Device
from domain.profile import Group, ModbusPoint

DEFAULT_TIMEOUT_S: Final = 1.0
_REQUEST_BYTES: Final = 8  # unit, function, address, count, CRC
_REPLY_BYTES: Final = 5  # unit, function, byte count, CRC


class GroupPlan(Reads[Block]):
    """The reads of one group. `points` is the one tuple that every reading of the group carries."""

    __slots__ = ("points",)

    def __init__(self, blocks: Sequence[Block]) -> None:
        super().__init__(blocks, split_block)
        self.points: tuple[str, ...] = tuple(name for block in blocks for name in block.names)


class Plan:
    """Implements data_collection.driver.DevicePlan for Modbus.

    `faults` counts by kind what went wrong on the wire and was survived (replies that did not match, refused blocks).
    """

    __slots__ = ("_device", "connect_delay_s", "faults", "groups", "pause_s", "timeout_s", "unit")

    def __init__(self, device: Device, timeout_s: float = DEFAULT_TIMEOUT_S) -> None:
        profile = device.profile
        if profile.protocol != "modbus":
            raise ConfigError(f"device {device.id}: profile {profile.name} speaks {profile.protocol}, not Modbus")
        if device.address is None or not 0 <= device.address <= 255:
            raise ConfigError(f"device {device.id}: a Modbus address (0 to 255) is needed, not {device.address!r}")
        self._device = device
        self.unit = device.address
        self.timeout_s = number_option(device, "timeout_s", profile.quirks.timeout_s or timeout_s)
        self.pause_s = profile.quirks.pause_between_reads_s
        self.connect_delay_s = profile.quirks.connect_delay_s
        self.faults: Counter[str] = Counter()
        located = _locate_all(device)
        quirks = profile.quirks
        self.groups = {
            group: GroupPlan(
                build_blocks(
                    [p for p in located if p.point.group is group],
                    max_registers=min(125, max(1, quirks.max_registers)),
                    max_bits=min(2000, max(1, quirks.max_bits)),
                    max_gap=max(0, quirks.max_gap),
                )
            )
            for group in Group
        }

    @property
    def device(self) -> Device:
        return self._device

    def points(self, group: Group) -> tuple[str, ...]:
        return self.groups[group].points

    def cost(self, group: Group) -> Cost:
        """RTU figures: request and reply with CRC; the line adds baud, latency and its silence."""
        blocks = self.groups[group].blocks
        size = sum(_REQUEST_BYTES + _REPLY_BYTES + b.request.reply_bytes for b in blocks)
        return Cost(len(blocks), size, self.pause_s)

    def has(self, group: Group) -> bool:
        """Does the profile have any point (also text) in that group?"""
        return bool(self.groups[group].blocks)

    def refused(self, group: Group, block: Block, now_s: float) -> Sequence[Block]:
        """The device refused `block`: what to read in its place from now on; empty when it is one point that cannot be split.

        Split at gaps first (an address in between may not exist), then in halves, so that one missing point leaves its
        neighbours in large reads. A single refused point rests until `now_s` + ASK_AGAIN_S.
        """
        self.faults["refused"] += 1
        return self.groups[group].refused(block, now_s)


class Plans(PlanMemory[Plan]):
    """Those of one line."""

    def of(self, device: Device, timeout_s: float) -> Plan:
        """Raises ConfigError."""
        return self.plan(device, timeout_s, lambda: Plan(device, timeout_s))

    def neighbours(self, plan: Plan) -> bool:
        """Are there other devices at the same address?"""
        return any(other is not plan and other.unit == plan.unit for other in self.plans())


def _locate_all(device: Device) -> list[Located]:
    ct, vt = number_option(device, "ct_ratio", 1.0), number_option(device, "vt_ratio", 1.0)
    found = []
    for point in device.profile.points:
        where = point.where
        if not isinstance(where, ModbusPoint) or where.table not in FUNCTION:
            raise ConfigError(f"device {device.id}: point {point.tag} of profile {device.profile.name} has no Modbus place")
        located = locate(point, where, ct, vt)
        if where.address < 0 or located.end > 65536:
            raise ConfigError(f"device {device.id}: point {point.tag} lies outside the addresses 0 to 65535")
        found.append(located)
    return sorted(found, key=lambda p: (FUNCTION[p.where.table], p.start, p.end))


def build_blocks(located: Sequence[Located], *, max_registers: int, max_bits: int, max_gap: int) -> list[Block]:
    """Merge points (in order of table and address) into reads. `max_gap`: unused registers (bits: 16 each) read along."""
    blocks: list[Block] = []
    run: list[Located] = []
    start = end = 0

    def close() -> None:
        nonlocal run
        if run:
            blocks.append(Block(run, sum(len(b.names) for b in blocks)))
        run = []

    for p in located:
        limit, gap = (max_bits, 16 * max_gap) if p.is_bits else (max_registers, max_gap)
        fits = bool(run) and run[0].where.table == p.where.table and p.start - end <= gap and max(end, p.end) - start <= limit
        if not fits:
            close()
            start, end = p.start, p.end
        run.append(p)
        end = max(end, p.end)
    close()
    return blocks


def split_block(block: Block) -> list[Block]:
    """Smaller reads for the same points in the same order; empty where it is one piece."""
    parts: list[Block] = []
    at = block.start
    for run in smaller_runs(block.located):
        parts.append(Block(run, at))
        at += len(parts[-1].names)
    return parts
