"""What people noted about a machine at an instant: operators' own words on its time axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

LONGEST_NOTE = 500  # characters, of a note about idling too


@dataclass(frozen=True, slots=True)
class MachineNote:
    """`time_us`: the instant it is about, UTC; `written_us`: when it was written. `id` 0 until stored."""

    id: int
    machine_id: str
    time_us: int
    text: str
    author: str
    written_us: int


class NoteStore(Protocol):
    """Notes are added, never changed."""

    async def add_note(self, note: MachineNote) -> MachineNote:
        """The answer carries the id."""
        ...

    async def notes(self, machine_id: str, from_us: int, to_us: int) -> Sequence[MachineNote]:
        """Of [from_us, to_us), in order of the instants they are about."""
        ...
