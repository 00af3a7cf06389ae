"""Which program each interval of a machine's states names."""

from __future__ import annotations

from itertools import pairwise

from domain.production import ProgramStretch
from domain.state import MachineState, StateInterval
from web_interface.api.machines import programs_of

STRETCHES = [
    ProgramStretch("m", None, 0, 10), ProgramStretch("m", "A", 10, 40), ProgramStretch("m", "B", 40, 45),
    ProgramStretch("m", "A", 45, 50), ProgramStretch("m", "C", 50, 100),
]  # fmt: skip


def intervals(*borders: int | None) -> list[StateInterval]:
    return [
        StateInterval("m", MachineState.IDLE, begin or 0, end) for begin, end in pairwise(borders)
    ]  # fmt: skip


def test_an_interval_names_the_program_that_was_on_longest() -> None:
    assert programs_of(intervals(0, 5, 20, 44, 60, None), STRETCHES) == [None, "A", "A", "C", "C"]
    assert programs_of(intervals(0, 100), STRETCHES) == ["C"]


def test_without_programs_there_is_none() -> None:
    assert programs_of(intervals(0, 50, None), []) == [None, None]
