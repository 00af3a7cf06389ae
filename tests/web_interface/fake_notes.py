"""Notes of the invented shop: the real service over a store in memory, with one note of this shift."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from analysis.machine_notes import MachineNotes
from domain.note import MachineNote
from tests.web_interface import fake_shop as shop
from tests.web_interface.memory_stores import MemoryAudit


class MemoryNotes:
    """NoteStore."""

    def __init__(self, notes: Sequence[MachineNote] = ()) -> None:
        self.kept = list(notes)

    async def add_note(self, note: MachineNote) -> MachineNote:
        self.kept.append(replace(note, id=len(self.kept) + 1))
        return self.kept[-1]

    async def notes(self, machine_id: str, from_us: int, to_us: int) -> Sequence[MachineNote]:
        found = [n for n in self.kept if n.machine_id == machine_id and from_us <= n.time_us < to_us]
        return sorted(found, key=lambda note: (note.time_us, note.id))


def fake_notes(clock: shop.ShopClock, audit: MemoryAudit) -> MachineNotes:
    """One note is there already."""
    now_us = clock.now_us()
    first = MachineNote(1, "lathe-1", now_us - 98 * shop.MIN, "Наладка под VAL_2041", "operator", now_us - 90 * shop.MIN)
    return MachineNotes(shop.plant, MemoryNotes([first]), audit, clock)
