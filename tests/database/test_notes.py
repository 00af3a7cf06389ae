"""Operators' notes on machines."""

from __future__ import annotations

from pathlib import Path

from domain.note import MachineNote
from tests.conftest import FakeClock
from tests.database.test_repositories import opened

T = 1_795_084_920_000_000


def note(machine: str, at_us: int, text: str = "замена пластины") -> MachineNote:
    return MachineNote(0, machine, at_us, text, "anna", T)


async def test_notes_of_a_machine_come_by_the_instants_they_are_about(
    database_url: str, tmp_path: Path, fake_clock: FakeClock
) -> None:
    async with opened(database_url, tmp_path, fake_clock) as database:
        late = await database.notes.add_note(note("lathe", T + 5))
        early = await database.notes.add_note(note("lathe", T))
        await database.notes.add_note(note("mill", T + 1))
        assert 0 < late.id < early.id
        assert await database.notes.notes("lathe", T, T + 6) == [early, late]
        assert await database.notes.notes("lathe", T + 1, T + 5) == []
