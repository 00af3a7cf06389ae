"""What a machine's own control tells: whether it runs, how many parts it made, which program was on.

The signals may come from any tags: an enumeration of a CNC, a digital input of a counting module, a text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

ANY_OTHER = "*"
"""Among the values of a state: every one that stands in no list."""


class ControlState(Enum):
    """What the control says of itself."""

    RUNNING = "running"
    IDLE = "idle"
    ALARM = "alarm"


@dataclass(frozen=True, slots=True)
class ControlSignals:
    """Tags (full names, "plc.execution_state") of a machine's control, and what the values of `execution` mean.

    Values are held as `value_key` writes them; one that stands in no list says nothing, and the power decides, unless a list
    holds `*`, which is every other value. While `alarm_active` is not 0, false or a word such as NORMAL, there is an alarm,
    whatever `execution` tells.
    `connected`: while it is 0, false or a word such as UNAVAILABLE, the other signals say nothing.
    `shortest_cycle_s`: no part takes less; a counter that grows faster is not believed.
    """

    execution: str | None = None
    running: frozenset[str] = frozenset()
    idle: frozenset[str] = frozenset()
    alarm: frozenset[str] = frozenset()
    part_count: str | None = None
    program: str | None = None
    connected: str | None = None
    shortest_cycle_s: float = 1.0
    alarm_active: str | None = None

    def claim(self, key: str) -> ControlState | None:
        """What a value of `execution` means; None: nothing."""
        for state, values in (
            (ControlState.ALARM, self.alarm), (ControlState.RUNNING, self.running), (ControlState.IDLE, self.idle),
        ):  # fmt: skip
            if key in values:
                return state
        return self._otherwise

    @property
    def _otherwise(self) -> ControlState | None:
        """What a value means that stands in no list."""
        if ANY_OTHER in self.running:
            return ControlState.RUNNING
        if ANY_OTHER in self.idle:
            return ControlState.IDLE
        return ControlState.ALARM if ANY_OTHER in self.alarm else None

    @property
    def tags(self) -> tuple[str, ...]:
        """All tags it names."""
        named = (self.execution, self.part_count, self.program, self.connected, self.alarm_active)
        return tuple(tag for tag in named if tag is not None)


def value_key(value: object) -> str:
    """A value of a signal as it is compared: true is 1, 2.0 is 2, texts without regard to case and outer blanks."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, int | float):
        return f"{value:g}"
    return str(value).strip().casefold()


class PartStepKind(Enum):
    """What happened between two readings of a part counter."""

    COUNTED = "counted"
    WRAP = "wrap"  # rolled over: counted
    RESET = "reset"  # set back, by an operator as a rule: what it shows since is counted
    JUMP = "jump"  # grew faster than parts can be made: not counted


@dataclass(frozen=True, slots=True)
class PartStep:
    """`parts` were counted between two readings (from_us, to_us]; `shown` is what the counter moved by."""

    from_us: int
    to_us: int
    parts: int
    kind: PartStepKind
    shown: float


@dataclass(frozen=True, slots=True)
class PartCount:
    """Parts of one machine in [from_us, to_us). `parts` None: nothing was read, or the machine counts no parts.

    A part belongs to the time its counter was read with it. `completeness` 0..1: share of the window with its
    readings.
    `doubtful`: resets and jumps of the window; `refused`: sum of what jumps showed and was not counted.
    """

    machine_id: str
    from_us: int
    to_us: int
    parts: int | None
    completeness: float
    steps: tuple[PartStep, ...] = ()

    @property
    def doubtful(self) -> tuple[PartStep, ...]:
        return tuple(step for step in self.steps if step.kind in {PartStepKind.RESET, PartStepKind.JUMP})

    @property
    def refused(self) -> int:
        return round(sum(step.shown for step in self.steps if step.kind is PartStepKind.JUMP))


@dataclass(frozen=True, slots=True)
class ProgramStretch:
    """One program was on from `from_us` to `to_us`, cut at the window; `program` None: not known. `parts` as in PartCount.

    `main`: the program that called it, where the control tells both and they differ.
    """

    machine_id: str
    program: str | None
    from_us: int
    to_us: int
    parts: int | None = None
    main: str | None = None


def parts_between(steps: Sequence[PartStep], from_us: int, to_us: int) -> int:
    """Parts counted in [from_us, to_us): each where it was read."""
    return sum(step.parts for step in steps if from_us <= step.to_us < to_us)
