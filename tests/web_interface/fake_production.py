"""Parts and programs of the invented shop."""

from __future__ import annotations

from collections.abc import Sequence

from domain.errors import NotFound
from domain.production import PartCount, PartStep, PartStepKind, ProgramStretch
from tests.web_interface import fake_shop as shop

CYCLE_US = 240 * shop.S
MACHINES = frozenset(tool.machine.id for tool in shop.TOOLS)


class FakeProduction:
    """ProductionService: a part each four minutes, one jump an hour before now; one program that calls another for a while."""

    def __init__(self, clock: shop.ShopClock) -> None:
        self._clock = clock

    async def parts(self, machine_id: str, from_us: int, to_us: int) -> PartCount:
        self._check(machine_id)
        now_us = self._clock.now_us()
        first = -(-from_us // CYCLE_US) * CYCLE_US
        steps = [
            PartStep(at - CYCLE_US, at, 1, PartStepKind.COUNTED, 1.0) for at in range(first, min(to_us, now_us), CYCLE_US)
        ]
        jump_us = now_us - 3600 * shop.S
        if from_us <= jump_us < to_us:
            steps.append(PartStep(jump_us - shop.S, jump_us, 0, PartStepKind.JUMP, 3763.0))
        return PartCount(machine_id, from_us, to_us, sum(step.parts for step in steps), 1.0, tuple(steps))

    async def programs(
        self, machine_id: str, from_us: int, to_us: int, *, with_parts: bool = True
    ) -> Sequence[ProgramStretch]:
        count = await self.parts(machine_id, from_us, to_us)
        end_us = min(to_us, self._clock.now_us())
        first, second = (from_us + (end_us - from_us) * part // 8 for part in (5, 7))
        return [
            ProgramStretch(machine_id, "VAL_2041.NC", from_us, first, count.parts),
            ProgramStretch(machine_id, "FLANEC_12.NC", first, second, 0, main="VAL_2041.NC"),
            ProgramStretch(machine_id, "VAL_2041.NC", second, end_us, 0),
        ]

    def _check(self, machine_id: str) -> None:
        if machine_id not in MACHINES:
            raise NotFound("machine", machine_id, tuple(sorted(MACHINES))[:5])
