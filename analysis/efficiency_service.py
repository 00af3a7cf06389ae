"""Efficiency cards of machines, sections and the site over any window: gathers the inputs; the formulas stand in efficiency.py.

A machine's card is the one its settings name, K1 without; any other may be asked for. Closed shifts are kept in a table as
they were settled, and settled again when the past changes.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Protocol

from analysis.accounting import LONG_SPAN_US, EnergyAccounting
from analysis.basic_figures import SITE, machines_of
from analysis.efficiency import NO_SETTINGS, Inputs, evaluate, together
from domain.efficiency import CARDS, EfficiencyStore, GroupEfficiency, KefSettings, MachineEfficiency
from domain.energy import Efficiency, EnergyAccount, ShiftWindow
from domain.errors import NotFound
from domain.plant import Machine, Plant, Tag
from domain.ports import Clock, History, Step
from domain.production import PartCount
from domain.state import MachineState
from domain.stores import EnergyStore

LEARNED_DAYS = 14
LEARNED_LEAST_S = 1800.0  # idle time below which the history teaches nothing
OWN_LEAST_S = 600.0  # the same of the window itself, where there is no history yet
RELEARN_US = 3_600_000_000
PARTS_FRESH_US = 30_000_000  # parts of a running window are counted again after that time
REMEMBERED = 2000


class CountsParts(Protocol):
    """Part of the production service."""

    async def parts(self, machine_id: str, from_us: int, to_us: int) -> PartCount: ...


class EfficiencyService:
    """Implements web_interface.services.EfficiencyService."""

    def __init__(
        self, plant: Callable[[], Plant], tags: Callable[[], Sequence[Tag]], accounting: EnergyAccounting, history: History,
        production: CountsParts, shifts: EnergyStore, store: EfficiencyStore, clock: Clock,
    ) -> None:
        self._plant, self._tags, self._accounting, self._history = plant, tags, accounting, history
        self._production, self._shifts, self._store, self._clock = production, shifts, store, clock
        self._idle: dict[int, tuple[int, Mapping[str, float]]] = {}  # day number -> learned at, kW by machine
        self._parts: OrderedDict[tuple[str, int, int], tuple[int, PartCount]] = OrderedDict()

    # -- asking ----------------------------------------------------------------------------------------------------

    async def efficiency(self, machine_id: str, from_us: int, to_us: int, card: str | None = None) -> Efficiency:
        """The machine's own card, or `card`. Raises NotFound for a machine or card that does not exist."""
        account = await self._accounting.account(machine_id, from_us, to_us)
        return await self.of_account(account, card)

    async def of_account(self, account: EnergyAccount, card: str | None = None) -> Efficiency:
        """The same from an account that is known already."""
        settings = self.settings(account.machine_id)
        chosen = card or settings.card
        if chosen not in CARDS:
            raise NotFound("efficiency card", chosen, tuple(CARDS))
        return evaluate(chosen, await self._inputs(chosen, account, settings))

    async def grouped(
        self, by: str, step: str, from_us: int, to_us: int, card: str | None = None, subject: str = SITE
    ) -> Sequence[GroupEfficiency]:
        """`by` machine | section | site, `step` hour | shift | day | total: one item a group, interval and card, by time.

        Machines of different cards stay apart: their items say `mixed`. Raises NotFound.
        """
        machines = self._machines(subject)
        items: list[GroupEfficiency] = []
        settled = await self._settled(from_us, to_us) if step == "shift" else {}
        for window in self._windows(step, from_us, to_us):
            values: list[tuple[Machine, Efficiency]] = []
            for machine in machines:
                account = settled.get((machine.id, window.from_us, window.to_us))
                if account is None:
                    account = await self._accounting.account(machine.id, window.from_us, window.to_us)
                values.append((machine, await self.of_account(account, card)))
            items += _groups(by, window, values)
        return items

    def settings(self, machine_id: str) -> KefSettings:
        """Of a machine; K1 without any. Raises NotFound."""
        return self._machine(machine_id).kef or NO_SETTINGS

    # -- keeping ---------------------------------------------------------------------------------------------------

    async def keep(self, window: ShiftWindow, accounts: Sequence[EnergyAccount]) -> None:
        """Store the cards of a closed shift whose accounts were just settled. Raises StorageError."""
        closed = [account for account in accounts if not account.running]
        values = [
            MachineEfficiency(a.machine_id, a.from_us, a.to_us, window.name, await self.of_account(a)) for a in closed
        ]
        await self._store.save_efficiency(window, values)

    async def _settled(self, from_us: int, to_us: int) -> Mapping[tuple[str, int, int], EnergyAccount]:
        """Accounts of closed shifts as they are stored: nothing is measured again for them."""
        calendar = self._accounting.calendar
        rows = await self._shifts.shift_energy(calendar.day_of(from_us) - timedelta(days=1), calendar.day_of(to_us))
        return {(a.machine_id, window.from_us, window.to_us): a for window, a in rows if not a.running}

    def _windows(self, step: str, from_us: int, to_us: int) -> Sequence[ShiftWindow]:
        if step == "total":
            return [ShiftWindow("", self._accounting.calendar.day_of(from_us), from_us, to_us)]
        return self._accounting.calendar.windows(step, from_us, min(to_us, self._clock.now_us()))

    # -- inputs ----------------------------------------------------------------------------------------------------

    async def _inputs(self, card: str, account: EnergyAccount, settings: KefSettings) -> Inputs:
        wanted = CARDS[card].inputs
        end_us = min(account.to_us, self._clock.now_us())
        idle_kw, learned = (settings.idle_kw, False) if "idle_kw" in wanted else (None, False)
        if "idle_kw" in wanted and idle_kw is None:
            idle_kw, learned = await self.idle_kw(account), True
        count = await self.parts(account.machine_id, account.from_us, account.to_us) if "parts" in wanted else None
        good = await self.good_parts(settings, account.from_us, end_us) if "quality" in wanted else None
        process, share = None, 1.0
        if "process_power" in wanted:
            process, share = await self._process_kwh(settings, account.from_us, end_us)
        return Inputs(
            account, settings, idle_kw, learned, count.parts if count is not None else None, good,
            count.completeness if count is not None else 1.0, process, share,
        )  # fmt: skip

    async def idle_kw(self, account: EnergyAccount) -> float | None:
        """Mean power in state idle over the shifts of the two weeks before; without such a history, of the account itself."""
        learned = (await self._learned(account.from_us)).get(account.machine_id)
        if learned is not None:
            return learned
        seconds = account.by_state_s.get(MachineState.IDLE, 0.0)
        kwh = account.by_state_kwh.get(MachineState.IDLE)
        return kwh * 3600.0 / seconds if kwh is not None and seconds >= OWN_LEAST_S else None

    async def _learned(self, before_us: int) -> Mapping[str, float]:
        """Of all machines at once, once a day of the calendar and not older than an hour."""
        day = self._accounting.calendar.day_of(before_us)
        now_us = self._clock.now_us()
        known = self._idle.get(day.toordinal())
        if known is None or now_us - known[0] > RELEARN_US:
            rows = await self._shifts.shift_energy(day - timedelta(days=LEARNED_DAYS), day - timedelta(days=1))
            if len(self._idle) > 400:
                self._idle.clear()
            known = self._idle[day.toordinal()] = (now_us, _idle_powers(account for _, account in rows))
        return known[1]

    async def parts(self, machine_id: str, from_us: int, to_us: int) -> PartCount:
        """Counted parts; a running window is counted again after half a minute. Raises NotFound."""
        now_us = self._clock.now_us()
        running = to_us >= now_us
        key = (machine_id, from_us, 0 if running else to_us)
        found = self._parts.get(key)
        if found is None or now_us - found[0] > PARTS_FRESH_US:
            found = self._parts[key] = (now_us, await self._production.parts(machine_id, from_us, to_us))
            while len(self._parts) > REMEMBERED:
                self._parts.popitem(last=False)
        return found[1]

    async def good_parts(self, settings: KefSettings, from_us: int, to_us: int) -> int | None:
        """Growth of the counter of good parts; None without one or without readings."""
        tag = self._tag(settings.good_parts)
        if tag is None:
            return None
        rows = (await self._history.rollup(tag.id, _step(to_us - from_us), from_us, to_us)).rows
        known = [row.consumption for row in rows if row.consumption is not None]
        return round(sum(known)) if known else None

    async def _process_kwh(self, settings: KefSettings, from_us: int, to_us: int) -> tuple[float | None, float]:
        """Integral of the process power and the share of the time in which it is known."""
        tag = self._tag(settings.process_power)
        if tag is None or to_us <= from_us:
            return None, 0.0
        rows = (await self._history.rollup(tag.id, _step(to_us - from_us), from_us, to_us)).rows
        known = [(row.mean, row.covered_us) for row in rows if row.mean is not None]
        if not known:
            return None, 0.0
        covered_us = sum(covered for _, covered in known)
        return sum(mean * covered for mean, covered in known) / 3.6e9, min(1.0, covered_us / (to_us - from_us))

    def _tag(self, name: str | None) -> Tag | None:
        return None if name is None else next((tag for tag in self._tags() if tag.name == name), None)

    def _machine(self, machine_id: str) -> Machine:
        return self._machines(machine_id)[0]

    def _machines(self, subject: str) -> list[Machine]:
        wanted = set(machines_of(self._plant(), subject))
        return [machine for machine in self._plant().machines if machine.id in wanted]


