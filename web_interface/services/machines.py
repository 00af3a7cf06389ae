"""One machine: its states, parts and programs, control loops, and what people noted of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from domain.access import Actor
from domain.loop import ControlLoop, LoopEpisode, LoopReport
from domain.note import MachineNote
from domain.production import PartCount, ProgramStretch
from domain.state import StateThresholds
from domain.state_rule import LearnedBorders, Recompute, Rehearsal
from domain.substate import SubStates


class StateService(Protocol):
    """Borders of states: learned, tried on the past, the past judged anew."""
    async def learned(self, machine_id: str) -> LearnedBorders:
        """From the power of the last two weeks. Raises NotFound."""
    async def rehearse(self, machine_id: str, proposed: StateThresholds) -> Rehearsal:
        """The last 30 days under the present and the proposed borders. Raises NotFound, ConfigError (reason and fix)."""
    async def substates(self, machine_id: str, from_us: int, to_us: int) -> SubStates:
        """Stand-by, warm-up, ready, processing, where the power shows them. Raises NotFound."""
        ...

    def recomputes(self) -> Sequence[Recompute]:
        """The last one of each machine."""
    async def cancel(self, machine_id: str, actor: Actor) -> Recompute:
        """Raises NotFound without a running one, Forbidden below engineer."""
        ...


class ProductionService(Protocol):
    """Parts and programs of machines whose control tells them."""
    async def parts(self, machine_id: str, from_us: int, to_us: int) -> PartCount:
        """`parts` None where none are counted. Raises NotFound."""
        ...
    async def programs(
        self, machine_id: str, from_us: int, to_us: int, *, with_parts: bool = True
    ) -> Sequence[ProgramStretch]:
        """Stretches that tile the elapsed part of the window; empty where no program is told. Raises NotFound."""
        ...


class LoopService(Protocol):
    """How well control loops do."""

    @property
    def loops(self) -> Sequence[ControlLoop]:
        """As the plant names them."""
        ...

    async def report(self, loop_id: str, from_us: int, to_us: int) -> LoopReport:
        """As the samples stand now. Raises NotFound, ConfigError when the window is too long."""
        ...

    async def episodes(self, loop_id: str, from_us: int, to_us: int) -> Sequence[LoopEpisode]:
        """Stored ones that begin in the window, in order. Raises NotFound."""
        ...


class NoteService(Protocol):
    """Operators' notes on machines."""

    async def notes(self, machine_id: str, from_us: int, to_us: int) -> Sequence[MachineNote]:
        """Of [from_us, to_us), in order of time. Raises NotFound."""
        ...

    async def add(self, machine_id: str, time_us: int, text: str, actor: Actor) -> MachineNote:
        """A note on the instant. Raises Forbidden (below operator), NotFound, ConfigError."""
        ...
