"""The plant's rules at work: expands them to their subjects, feeds them, and turns their events into alerts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from analysis.alerts import AlertEngine
from analysis.calendar import Calendar
from analysis.expected import Constant, Expected, MedianByHour, Model, ModelValue, OtherTag
from analysis.limits import limit_key
from analysis.rule_scopes import RuleScopes
from analysis.rules import EventKind, RuleEvent, RuleWatch, Subject, alert_rule_name, priority_of, rule_of_limit
from domain.alert_rule import AlertRule, Baseline, BaselineKind, RuleKind
from domain.plant import Plant, Tag
from domain.ports import Clock, History, Step
from domain.sample import TagId
from domain.state import StateInterval

log = logging.getLogger(__name__)

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
STALE_INTERVALS = 5  # another tag's value is compared with for so many of its intervals
MINUTES_FROM_S = 120  # a duration is told in minutes from there on

Feed = Callable[[int, float | None, int], None]
StateOf = Callable[[str], StateInterval | None]
SilentFor = Callable[[str], float | None]
"""Seconds since a device was heard last; None for one that is not watched."""


@dataclass(slots=True)
class _Entry:
    watch: RuleWatch
    rule: AlertRule
    limit: bool  # of the plant's `limits`: its alerts keep their own keys

    def key(self, side: str) -> str:
        name = self.watch.subject.name
        return limit_key(name, side) if self.limit else f"rule:{self.rule.id}:{name}:{side}"


@dataclass(slots=True)
class _Median:
    own: MedianByHour
    tag_id: TagId
    days: int
    learnt_us: int = 0


class RuleBook:
    """`apply` the plant, hand each sample of `feeds` over, `on_state`, and `tick` once a second."""

    refresh_s = 60.0  # how often to look whether something is to be learnt

    def __init__(self, alerts: AlertEngine, history: History, clock: Clock, state_of: StateOf, silent_for: SilentFor) -> None:
        self._alerts, self._history, self._clock = alerts, history, clock
        self._state_of, self._silent_for = state_of, silent_for
        self._entries: list[_Entry] = []
        self._by_machine: dict[str, list[_Entry]] = {}
        self._timed: list[_Entry] = []
        self._feeds: dict[TagId, list[Feed]] = {}
        self._medians: list[_Median] = []
        self.models: dict[str, Model] = {}  # sources of expected values, by name
        self._restored = False

    def register_model(self, name: str, model: Model) -> None:
        """A source of expected values (`baseline: {model: name}`): energy baselines and the like."""
        self.models[name] = model

    # -- wiring ----------------------------------------------------------------------------------------------------

    def apply(self, plant: Plant, tags: Sequence[Tag]) -> None:
        """The plant changed. What judges as before keeps its state."""
        before = {(entry.limit, entry.rule.id, entry.watch.subject.name): entry for entry in self._entries}
        self._entries, self._feeds, self._medians = [], {}, []
        calendar = Calendar.of(plant)
        by_name, scopes = {tag.name: tag for tag in tags}, RuleScopes(plant, tags)
        rules = [*((rule_of_limit(limit), True) for limit in plant.limits), *((r, False) for r in plant.alert_rules if r.enabled)]
        for rule, limit in rules:
            for subject in scopes.subjects(rule):
                expected = self._expected(rule.baseline, subject, by_name, calendar)
                watch = RuleWatch(rule, subject, calendar=calendar, expected=expected, start_us=self._clock.now_us())
                old = before.get((limit, rule.id, subject.name))
                entry = _Entry(watch, rule, limit)
                if old is not None and old.watch.same(watch) and rule.baseline is None and not _gated(rule):
                    entry.watch = old.watch
                elif self._restored:
                    self._restore(entry)
                self._entries.append(entry)
                self._wire(entry)
        self._index()
        if self._restored:
            self._return_unwatched()

    def _index(self) -> None:
        self._by_machine = {}
        for entry in self._entries:
            if entry.watch.subject.machine_id is not None and (entry.rule.kind is RuleKind.STATE or entry.rule.only_while):
                self._by_machine.setdefault(entry.watch.subject.machine_id, []).append(entry)
        self._timed = [entry for entry in self._entries if entry.rule.kind is RuleKind.COMMUNICATION]

    def _wire(self, entry: _Entry) -> None:
        tag = entry.watch.subject.tag
        if tag is not None:
            self._feeds.setdefault(tag.id, []).append(self._feed_of(entry))

    def _feed_of(self, entry: _Entry) -> Feed:
        watch = entry.watch

        def feed(time_us: int, value: float | None, quality: int) -> None:
            events = watch.feed(time_us, value, quality)
            if events:
                self._tell(entry, events)

        return feed

    def _expected(
        self, baseline: Baseline | None, subject: Subject, by_name: dict[str, Tag], calendar: Calendar
    ) -> Expected | None:
        if baseline is None or subject.tag is None:
            return None
        if baseline.kind is BaselineKind.CONSTANT:
            return Constant(baseline.value or 0.0)
        if baseline.kind is BaselineKind.MODEL:
            return ModelValue(self.models, baseline.name)
        if baseline.kind is BaselineKind.MEDIAN:
            own = MedianByHour(str(calendar.zone))
            self._medians.append(_Median(own, subject.tag.id, baseline.days))
            return own
        tag = by_name.get(baseline.name)
        if tag is None:
            return None
        other = OtherTag(round(STALE_INTERVALS * tag.interval_s * 1e6))
        self._feeds.setdefault(tag.id, []).append(other.feed)
        return other

    def feeds(self) -> Iterator[tuple[TagId, Feed]]:
        """Which tags it wants, and where to."""
        for tag_id, feeds in self._feeds.items():
            for feed in feeds:
                yield tag_id, feed

    async def refresh(self) -> None:
        """Medians of the last days, those older than an hour. Raises StorageError."""
        now_us = self._clock.now_us()
        for median in list(self._medians):
            if now_us - median.learnt_us >= HOUR_US:
                rows = (await self._history.rollup(median.tag_id, Step.H1, now_us - median.days * DAY_US, now_us)).rows
                median.own.learn(rows)
                median.learnt_us = now_us

    # -- restart ---------------------------------------------------------------------------------------------------

    def restore(self) -> None:
        """It is known what stood before the start: go on from there."""
        self._restored = True
        for entry in self._entries:
            self._restore(entry)
        self._return_unwatched()

    def _restore(self, entry: _Entry) -> None:
        for side in entry.watch.sides:
            if self._alerts.standing(entry.key(side)):
                entry.watch.restore(side)
        machine_id = entry.watch.subject.machine_id
        running = self._state_of(machine_id) if machine_id is not None else None
        if running is not None:
            self._tell(entry, entry.watch.feed_state(running.from_us, running.state, self._clock.now_us()))

    def _return_unwatched(self) -> None:
        """Alerts of rules that are no longer there are over."""
        watched = {entry.key(side) for entry in self._entries for side in entry.watch.sides}
        for prefix in ("limit:", "rule:"):
            for key in self._alerts.standing_keys(prefix):
                if key not in watched:
                    self._alerts.return_alert(key)

    # -- what happens ----------------------------------------------------------------------------------------------

    def on_state(self, interval: StateInterval) -> None:
        """A machine's state began."""
        if interval.to_us is not None:
            return
        for entry in self._by_machine.get(interval.machine_id, ()):
            self._tell(entry, entry.watch.feed_state(interval.from_us, interval.state, self._clock.now_us()))

    def tick(self, now_us: int) -> None:
        """Once a second."""
        for entry in self._entries:
            if entry.rule.kind is not RuleKind.COMMUNICATION:
                events = entry.watch.tick(now_us)
                if events:
                    self._tell(entry, events)
        for entry in self._timed:
            silent_s = self._silent_for(entry.watch.subject.name)
            if silent_s is not None:
                self._tell(entry, entry.watch.heard(now_us - round(silent_s * 1e6), now_us))

    def forget_times(self) -> None:
        """The wall clock stepped back."""
        for entry in self._entries:
            entry.watch.forget_times()

    def _tell(self, entry: _Entry, events: Iterable[RuleEvent]) -> None:
        for event in events:
            key = entry.key(event.side)
            if event.kind is EventKind.RAISE:
                self._raise(entry, key, event)
            elif event.kind is EventKind.RETURN:
                self._alerts.return_alert(key, time_us=event.time_us)
            elif event.kind is EventKind.SUPPRESS:
                self._alerts.suppress(key, event.reason, time_us=event.time_us)
            else:
                self._alerts.unsuppress(key, time_us=event.time_us)

    def _raise(self, entry: _Entry, key: str, event: RuleEvent) -> None:
        rule, subject = entry.rule, entry.watch.subject
        value, limit, unit = told(rule, subject, event)
        self._alerts.raise_alert(
            key, alert_rule_name(rule, event.side), priority_of(rule, event.side), time_us=event.time_us,
            machine_id=subject.machine_id, tag=None if subject.tag is None else subject.tag.name, device_id=subject.device_id,
            value=value, limit=limit, unit=unit, rule_id=rule.id, rule_version=rule.version, message=rule.message,
            detail=", ".join(state.value for state in rule.states),
        )  # fmt: skip


def told(rule: AlertRule, subject: Subject, event: RuleEvent) -> tuple[float, float, str]:
    """Value, limit and unit as the alert shows them."""
    if rule.kind.is_duration:
        minutes = event.limit >= MINUTES_FROM_S
        return (event.value / 60, event.limit / 60, "min") if minutes else (event.value, event.limit, "s")
    unit = "" if subject.tag is None else subject.tag.unit
    if rule.kind is RuleKind.RATE:
        return event.value, event.limit, f"{unit}/{rule.per}"
    return event.value, event.limit, "%" if rule.kind is RuleKind.DEVIATION else unit


def _gated(rule: AlertRule) -> bool:
    return bool(rule.only_while) or rule.only_in_shifts is not None
