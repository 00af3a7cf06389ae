"""The S7 driver: blocks through the client, refused ones in smaller pieces, and whether the CPU runs at all.

A CPU in STOP goes on answering with the values it stopped at. They are not handed on: its points are bad until it runs again.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from data_collection.driver import DevicePlan, Found, ScanHit, Trace
from data_collection.options import number, text, whole
from data_collection.reads import ASK_AGAIN_S
from data_collection.remembered import PlanMemory
from data_collection.s7.block import Block
from data_collection.s7.client import BAD_ADDRESS, NO_OBJECT, Refusal, S7Client
from data_collection.s7.plan import DEFAULT_TIMEOUT_S, GroupPlan, Plan
from domain.errors import AccessDenied, ConfigError
from domain.plant import Device, Line
from domain.profile import Group
from domain.quality import Quality
from domain.sample import Reading

PORT: Final = 102
CPU_CHECK_S: Final = 2.0
_REFUSED, _DENIED, _FAULT = int(Quality.REFUSED), int(Quality.ACCESS_DENIED), int(Quality.DEVICE_FAULT)


class S7Driver:
    """Implements data_collection.driver.Driver: one controller, one question at a time."""

    def __init__(self, line: Line, plans: PlanMemory[Plan] | None = None) -> None:
        self._line, self._plans = line, plans or PlanMemory()
        self._host, self._port = text(line, "host"), whole(line, "port", PORT, 1, 65535)
        self._rack, self._slot = whole(line, "rack", 0, 0, 7), whole(line, "slot", 1, 0, 31)
        self._timeout_s = number(line, "timeout_s", DEFAULT_TIMEOUT_S)
        self._connect_s = number(line, "connect_timeout_s", 5.0)
        self._client = S7Client(line.id)
        self._checked = -CPU_CHECK_S  # monotonic seconds
        self._stopped: str | None = None

    async def open(self) -> None:
        """Connect. Raises LineDown."""
        self._checked, self._stopped = time.monotonic() - CPU_CHECK_S, None
        await self._client.open(self._host, self._port, self._rack, self._slot, self._timeout_s, self._connect_s)

    async def close(self) -> None:
        await self._client.close()

    def prepare(self, device: Device) -> Plan:
        if device.profile.protocol != "s7":
            raise ConfigError(f"device {device.id}: {device.profile.protocol} cannot run on an S7 line")
        pdu = self._client.pdu
        return self._plans.plan(device, pdu, lambda: Plan(device, self._timeout_s, pdu))

    async def probe(self, address: int, protocol: str) -> ScanHit | None:
        """See Driver.probe: a controller has no addresses."""
        raise ConfigError(f"line {self._line.id}: a controller has no addresses to be asked ({protocol} {address})")

    async def survey(self, seconds: float) -> Sequence[Found]:
        """Which controller it is, whether it runs, what it negotiated."""
        del seconds
        await self._ready()
        parts = [await self._client.name(), await self._client.cpu_state() or "", f"PDU {self._client.pdu} bytes"]
        return [Found(f"{self._line.target}, rack {self._rack}, slot {self._slot}", ", ".join(part for part in parts if part))]

    async def read(self, plan: DevicePlan, group: Group, trace: Trace | None = None) -> Reading:
        """See Driver.read."""
        if not isinstance(plan, Plan):
            raise TypeError(f"not an S7 plan: {plan!r}")
        await self._ready()
        compiled = plan.groups[group]
        if await self._stands_still():
            plan.faults["cpu_stop"] += 1
            plan.refusals[group] = f"the CPU is in {self._stopped}: its values stand still"
            if trace is not None:
                trace.notes.append(plan.refusals[group])
            return _all_bad(plan, compiled, _FAULT)
        compiled.renew(time.monotonic())
        answers = await self._answers(plan, compiled, trace)
        self._judge(plan, group, answers)
        if trace is not None and group in plan.refusals:
            trace.notes.append(plan.refusals[group])
        return _reading(plan, compiled, answers, traced=trace is not None and trace.by_hand)

    async def _ready(self) -> None:
        if not self._client.usable:
            await self.open()

    async def _stands_still(self) -> bool:
        """Asked every few seconds: is the CPU in anything but RUN? A CPU that does not tell is taken to run."""
        now = time.monotonic()
        if now - self._checked >= CPU_CHECK_S:
            state = await self._client.cpu_state()
            self._checked = now if state is not None else now + ASK_AGAIN_S  # who does not tell is not asked each time
            self._stopped = state if state == "STOP" else None
        return self._stopped is not None

    async def _answers(
        self, plan: Plan, compiled: GroupPlan, trace: Trace | None
    ) -> dict[Block, bytes | Refusal | None]:
        """What came of each block of the plan; None for one that rests."""
        by_hand = trace is not None and trace.by_hand
        now = time.monotonic()
        found: dict[Block, bytes | Refusal | None] = {}
        asked = [[b for b in packet if b.refused_until <= now or by_hand] for packet in compiled.packets]
        queue = [packet for packet in asked if packet]
        while queue:
            blocks = [block for packet in queue for block in packet]
            answers = await self._client.read(queue, trace)
            queue = []
            for block, answer in zip(blocks, answers, strict=True):
                parts: Sequence[Block] = ()
                if isinstance(answer, Refusal):
                    missing = answer.code in {BAD_ADDRESS, NO_OBJECT}
                    plan.faults["no_such_bytes" if missing else "put_get"] += 1
                    if missing:
                        parts = compiled.refused(block, now)
                else:
                    block.refused_until = 0.0
                if parts:
                    queue.append(list(parts))
                else:
                    found[block] = answer
        return {block: found.get(block) for block in compiled.blocks}

    def _judge(self, plan: Plan, group: Group, answers: dict[Block, bytes | Refusal | None]) -> None:
        """Say why points are refused. Raises AccessDenied where the controller lets nobody read."""
        refusals = [answer for answer in answers.values() if isinstance(answer, Refusal)]
        if refusals:
            plan.refusals[group] = str(refusals[0])
        elif all(answer is not None for answer in answers.values()):
            plan.refusals.pop(group, None)
        barred = [r for r in refusals if r.code not in {BAD_ADDRESS, NO_OBJECT}]
        if barred and len(barred) == len(answers):
            raise AccessDenied(f"device {plan.device.id}: {barred[0]}")


def _reading(plan: Plan, compiled: GroupPlan, answers: dict[Block, bytes | Refusal | None], *, traced: bool) -> Reading:
    values: list[float | None] = []
    qualities: list[int] = []
    texts: dict[str, str] = {}
    raw: dict[str, str] = {}
    for block in compiled.blocks:
        answer = answers[block]
        if isinstance(answer, bytes):
            found = block.decode(answer)
            if block.texts:
                own = block.decode_texts(answer)
                texts |= {tag: text for tag, text in own.items() if text is not None}
                if wrong := sum(text is None for text in own.values()):
                    plan.faults["decode"] += wrong
            if traced:
                raw.update(block.raw(answer))
        else:
            barred = answer is not None and answer.code not in {BAD_ADDRESS, NO_OBJECT}
            found = block.bad(_DENIED if barred else _REFUSED)
        values += found[0]
        qualities += found[1]
    return Reading(plan.device.id, time.time_ns() // 1000, compiled.points, values, qualities, texts, raw)


def _all_bad(plan: Plan, compiled: GroupPlan, quality: int) -> Reading:
    size = len(compiled.points)
    return Reading(plan.device.id, time.time_ns() // 1000, compiled.points, (None,) * size, (quality,) * size)
