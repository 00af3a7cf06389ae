"""The cube and the plans of the invented shop."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import date

from analysis.calendar import Calendar
from analysis.cube import rows_of, slots_of, total_of
from domain.cube import CubeAnswer, CubeCell, Dimension
from domain.errors import NotFound
from domain.plan import Plan, PlanFact, PlanInterval, PlanScope, Progress
from domain.state import MachineState as M
from tests.web_interface import fake_shop as shop

_SHARES = ((M.PRODUCTION, 0.55, 6.2), (M.IDLE, 0.35, 1.9), (M.OFF, 0.10, 0.1))  # state, share of the time, kW


class FakeCube:
    """CubeService: each machine works by fixed shares in every slot; a little less at night."""

    def __init__(self, clock: shop.ShopClock) -> None:
        self._clock = clock
        self._calendar = Calendar.of(shop.plant())

    async def ask(
        self, from_us: int, to_us: int, by: Sequence[Dimension], machines: Sequence[str] = (), sections: Sequence[str] = ()
    ) -> CubeAnswer:
        tools = {tool.machine.id: tool.machine for tool in shop.TOOLS}
        for machine_id in machines:
            if machine_id not in tools:
                raise NotFound("machine", machine_id, tuple(tools)[:5])
        for section in sections:
            if section not in {machine.section for machine in tools.values()}:
                raise NotFound("section", section, ())
        end_us = min(to_us, self._clock.now_us())
        wanted = [m for m in tools.values() if (not machines or m.id in machines) and (not sections or m.section in sections)]
        cells = []
        for slot in slots_of(self._calendar, from_us, end_us):
            length = slot.to_us - slot.from_us
            for machine in wanted:
                pace = (0.5 if slot.hour < 7 else 1.0) * (0.6 + zlib.crc32(machine.id.encode()) % 9 / 10)
                for state, share, kw in _SHARES:
                    us = round(length * share)
                    cells.append(CubeCell(machine.id, slot, state, kw * pace * us / 3.6e9, 0.0, us, us))
        section_of = {machine.id: machine.section for machine in tools.values()}.__getitem__
        rows = rows_of(cells, by, section_of)
        return CubeAnswer(from_us, max(from_us, end_us), tuple(by), rows, total_of(rows))


class FakePlans:
    """PlanFactService: the site a little over its plan, one machine under it."""

    def __init__(self, clock: shop.ShopClock) -> None:
        self._clock = clock

    async def facts(self, interval: PlanInterval, from_us: int, to_us: int) -> Sequence[PlanFact]:
        now_us = self._clock.now_us()
        running = [w for w in shop.shift_windows(now_us - shop.DAY_US, now_us + 1) if w.from_us <= now_us < w.to_us]
        if not running:
            return []
        shift = running[-1]
        day: date = shift.day
        site = Plan(PlanScope.SITE, "", interval, kwh=900.0, parts=240.0)
        machine = Plan(PlanScope.MACHINE, shop.TOOLS[0].machine.id, interval, kwh=52.0)
        return [
            PlanFact(site, shift.name, day, shift.from_us, shift.to_us, True,
                     Progress(900.0, 742.0, 420.0, 1590.0, 0.998, 0.004), Progress(240.0, 101.0, 112.0, 216.0)),
            PlanFact(machine, shift.name, day, shift.from_us, shift.to_us, True, Progress(52.0, 20.1, 24.3, 43.0), None),
        ]  # fmt: skip
