"""Reads a group of a device over any Modbus transport: block by block, refused blocks in smaller pieces."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from typing import Final, Protocol

from data_collection.driver import Trace
from data_collection.modbus.block import REFUSED, Block, ReadRequest
from data_collection.modbus.plan import Plan
from data_collection.reads import ASK_AGAIN_S
from domain.errors import DeviceRefused, DeviceUnreachable
from domain.profile import Group
from domain.quality import Quality
from domain.sample import Reading

_DEVICE_FAULT: Final = int(Quality.DEVICE_FAULT)
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE, DEVICE_FAILURE = 1, 2, 3, 4
GATEWAY_PATH, GATEWAY_TARGET = 10, 11
EXCEPTION_NAMES: Final = {
    1: "illegal function", 2: "illegal address", 3: "illegal value", 4: "device failure", 5: "acknowledged, working",
    6: "device busy", 7: "negative acknowledge", 8: "memory parity error", 10: "gateway: path unavailable",
    11: "gateway: target does not answer",
}


class Refusal(DeviceRefused):
    """The device answered with a Modbus exception code."""

    def __init__(self, unit: int, request: ReadRequest, code: int) -> None:
        name = EXCEPTION_NAMES.get(code, "unknown")
        super().__init__(
            f"unit {unit} answered function {request.function}, address {request.address}, count {request.count} "
            f"with exception {code} ({name})"
        )
        self.code = code


class Ask(Protocol):
    """Sends one request and returns exactly the reply's data bytes.

    Raises Refusal, DeviceUnreachable (silence), DecodeError (a reply that does not match), LineDown.
    """

    async def __call__(self, plan: Plan, request: ReadRequest, trace: Trace | None) -> bytes: ...


async def read_group(ask: Ask, plan: Plan, group: Group, trace: Trace | None) -> Reading:
    """Read all points of `group` once. Errors other than a refusal end the read; a refused point is bad in its place."""
    compiled = plan.groups[group]
    blocks = compiled.blocks
    if len(blocks) == 1 and trace is None and not blocks[0].has_texts and not blocks[0].refused_until:
        block = blocks[0]
        try:
            data = await ask(plan, block.request, None)
        except Refusal as refusal:
            return await _read_blocks(ask, plan, group, None, _Refused(block, refusal))
        values, qualities = block.decode(data)
        return Reading(plan.device.id, time.time_ns() // 1000, compiled.points, values, qualities)
    return await _read_blocks(ask, plan, group, trace, None)


class _Refused:
    """A refusal that the fast path met, so that the block is not asked twice."""

    __slots__ = ("block", "refusal")

    def __init__(self, block: Block, refusal: Refusal) -> None:
        self.block, self.refusal = block, refusal


async def _read_blocks(ask: Ask, plan: Plan, group: Group, trace: Trace | None, met: _Refused | None) -> Reading:
    compiled = plan.groups[group]
    by_hand = trace is not None and trace.by_hand
    if compiled.split_at_s:
        compiled.renew(time.monotonic())
    values: list[float | None] = []
    qualities: list[int] = []
    texts: dict[str, str] = {}
    raw: dict[str, str] = {}
    queue = deque(compiled.blocks)
    first = True
    while queue:
        block = queue.popleft()
        if block.refused_until and time.monotonic() < block.refused_until and not by_hand:
            _extend(values, qualities, block.bad(REFUSED))
            continue
        try:
            if met is not None and met.block is block:
                raise met.refusal
            if plan.pause_s and not first:
                await asyncio.sleep(plan.pause_s)
            first = False
            data = await ask(plan, block.request, trace)
        except Refusal as refusal:
            first = False
            parts = _after_refusal(plan, group, block, refusal)
            if parts:
                queue.extendleft(reversed(parts))
            else:
                _extend(values, qualities, block.bad(_DEVICE_FAULT if refusal.code == DEVICE_FAILURE else REFUSED))
            continue
        block.refused_until = 0.0
        _extend(values, qualities, block.decode(data))
        if block.has_texts:
            texts.update(block.texts(data))
        if by_hand:
            raw.update(block.raw(data))
    return Reading(plan.device.id, time.time_ns() // 1000, compiled.points, values, qualities, texts, raw)


def _after_refusal(plan: Plan, group: Group, block: Block, refusal: Refusal) -> Sequence[Block]:
    """Smaller blocks to try at once, or nothing. Only an illegal address or length teaches the plan; a busy device does not."""
    if refusal.code in {GATEWAY_PATH, GATEWAY_TARGET}:
        raise DeviceUnreachable(str(refusal)) from refusal
    if refusal.code in {ILLEGAL_ADDRESS, ILLEGAL_VALUE}:
        return plan.refused(group, block, time.monotonic())
    plan.faults["refused"] += 1
    if refusal.code == ILLEGAL_FUNCTION:
        block.refused_until = time.monotonic() + ASK_AGAIN_S
    return ()


def _extend(
    values: list[float | None], qualities: list[int], decoded: tuple[Sequence[float | None], Sequence[int]]
) -> None:
    values += decoded[0]
    qualities += decoded[1]
