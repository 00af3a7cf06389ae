"""The idle ledger's records and its store: which machine idled when, why, with what energy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

LEFT_ON, OUTSIDE, WAITING, BREAK, WARM_UP = "left_on", "outside", "waiting", "break", "warm_up"
REASONS = (LEFT_ON, OUTSIDE, WAITING, BREAK, WARM_UP)


@dataclass(frozen=True, slots=True)
class IdlePiece:
    """A stretch of idling for one reason. `shift` is the running shift, outside shifts the last one ("" when there was none).

    left_on: on since the shift that is over; outside: idling outside shifts, switched on there; waiting: within a shift; break:
    within its break; warm_up: from switching on until the work or the warm-up time is over.
    """

    machine_id: str
    from_us: int
    to_us: int
    reason: str
    shift: str
    shift_day: date
    energy_kwh: float | None
    estimated_kwh: float


@dataclass(frozen=True, slots=True)
class IdleNote:
    """What a person said about a stretch of idling."""

    id: int
    machine_id: str
    from_us: int
    to_us: int
    text: str
    author: str
    written_us: int


class IdleStore(Protocol):
    """Settled days of the ledger and notes on it. A day is one of the site's calendar."""

    async def settled(self, first: date, last: date, basis: str) -> Sequence[tuple[str, date, float]]:
        """(machine, day, known seconds) settled under that basis."""
        ...

    async def settle(
        self, machine_id: str, day: date, basis: str, known_s: float, rule_version: int, pieces: Sequence[IdlePiece]
    ) -> None:
        """Replace the day's pieces and mark it settled, in one transaction."""
        ...

    async def unsettle(self, machine_id: str, first: date, last: date) -> None:
        """Its past changed: these days are to be computed again."""
        ...

    async def pieces(self, first: date, last: date) -> Sequence[IdlePiece]:
        """Of all machines, by machine and time, of days that are stored."""
        ...

    async def add_note(self, note: IdleNote) -> IdleNote:
        """The answer carries the id."""
        ...

    async def notes(self, from_us: int, to_us: int) -> Sequence[IdleNote]:
        """Notes on stretches that overlap the window, oldest first."""
        ...
