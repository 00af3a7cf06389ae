"""One rule on one subject, as a stream: the same code live and in a rehearsal over history.

Whatever the kind, a rule is a value compared with borders (limits.py): the tag's own, its rate of change, its deviation from an
expectation in %, or how long something lasts in s. By design it is silent while its gate is closed (state of the machine, shift):
what stands then is suppressed, what begins then is not raised until the gate has been open for the on-delay.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from analysis.calendar import Calendar
from analysis.expected import Expected, deviation_percent
from analysis.limits import Damping, LimitWatch, Transition
from analysis.states import usable
from domain.alert import LimitRule, Priority
from domain.alert_rule import PER_S, AlertRule, RuleKind, Scope, ScopeKind
from domain.plant import Tag
from domain.state import MachineState

ANY_SHIFT = "*"


@dataclass(frozen=True, slots=True)
class Subject:
    """What one rule watches in one place. `name`: the tag, machine or device."""

    name: str
    tag: Tag | None = None
    machine_id: str | None = None
    device_id: str | None = None


class EventKind(Enum):
    """What becomes of an alert."""

    RAISE = "raise"
    RETURN = "return"
    SUPPRESS = "suppress"
    RELEASE = "release"


@dataclass(frozen=True, slots=True)
class RuleEvent:
    """`value` and `limit` in the unit of the rule's kind; `reason` of a suppression: "state:idle" or "shift"."""

    kind: EventKind
    side: str
    time_us: int
    value: float
    limit: float
    reason: str = ""


class RateOfChange:
    """Change per `per_s` seconds over the last `over_s`, by the oldest and the newest sample of that span."""

    def __init__(self, per_s: float, over_s: float) -> None:
        self._per_s, self._over_us = per_s, round(over_s * 1e6)
        self._samples: deque[tuple[int, float]] = deque()

    def feed(self, time_us: int, value: float) -> float | None:
        """None until the samples span half of it; a gap begins anew."""
        samples = self._samples
        if samples and not 0 < time_us - samples[-1][0] <= self._over_us:
            samples.clear()
        samples.append((time_us, value))
        while time_us - samples[0][0] > self._over_us:
            samples.popleft()
        span_us = time_us - samples[0][0]
        if span_us < self._over_us / 2:
            return None
        return (value - samples[0][1]) / (span_us / 1e6) * self._per_s


class Gate:
    """Is it normal now, so that the rule is silent?"""

    def __init__(self, rule: AlertRule, calendar: Calendar) -> None:
        self._states, self._shifts, self._calendar = rule.only_while, rule.only_in_shifts, calendar
        self._from_us = self._to_us = 0
        self._running = ""

    def closed(self, time_us: int, state: MachineState) -> str:
        """Why it is closed, "" while it is open."""
        if self._states and state not in self._states:
            return f"state:{state.value}"
        if self._shifts is not None:
            name = self._shift(time_us)
            if not name or (ANY_SHIFT not in self._shifts and name not in self._shifts):
                return "shift"
        return ""

    def _shift(self, time_us: int) -> str:
        if not self._from_us <= time_us < self._to_us:
            window = self._calendar.shift_at(time_us)
            minute = time_us - time_us % 60_000_000
            self._running = "" if window is None else window.name
            self._from_us, self._to_us = (minute, minute + 60_000_000) if window is None else (window.from_us, window.to_us)
        return self._running


