"""Operators' notes on machines."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from sqlalchemy import select

from database import tables
from database.engine import Store
from domain.note import MachineNote

_NOTE = tables.tables_notes.machine_note


class NoteRepository:
    """Implements domain.note.NoteStore."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def add_note(self, note: MachineNote) -> MachineNote:
        """The answer carries the id."""
        row = {name: value for name, value in dataclasses.asdict(note).items() if name != "id"}
        async with self._store.write() as connection:
            return dataclasses.replace(note, id=await self._store.insert_id(connection, _NOTE, row))

    async def notes(self, machine_id: str, from_us: int, to_us: int) -> Sequence[MachineNote]:
        """Of [from_us, to_us), in order of the instants they are about."""
        wanted = select(_NOTE).where(_NOTE.c.machine_id == machine_id, _NOTE.c.time_us >= from_us, _NOTE.c.time_us < to_us)
        async with self._store.read() as connection:
            rows = (await connection.execute(wanted.order_by(_NOTE.c.time_us, _NOTE.c.id))).all()
        return [MachineNote(r.id, r.machine_id, r.time_us, r.text, r.author, r.written_us) for r in rows]
