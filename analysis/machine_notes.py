"""Notes of operators on a machine: who may write, what a note must be, what the audit says of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from domain.access import Actor, Role
from domain.errors import ConfigError, Forbidden, NotFound
from domain.note import LONGEST_NOTE, MachineNote, NoteStore
from domain.plant import Plant
from domain.ports import Clock
from domain.stores import AuditStore

OLDEST_US = 400 * 86_400_000_000
LEEWAY_US = 60_000_000  # clocks of browsers run ahead a little


class MachineNotes:
    """Implements web_interface.services.NoteService."""

    def __init__(self, plant: Callable[[], Plant], store: NoteStore, audit: AuditStore, clock: Clock) -> None:
        self._plant, self._store, self._audit, self._clock = plant, store, audit, clock

    async def notes(self, machine_id: str, from_us: int, to_us: int) -> Sequence[MachineNote]:
        """Of [from_us, to_us), in order of time. Raises NotFound."""
        self._known(machine_id)
        return await self._store.notes(machine_id, from_us, to_us)

    async def add(self, machine_id: str, time_us: int, text: str, actor: Actor) -> MachineNote:
        """A note on the instant `time_us`. Raises Forbidden (below operator), NotFound, ConfigError."""
        now_us = self._clock.now_us()
        if not actor.role.allows(Role.OPERATOR):
            await self._audit.append(now_us, actor.name, actor.source, "refused", f"note on {machine_id}", result="failed")
            raise Forbidden("a note on a machine needs the role operator")
        self._known(machine_id)
        words = " ".join(text.split())
        if not words or len(words) > LONGEST_NOTE:
            raise ConfigError(f"text: expected 1 to {LONGEST_NOTE} characters")
        if not now_us - OLDEST_US <= time_us <= now_us + LEEWAY_US:
            raise ConfigError("time: expected a time of the last 400 days, not in the future")
        await self._audit.append(now_us, actor.name, actor.source, "machine_note", f"{machine_id} {time_us}", new=words)
        return await self._store.add_note(MachineNote(0, machine_id, time_us, words, actor.name, now_us))

    def _known(self, machine_id: str) -> None:
        ids = tuple(machine.id for machine in self._plant().machines)
        if machine_id not in ids:
            raise NotFound("machine", machine_id, ids[:5])
