"""Devices that are views of one unit: a long read serves all of them that lie in it. Pure, but for what it remembers.

A controller that gathers meters answers for many devices at one address. Polled one after the other, they need fewer and longer
reads together than each alone. Who is polled regularly with the same interval shares; each gets a piece of memory once, and never
one that is older than half its interval. A refused read ends the sharing for some hours: then each asks for its own again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from data_collection.modbus.block import ReadRequest
from data_collection.modbus.plan import Plan, build_blocks
from data_collection.reads import MERGE_AGAIN_S
from domain.profile import Group

REGULAR: Final = 3  # polls after which a device counts as polled regularly
_REGISTERS: Final = frozenset({3, 4})  # functions


@dataclass(slots=True)
class Piece:
    """What one long read brought: `at_s` monotonic, `at_us` UTC; `given`: ids of the devices that had it."""

    data: bytes
    at_s: float
    at_us: int
    given: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Polled:
    plan: Plan
    times: int
    last_s: float


class SharedUnit:
    """The devices of one unit, group and scan interval."""

    def __init__(self, group: Group, scan_s: float) -> None:
        self._group, self._scan_s = group, scan_s
        self._polled: dict[str, _Polled] = {}
        self._members: tuple[Plan, ...] = ()
        self._reads: Sequence[ReadRequest] = ()
        self._pieces: dict[ReadRequest, Piece] = {}
        self._off_until = 0.0

    def note(self, plan: Plan, now_s: float) -> None:
        """The device is polled now."""
        name = plan.device.id
        known = self._polled.get(name)
        if known is None or known.plan is not plan:
            known = self._polled[name] = _Polled(plan, 0, now_s)
        known.times, known.last_s = known.times + 1, now_s
        members = tuple(
            p.plan for p in self._polled.values() if p.times >= REGULAR and now_s - p.last_s <= 3.0 * max(self._scan_s, 1.0)
        )
        if members != self._members:
            self._members, self._reads = members, common_reads(members, self._group)
            self._pieces.clear()

    def reads_for(self, plan: Plan, request: ReadRequest, now_s: float) -> Sequence[ReadRequest]:
        """The long reads that bring what `request` asks for; empty where it is better asked for alone."""
        if now_s < self._off_until or plan not in self._members:
            return ()
        end = request.address + request.count
        return [
            r for r in self._reads
            if r.function == request.function and r.address < end and request.address < r.address + r.count
        ]  # fmt: skip

    def take(self, plan: Plan, read: ReadRequest, now_s: float) -> Piece | None:
        """A piece that is fresh and that this device has not had; None: it is to be read."""
        piece = self._pieces.get(read)
        if piece is None or plan.device.id in piece.given or now_s - piece.at_s > 0.5 * self._scan_s:
            return None
        piece.given.add(plan.device.id)
        return piece

    def keep(self, plan: Plan, read: ReadRequest, piece: Piece) -> None:
        """Hold what a device has just read, for the others."""
        piece.given.add(plan.device.id)
        self._pieces[read] = piece

    def give_up(self, now_s: float) -> None:
        """The unit refused a long read."""
        self._off_until = now_s + MERGE_AGAIN_S
        self._pieces.clear()


def common_reads(plans: Sequence[Plan], group: Group) -> Sequence[ReadRequest]:
    """The fewest reads that cover the registers of all plans' points; empty where that saves none."""
    located = [p for plan in plans for block in plan.groups[group].blocks for p in block.located if not p.is_bits]
    own = sum(block.request.function in _REGISTERS for plan in plans for block in plan.groups[group].blocks)
    if len(plans) < 2 or not located:
        return ()
    quirks = [plan.device.profile.quirks for plan in plans]
    located.sort(key=lambda p: (p.where.table, p.start, p.end))
    most, gap = min(125, *(q.max_registers for q in quirks)), min(q.max_gap for q in quirks)
    blocks = build_blocks(located, max_registers=most, max_bits=1, max_gap=gap)
    return [block.request for block in blocks] if len(blocks) < own else ()


def assembled(request: ReadRequest, pieces: Sequence[tuple[ReadRequest, bytes]]) -> bytes:
    """The bytes `request` asks for, out of longer reads; what none of them covers holds no point and is 0."""
    found = bytearray(request.reply_bytes)
    end = request.address + request.count
    for read, data in pieces:
        first, last = max(read.address, request.address), min(read.address + read.count, end)
        if first < last:
            found[2 * (first - request.address) : 2 * (last - request.address)] = (
                data[2 * (first - read.address) : 2 * (last - read.address)]
            )  # fmt: skip
    return bytes(found)
