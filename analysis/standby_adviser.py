"""Stand-by advice for machines that idle now, from their facts and their own pauses of the last weeks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from analysis.accounting import EnergyAccounting
from analysis.prices import Prices
from analysis.standby import advice, break_even_min, expected_left_min, learned, merged, pauses_of, saving_kwh
from domain.errors import NotFound
from domain.figures import StandbyAdvice
from domain.plant import Plant
from domain.ports import Clock
from domain.state import MachineState, StateInterval
from domain.stores import StateStore
from domain.tariff import Standby

PAUSES_US = 14 * 86_400_000_000
LEARN_US = 3 * 86_400_000_000  # of states with energies
KEPT_US = 3_600_000_000


@dataclass(frozen=True, slots=True)
class _History:
    """What a machine's past tells; looked at again after an hour."""

    made_us: int
    pauses_min: Sequence[float]
    facts: Standby


class StandbyAdviser:
    """`current` gives a machine's running state."""

    def __init__(
        self, plant: Callable[[], Plant], accounting: EnergyAccounting, states: StateStore, prices: Prices, clock: Clock,
        current: Callable[[str], StateInterval | None],
    ) -> None:
        self._plant, self._accounting, self._states = plant, accounting, states
        self._prices, self._clock, self._current = prices, clock, current
        self._known: dict[str, _History] = {}

    async def all(self) -> Sequence[StandbyAdvice]:
        """Of every machine whose states are judged; what should be switched off comes first."""
        judged = [machine.id for machine in self._plant().machines if machine.states is not None]
        found = [await self.of(machine_id) for machine_id in judged]
        return sorted(found, key=lambda a: (a.advice != "switch_off", a.idle_since_us is None, -(a.saving_kwh or 0.0)))

    async def of(self, machine_id: str) -> StandbyAdvice:
        """Raises NotFound."""
        machine = next((m for m in self._plant().machines if m.id == machine_id), None)
        if machine is None:
            raise NotFound("machine", machine_id, tuple(m.id for m in self._plant().machines)[:5])
        now_us = self._clock.now_us()
        history = await self._history(machine_id, now_us)
        facts, taken = merged(machine.standby, history.facts)
        running = self._current(machine_id)
        since_us = running.from_us if running is not None and running.state is MachineState.IDLE else None
        expected = None if since_us is None else expected_left_min(history.pauses_min, (now_us - since_us) / 6e7)
        saved = saving_kwh(facts, expected)
        price = (await self._prices.book(now_us, now_us + 1)).at(now_us)[1]
        return StandbyAdvice(
            machine_id, facts, taken, break_even_min(facts), since_us, expected, len(history.pauses_min),
            "none" if since_us is None else advice(facts, expected), saved,
            None if saved is None or price is None else saved * price,
        )  # fmt: skip

    async def _history(self, machine_id: str, now_us: int) -> _History:
        known = self._known.get(machine_id)
        if known is not None and now_us - known.made_us < KEPT_US:
            return known
        stored = await self._states.states(machine_id, now_us - PAUSES_US, now_us)
        closed = [interval for interval in stored if interval.to_us is not None]
        given = self._plant().machine(machine_id).standby
        facts = Standby()
        if given is None or None in {given.warm_up_kwh, given.warm_up_min, given.off_kw, given.idle_kw}:
            facts = learned(await self._accounting.states(machine_id, now_us - LEARN_US, now_us, coarse=True))
        found = self._known[machine_id] = _History(now_us, pauses_of(closed), facts)
        return found