class RuleWatch:
    """Feed samples (or states, or the time of the last answer) in time order and tick; events come out."""

    def __init__(
        self, rule: AlertRule, subject: Subject, *, calendar: Calendar, expected: Expected | None = None, start_us: int = 0
    ) -> None:
        self.rule, self.subject, self.expected = rule, subject, expected
        interval_s = 1.0 if subject.tag is None else subject.tag.interval_s
        damping = Damping(rule.hysteresis, rule.on_delay_s, rule.off_delay_s)
        self._watch = LimitWatch(rule.borders, damping, interval_s)
        self._on_us = round(rule.on_delay_s * 1e6)
        self._gate = Gate(rule, calendar) if rule.only_while or rule.only_in_shifts is not None else None
        per_s = PER_S[rule.per]
        self._rate = RateOfChange(per_s, rule.over_s or max(per_s, 5 * interval_s)) if rule.kind is RuleKind.RATE else None
        self._state = MachineState.NO_DATA
        self._since_us: int | None = None if rule.kind is RuleKind.STATE else start_us
        self._closed = ""
        self._open_us = start_us
        self._told: dict[str, float] = {}  # side -> limit, of the alerts that stand

    @property
    def sides(self) -> list[str]:
        """The borders that are watched."""
        return self._watch.sides

    @property
    def since_us(self) -> int | None:
        """Since when what it times lasts; None while it does not."""
        return self._since_us

    def same(self, other: RuleWatch) -> bool:
        """Would `other` judge alike?"""
        return self.rule.version == other.rule.version and self.subject == other.subject

    def restore(self, side: str) -> None:
        """An alert of that border stands since before the start."""
        self._watch.restore(side)
        self._told[side] = self.rule.borders.get(side, 0.0)

    def forget_times(self) -> None:
        """The wall clock stepped back."""
        self._watch.forget_times()

    def feed(self, time_us: int, value: float | None, quality: int) -> Sequence[RuleEvent]:
        """One sample of the watched tag."""
        if value is None or not usable(value, quality):
            return ()
        kind = self.rule.kind
        if kind is RuleKind.NO_DATA:
            self._since_us = max(self._since_us or 0, time_us)
            return self._lasting(time_us)
        derived: float | None = value
        if self._rate is not None:
            derived = self._rate.feed(time_us, value)
        elif kind is RuleKind.DEVIATION:
            derived = None if self.expected is None else deviation_percent(value, self.expected.at(time_us))
        if derived is None:
            return ()
        changes = self._watch.feed(time_us, derived, 0)
        if self._gate is None and not changes:
            return ()
        return self._judge(time_us, changes)

    def feed_state(self, from_us: int, state: MachineState, now_us: int) -> Sequence[RuleEvent]:
        """The machine is in `state` since `from_us`."""
        before, self._state = self._state, state
        if self.rule.kind is RuleKind.STATE:
            if state not in self.rule.states:
                self._since_us = None
            elif self._since_us is None or before not in self.rule.states:
                self._since_us = from_us
            return self._lasting(now_us)
        return self._judge(now_us, []) if self._gate is not None else ()

    def heard(self, time_us: int, now_us: int) -> Sequence[RuleEvent]:
        """The device answered last at `time_us`."""
        self._since_us = time_us
        return self._lasting(now_us)

    def tick(self, now_us: int) -> Sequence[RuleEvent]:
        """Time passed."""
        if self.rule.kind.is_duration:
            return self._lasting(now_us)
        changes = self._watch.tick(now_us)
        if self._gate is None and not changes:
            return ()
        return self._judge(now_us, changes)

    def _lasting(self, now_us: int) -> Sequence[RuleEvent]:
        lasts_s = 0.0 if self._since_us is None else max(0, now_us - self._since_us) / 1e6
        return self._judge(now_us, self._watch.feed(now_us, lasts_s, 0))

    def _judge(self, now_us: int, changes: Sequence[Transition]) -> Sequence[RuleEvent]:
        events: list[RuleEvent] = []
        closed = "" if self._gate is None else self._gate.closed(now_us, self._state)
        if bool(closed) != bool(self._closed):
            kind = EventKind.SUPPRESS if closed else EventKind.RELEASE
            events += [RuleEvent(kind, side, now_us, 0.0, limit, closed) for side, limit in self._told.items()]
            if not closed:
                self._open_us = now_us
        self._closed = closed
        for change in changes:
            if not change.raised and self._told.pop(change.side, None) is not None:
                events.append(RuleEvent(EventKind.RETURN, change.side, change.time_us, change.value, change.limit))
            elif change.raised and self._gate is None:
                events.append(self._raise(change, now_us))
        if self._gate is not None and not closed:
            due = now_us - self._open_us >= self._on_us
            events += [self._raise(c, now_us) for c in self._watch.raised() if due and c.side not in self._told]
        return events

    def _raise(self, change: Transition, now_us: int) -> RuleEvent:
        self._told[change.side] = change.limit
        return RuleEvent(EventKind.RAISE, change.side, now_us, change.value, change.limit)


def rule_of_limit(limit: LimitRule) -> AlertRule:
    """A limit of the plant is a rule of kind level on one tag; its id is "limit-" and the tag."""
    return AlertRule(
        f"limit-{limit.tag}", RuleKind.LEVEL, Scope(ScopeKind.TAG, limit.tag), limit.high, limit.critical_high, limit.low,
        limit.critical_low, limit.hysteresis, limit.on_delay_s, limit.off_delay_s,
    )  # fmt: skip


_BY_KIND = {
    RuleKind.STATE: "state_long", RuleKind.NO_DATA: "tag_no_data", RuleKind.COMMUNICATION: "communication",
}  # fmt: skip


def alert_rule_name(rule: AlertRule, side: str) -> str:
    """What the alert is called, for its text: high, rate_high, deviation_low, state_long ..."""
    if rule.kind is RuleKind.LEVEL:
        return side
    return _BY_KIND.get(rule.kind) or f"{rule.kind.value}_{side}"


def priority_of(rule: AlertRule, side: str) -> Priority:
    """The rule's own, else critical for a critical border, high for a level, medium for what lasts or deviates."""
    if rule.priority is not None:
        return rule.priority
    if side.startswith("critical"):
        return Priority.CRITICAL
    return Priority.HIGH if rule.kind in {RuleKind.LEVEL, RuleKind.RATE} else Priority.MEDIUM
