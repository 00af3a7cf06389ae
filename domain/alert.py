"""Alerts after ISA-18.2: priorities, states, one record per occurrence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

LONGEST_TEXT = 1000  # characters of a note, a comment or a reason


class Priority(Enum):
    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def rank(self) -> int:
        """0 is the most urgent."""
        return list(Priority).index(self)


class AlertState(Enum):
    """unacknowledged: standing, nobody took it; acknowledged: standing, taken; returned: gone, nobody took it; cleared: over."""

    UNACKNOWLEDGED = "unacknowledged"
    ACKNOWLEDGED = "acknowledged"
    RETURNED = "returned"
    CLEARED = "cleared"

    @property
    def is_active(self) -> bool:
        return self is not AlertState.CLEARED


class HoldKind(Enum):
    """Why an alert that stands is not shown to the operator (ISA-18.2, suppression).

    shelved: by an operator, for a time; suppressed: by design, the machine's state or the shift makes it normal;
    out_of_service: by an engineer, until taken back.
    """

    SHELVED = "shelved"
    SUPPRESSED = "suppressed"
    OUT_OF_SERVICE = "out_of_service"


@dataclass(frozen=True, slots=True)
class Hold:
    """`until_us` None: until somebody or the design takes it back."""

    kind: HoldKind
    since_us: int
    until_us: int | None = None
    by: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class KeyHold:
    """A hold of a condition: it outlives the alert and meets the next one of the same key.

    `key` is an alert's key; one that ends in ":" holds every key that begins with it (all alerts of one rule).
    """

    key: str
    hold: Hold

    def covers(self, key: str) -> bool:
        """Does it hold the condition of that key?"""
        return key.startswith(self.key) if self.key.endswith(":") else key == self.key


class Action(Enum):
    """What a transition was."""

    RAISE = "raise"
    REPEAT = "repeat"  # came again before it was over, or shortly after: the same alert, counted
    ACKNOWLEDGE = "acknowledge"
    RETURN = "return"
    CLEAR = "clear"
    SHELVE = "shelve"
    SUPPRESS = "suppress"
    OUT_OF_SERVICE = "out_of_service"
    RELEASE = "release"  # no longer held, by a person, the clock or the design
    ESCALATE = "escalate"
    COMMENT = "comment"


@dataclass(frozen=True, slots=True)
class Change:
    """One transition of an alert. `number` counts from 1 within the alert and is its identity: recorded at most once.

    `to`: whom an escalation reaches, user names or "role:admin".
    """

    number: int
    action: Action
    state: AlertState
    time_us: int
    actor: str | None = None
    note: str | None = None
    to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Alert:
    """One occurrence. `key` identifies the condition (rule and subject): at most one alert that is not cleared per key.

    Values and limits are in `unit`. Text for people comes from the catalogues, message id alert.<rule>, unless the rule
    brings its own `message` (language -> text).
    """

    id: int  # 0 until stored
    key: str
    rule: str  # high | critical_high | low | critical_low | no_data | line_down | storage | clock ...
    priority: Priority
    state: AlertState
    machine_id: str | None
    tag: str | None  # full name, "m1.active_power"
    device_id: str | None
    value: float | None
    limit: float | None
    unit: str
    raised_us: int
    returned_us: int | None = None
    acknowledged_us: int | None = None
    acknowledged_by: str | None = None
    note: str | None = None
    detail: str = ""
    rule_id: str | None = None  # of the rule that raised it, with its version: AlertRule.id, AlertRule.version
    rule_version: str = ""
    message: Mapping[str, str] = field(default_factory=dict)
    repeats: int = 0  # how often it came again
    last_raised_us: int | None = None  # when it came last; None: only once
    chattering: bool = False
    hold: Hold | None = None
    group: str | None = None  # alerts of one cause share it
    escalation: int = 0  # steps of the escalation taken
    change: Change | None = field(default=None, compare=False)  # the transition that made it; None when read from the store
    changes: int = field(default=0, compare=False)  # transitions so far

    @property
    def is_shown(self) -> bool:
        """Is it in the operator's list: not over, not held?"""
        return self.state.is_active and self.hold is None

    @property
    def waits(self) -> bool:
        """Must somebody take it?"""
        return self.is_shown and self.state in {AlertState.UNACKNOWLEDGED, AlertState.RETURNED}


@dataclass(frozen=True, slots=True)
class LimitRule:
    """Limits of one tag, in its canonical unit. None means that border is not watched."""

    tag: str
    high: float | None = None
    critical_high: float | None = None
    low: float | None = None
    critical_low: float | None = None
    hysteresis: float = 0.0
    on_delay_s: float = 0.0
    off_delay_s: float = 0.0
    id: int = 0
