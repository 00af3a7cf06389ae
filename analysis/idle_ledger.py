"""The idle ledger: every machine's idling with its reason and money, from settled days and the running one.

A day of a machine is settled some hours after its end and kept with the fingerprint of the rule, the shifts and the calendar it
was made under; a change of these, or of the past, makes it anew. What is not settled yet is computed when it is asked for.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from analysis.accounting import EnergyAccounting
from analysis.idle import DEFAULT_WARM_UP_US, RULE_VERSION, Planned, clipped, idle_pieces, joined, planned_time
from analysis.idle_sums import entry_of, sums_of, waster_of
from analysis.prices import Prices
from domain.access import Actor, Role
from domain.errors import ConfigError, Forbidden, NotFound, StorageError
from domain.figures import IdleLedger, LeftOn, Trust
from domain.idle import LEFT_ON, OUTSIDE, IdleNote, IdlePiece, IdleStore
from domain.note import LONGEST_NOTE
from domain.plant import Machine, Plant
from domain.ports import Clock
from domain.state import MachineState, StateInterval
from domain.stores import AuditStore, StateStore

log = logging.getLogger(__name__)

SETTLED_AFTER_US = 2 * 3_600_000_000
LOOK_BACK_US = 36 * 3_600_000_000
DAY_US = 86_400_000_000
COARSE_AFTER_US = 3_600_000_000  # energies of older stretches are shared by minutes
KEPT_DAYS = 35  # settled in the background, newest first
PERIOD_S = 600.0
PAUSE_S = 0.05
LEFT_ON_LEAST_US = 5 * 60_000_000


@dataclass(frozen=True, slots=True)
class _Day:
    pieces: Sequence[IdlePiece]
    known_s: float


class IdleAccounts:
    """Implements the idle part of the figures service. `run` as one supervised task; `mark` when the past changed."""

    def __init__(
        self, plant: Callable[[], Plant], accounting: EnergyAccounting, states: StateStore, store: IdleStore, prices: Prices,
        audit: AuditStore, clock: Clock, power_kw: Callable[[str], float | None],
    ) -> None:
        """`power_kw`: the power of a machine now."""
        self._plant, self._accounting, self._states, self._store = plant, accounting, states, store
        self._prices, self._audit, self._clock, self._power_kw = prices, audit, clock, power_kw
        self._marked: dict[tuple[str, date, date], None] = {}

    # -- asking ----------------------------------------------------------------------------------------------------

    async def ledger(self, from_us: int, to_us: int) -> IdleLedger:
        """All idling of [from_us, to_us) up to now."""
        now_us = self._clock.now_us()
        end_us = min(to_us, now_us)
        pieces, known_s = await self._pieces(from_us, end_us)
        book, notes = await self._prices.book(from_us, end_us), await self._store.notes(from_us, to_us)
        entries = [entry_of(piece, book, notes, running=piece.to_us >= now_us) for piece in pieces]
        machines = sum(1 for machine in self._plant().machines if machine.states is not None)
        elapsed_s = machines * max(0, end_us - from_us) / 1e6
        energy = sum(entry.energy_kwh or 0.0 for entry in entries)
        estimated = sum(entry.estimated_kwh for entry in entries)
        costs = [entry.cost for entry in entries if entry.cost is not None]
        return IdleLedger(
            from_us, to_us, sums_of(entries), entries, waster_of(entries), sum(e.seconds for e in entries) / 3600.0, energy,
            sum(costs) if costs else None,
            Trust(_share(known_s, elapsed_s), _share(estimated, energy), to_us > now_us), RULE_VERSION,
        )  # fmt: skip

    async def left_on(self) -> Sequence[LeftOn]:
        """Machines that idle outside their shifts now, the most expensive first."""
        now_us = self._clock.now_us()
        pieces, _ = await self._pieces(now_us - LOOK_BACK_US, now_us)
        book = await self._prices.book(now_us - LOOK_BACK_US, now_us)
        found = []
        for piece in pieces:
            if piece.to_us < now_us or piece.reason not in {LEFT_ON, OUTSIDE} or now_us - piece.from_us < LEFT_ON_LEAST_US:
                continue
            entry = entry_of(piece, book, ())
            power, price = self._power_kw(piece.machine_id), book.at(now_us)[1]
            per_hour = None if power is None or price is None else power * price
            found.append(
                LeftOn(piece.machine_id, piece.from_us, piece.reason, power, per_hour, piece.energy_kwh, entry.cost)
            )
        return sorted(found, key=lambda left: -(left.cost_per_hour or 0.0))

    async def add_note(self, machine_id: str, from_us: int, to_us: int, text: str, actor: Actor) -> IdleNote:
        """Why it idled, in a person's words. Raises NotFound, ConfigError, Forbidden (below operator)."""
        now_us = self._clock.now_us()
        subject = f"{machine_id} {from_us}..{to_us}"
        if not actor.role.allows(Role.OPERATOR):
            await self._audit.append(now_us, actor.name, actor.source, "refused", f"idle note {subject}", result="failed")
            raise Forbidden("noting a reason needs the role operator")
        if all(machine.id != machine_id for machine in self._plant().machines):
            raise NotFound("machine", machine_id, tuple(machine.id for machine in self._plant().machines)[:5])
        words = " ".join(text.split())
        if not words or len(words) > LONGEST_NOTE:
            raise ConfigError(f"text: expected 1 to {LONGEST_NOTE} characters")
        if not 0 < to_us - from_us <= 40 * DAY_US:
            raise ConfigError("to: expected a time after from, at most 40 days")
        await self._audit.append(now_us, actor.name, actor.source, "idle_note", subject, new=words)
        return await self._store.add_note(IdleNote(0, machine_id, from_us, to_us, words, actor.name, now_us))

    # -- keeping ---------------------------------------------------------------------------------------------------

    def mark(self, from_us: int, to_us: int, machine_id: str) -> None:
        """The past of a machine changed."""
        calendar, now_us = self._accounting.calendar, self._clock.now_us()
        if from_us < now_us - DAY_US:  # the running day and the last one are not settled, or will be asked for soon
            last = calendar.day_of(min(to_us, now_us))
            self._marked[(machine_id, calendar.day_of(max(from_us, now_us - 400 * DAY_US)), last)] = None

    async def run(self) -> None:
        """Settle days in the background until cancelled."""
        await self._clock.sleep(60.0)
        while True:
            try:
                await self.keep()
            except (StorageError, OSError) as exc:
                log.warning("the idle ledger waits for the store: %s", exc)
            await self._clock.sleep(PERIOD_S)

    async def keep(self) -> None:
        """Forget what changed, settle what is missing. Raises StorageError."""
        for marked in list(self._marked):
            await self._store.unsettle(*marked)
            self._marked.pop(marked, None)
        calendar = self._accounting.calendar
        last = calendar.day_of(self._clock.now_us() - SETTLED_AFTER_US) - timedelta(days=1)
        first = last - timedelta(days=KEPT_DAYS - 1)
        done = {(machine, day) for machine, day, _ in await self._store.settled(first, last, self._basis())}
        for back in range(KEPT_DAYS):
            day = last - timedelta(days=back)
            for machine in self._judged():
                if (machine.id, day) not in done and not await self._nothing_in(machine, day):
                    await self._settle(machine, day)
                    await self._clock.sleep(PAUSE_S)

    async def _settle(self, machine: Machine, day: date) -> _Day:
        found = await self._compute(machine, day)
        await self._store.settle(machine.id, day, self._basis(), found.known_s, RULE_VERSION, found.pieces)
        return found

    # -- computing -------------------------------------------------------------------------------------------------

    def _judged(self) -> list[Machine]:
        return [machine for machine in self._plant().machines if machine.states is not None and machine.meter is not None]

    async def _pieces(self, from_us: int, to_us: int) -> tuple[list[IdlePiece], float]:
        """Pieces clipped to the window, by machine and time; seconds of known state (of whole days: in proportion)."""
        if to_us <= from_us:
            return [], 0.0
        calendar = self._accounting.calendar
        first, last = calendar.day_of(from_us), calendar.day_of(to_us - 1)
        settled = {(m, day): known for m, day, known in await self._store.settled(first, last, self._basis())}
        stored: dict[tuple[str, date], list[IdlePiece]] = {}
        for piece in await self._store.pieces(first, last) if settled else ():
            stored.setdefault((piece.machine_id, calendar.day_of(piece.from_us)), []).append(piece)
        found: list[IdlePiece] = []
        known_s = 0.0
        for machine in self._judged():
            day = first
            while day <= last:
                key, window = (machine.id, day), calendar.day_window(day)
                made = _Day(stored.get(key, []), settled[key]) if key in settled else await self._unsettled(machine, day)
                length_s = (min(window.to_us, self._clock.now_us()) - window.from_us) / 1e6
                inside_s = (min(window.to_us, to_us) - max(window.from_us, from_us)) / 1e6
                known_s += min(inside_s, made.known_s * inside_s / length_s) if length_s > 0 else 0.0
                found += [cut for piece in made.pieces if (cut := clipped(piece, from_us, to_us)) is not None]
                day += timedelta(days=1)
        return joined(found), known_s

    async def _nothing_in(self, machine: Machine, day: date) -> bool:
        """The day lies before the machine's first sample."""
        return await self._accounting.empty_before(machine.id, self._accounting.calendar.day_window(day).to_us)

    async def _unsettled(self, machine: Machine, day: date) -> _Day:
        """Computed now; kept when the day is over for good."""
        if await self._nothing_in(machine, day):
            return _Day((), 0.0)
        if self._accounting.calendar.day_window(day).to_us + SETTLED_AFTER_US <= self._clock.now_us():
            return await self._settle(machine, day)
        return await self._compute(machine, day)

    async def _compute(self, machine: Machine, day: date) -> _Day:
        calendar, now_us = self._accounting.calendar, self._clock.now_us()
        window = calendar.day_window(day)
        end_us = min(window.to_us, now_us)
        before = await self._states.states(machine.id, window.from_us - LOOK_BACK_US, window.from_us)
        planned: list[tuple[Planned, Sequence[StateInterval]]] = []
        for stretch in planned_time(calendar, window.from_us, end_us, machine.shifts):
            coarse = stretch.to_us < now_us - COARSE_AFTER_US
            states = await self._accounting.states(machine.id, stretch.from_us, stretch.to_us, coarse=coarse)
            planned.append((stretch, states))
        ahead = planned_time(calendar, end_us, end_us + DAY_US, machine.shifts)
        following_us = next((stretch.from_us for stretch in ahead if stretch.kind != "free"), None)
        pieces = idle_pieces(machine.id, before, planned, following_us, _warm_up_us(machine))
        return _Day(pieces, _known_s(planned))

    def _basis(self) -> str:
        """Fingerprint of what the reasons depend on."""
        plant = self._plant()
        planned = [(machine.id, machine.shifts) for machine in plant.machines]
        words = repr((RULE_VERSION, plant.site.timezone, plant.shifts, plant.calendar, planned))
        return hashlib.sha256(words.encode()).hexdigest()[:32]


def _share(part: float, whole: float) -> float:
    return min(1.0, part / whole) if whole > 0 else 0.0


def _warm_up_us(machine: Machine) -> int:
    given = machine.standby.warm_up_min if machine.standby is not None else None
    return DEFAULT_WARM_UP_US if given is None else round(given * 6e7)


def _known_s(planned: Iterable[tuple[Planned, Sequence[StateInterval]]]) -> float:
    return sum(
        ((stretch.to_us if i.to_us is None else i.to_us) - i.from_us) / 1e6
        for stretch, intervals in planned
        for i in intervals
        if i.state is not MachineState.NO_DATA
    )