def _step(span_us: int) -> Step:
    return Step.M1 if span_us <= LONG_SPAN_US else Step.H1


def _idle_powers(accounts: Iterable[EnergyAccount]) -> dict[str, float]:
    """kW in state idle by machine, sums over the accounts."""
    kwh: dict[str, float] = {}
    seconds: dict[str, float] = {}
    for account in accounts:
        if MachineState.IDLE in account.by_state_kwh:
            kwh[account.machine_id] = kwh.get(account.machine_id, 0.0) + account.by_state_kwh[MachineState.IDLE]
            idle_s = account.by_state_s.get(MachineState.IDLE, 0.0)
            seconds[account.machine_id] = seconds.get(account.machine_id, 0.0) + idle_s
    return {machine: kwh[machine] * 3600.0 / s for machine, s in seconds.items() if s >= LEARNED_LEAST_S}


def _groups(by: str, window: ShiftWindow, values: Sequence[tuple[Machine, Efficiency]]) -> list[GroupEfficiency]:
    """Machines of one group and one card together, in the order in which they come."""
    sorted_in: dict[tuple[str, str], list[tuple[Machine, Efficiency]]] = {}
    for machine, value in values:
        group = machine.id if by == "machine" else machine.section if by == "section" else SITE
        sorted_in.setdefault((group, value.card), []).append((machine, value))
    groups = [group for group, _ in sorted_in]
    return [
        GroupEfficiency(
            group, window.from_us, window.to_us, window.name, together([value for _, value in found]),
            tuple(machine.id for machine, _ in found),
            tuple((machine.id, value.reason) for machine, value in found if value.reason is not None),
            mixed=groups.count(group) > 1,
        )
        for (group, _card), found in sorted_in.items()
    ]  # fmt: skip
