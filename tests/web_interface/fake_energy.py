"""Energy and efficiency of the invented shop, scaled from its picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, time

from domain.efficiency import CARDS, GroupEfficiency
from domain.energy import Efficiency, EnergyAccount, ShiftWindow
from domain.errors import NotFound
from domain.kpi import GroupKpis, SpecificEnergy, TimeElements, TimeKpis
from domain.state import MachineState as M
from domain.state import StateInterval
from tests.web_interface import fake_shop as shop
from tests.web_interface.fake_shop import nearest

S = shop.S


def current_shift() -> ShiftWindow:
    return shop.shift_windows(shop.SHIFT_US, shop.SHIFT_US + 1)[0]


def account(tool: shop.Tool, from_us: int, to_us: int) -> EnergyAccount:
    """Scaled from the picture's shift; hours of states from the intervals."""
    now = shop.START_US
    share = max(0, min(to_us, now) - from_us) / (now - shop.SHIFT_US)
    seconds: dict[M, float] = dict.fromkeys(M, 0.0)
    for interval in shop.state_intervals(tool):
        seconds[interval.state] += ((interval.to_us or now) - interval.from_us) / S * share
    by_state = {M.PRODUCTION: tool.kwh * tool.kef * share, M.IDLE: tool.kwh * (1 - tool.kef) * share}
    by_state |= {M.OFF: 0.0, M.ALARM: 0.0, M.NO_DATA: 0.0}
    missing = tool.state is M.NO_DATA
    return EnergyAccount(
        tool.machine.id,
        from_us,
        to_us,
        tool.kwh * share,
        1.0 if missing else 0.0,
        0.985 if missing else 1.0,
        "counter",
        running=to_us >= now,
        by_state_kwh=by_state,
        by_state_s=seconds,
        label="1",
    )


def efficiency(tool: shop.Tool, from_us: int, to_us: int) -> Efficiency:
    a = account(tool, from_us, to_us)
    total = a.energy_kwh or 0.0
    return Efficiency(
        "K1",
        3,
        "E_production / E_total",
        tool.kef if total else None,
        total * tool.kef,
        total,
        a.completeness,
        a.estimated_kwh / total if total else 0.0,
        complete=a.completeness >= 0.95,
        account=a,
    )


class FakeEnergy:
    """EnergyService."""

    def shifts(self, from_us: int, to_us: int) -> Sequence[ShiftWindow]:
        return shop.shift_windows(from_us, to_us)

    def shift_at(self, time_us: int) -> ShiftWindow | None:
        for window in shop.shift_windows(time_us - shop.DAY_US, time_us + 1):
            if window.from_us <= time_us < window.to_us:
                return window
        return None

    def shifts_of_day(self, day: date) -> Sequence[ShiftWindow]:
        begin = shop.local_us(day, time(0))
        return [window for window in shop.shift_windows(begin, begin + shop.DAY_US) if window.day == day]

    async def states(self, machine_id: str, from_us: int, to_us: int) -> Sequence[StateInterval]:
        return [
            interval
            for interval in shop.state_intervals(self._tool(machine_id))
            if interval.from_us < to_us and (interval.to_us is None or interval.to_us > from_us)
        ]

    async def account(self, machine_id: str, from_us: int, to_us: int) -> EnergyAccount:
        return account(self._tool(machine_id), from_us, to_us)

    async def efficiency(self, machine_id: str, from_us: int, to_us: int) -> Efficiency:
        return efficiency(self._tool(machine_id), from_us, to_us)

    async def energy(self, by: str, from_us: int, to_us: int) -> Sequence[EnergyAccount]:
        if by == "shift":
            windows = [(w.from_us, w.to_us, w.name) for w in shop.shift_windows(from_us, to_us)]
        else:
            width = {"day": shop.DAY_US, "hour": 3600 * S}[by]
            begin = -(-from_us // width) * width
            windows = [(at, at + width, "") for at in range(begin, to_us, width)]
        return [replace(account(tool, a, b), label=name) for a, b, name in windows for tool in shop.TOOLS]

    @staticmethod
    def _tool(machine_id: str) -> shop.Tool:
        for tool in shop.TOOLS:
            if tool.machine.id == machine_id:
                return tool
        raise nearest("machine", machine_id, [tool.machine.id for tool in shop.TOOLS])


class FakeEfficiency:
    """EfficiencyService: K1 whatever card is asked for, under that card's name."""

    async def efficiency(self, machine_id: str, from_us: int, to_us: int, card: str | None = None) -> Efficiency:
        found = efficiency(FakeEnergy._tool(machine_id), from_us, to_us)
        if card is not None and card not in CARDS:
            raise NotFound("efficiency card", card, tuple(CARDS))
        return replace(found, card=card or found.card)

    async def grouped(
        self, by: str, step: str, from_us: int, to_us: int, card: str | None = None, subject: str = "site"
    ) -> Sequence[GroupEfficiency]:
        tools = [tool for tool in shop.TOOLS if subject in {"site", tool.machine.id}]
        hour = 3600 * S if step == "hour" else to_us - from_us
        found = []
        for n, begin in enumerate(range(from_us, to_us, hour)):
            for tool in tools:
                value = await self.efficiency(tool.machine.id, begin, begin + hour, card)
                if value.value is not None:
                    value = replace(value, value=value.value - 0.05 * (n % 3))
                found.append(GroupEfficiency(tool.machine.id, begin, begin + hour, step, value, (tool.machine.id,)))
        return found


class FakePerPart:
    """ProductionFiguresService: 23 parts a machine, two programs, the times of a good shift."""

    async def specific(self, machine_id: str, from_us: int, to_us: int) -> SpecificEnergy:
        kwh = account(FakeEnergy._tool(machine_id), from_us, to_us).energy_kwh or 0.0
        seconds = (to_us - from_us) / S
        return SpecificEnergy(machine_id, from_us, to_us, None, seconds, kwh, 0.0, 23, kwh / 23, 0.998, 3.9)

    async def by_program(self, machine_id: str, from_us: int, to_us: int) -> Sequence[SpecificEnergy]:
        whole = await self.specific(machine_id, from_us, to_us)
        kwh = whole.energy_kwh or 0.0
        long = replace(whole, program="VAL_2041.NC", energy_kwh=kwh * 0.8, parts=17, kwh_per_part=kwh * 0.8 / 17, stretches=3)
        return [long, replace(whole, program="FLANEC_12.NC", energy_kwh=kwh * 0.2, parts=6, kwh_per_part=kwh * 0.2 / 6)]

    async def oee(self, by: str, from_us: int, to_us: int, subject: str = "site") -> Sequence[GroupKpis]:
        if subject != "site":
            FakeEnergy._tool(subject)
        times = TimeElements(18000.0, 23400.0, 27000.0, 5400.0, 16560.0, 23, 22.0, 0.998)
        found = TimeKpis(0.667, 0.769, 0.867, 0.92, 0.957, 0.587, 0.667, 0.231)
        members = tuple(tool.machine.id for tool in shop.TOOLS) if subject == "site" else (subject,)
        return [GroupKpis(subject, from_us, to_us, times, found, members)]
