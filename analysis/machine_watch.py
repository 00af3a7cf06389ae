"""One machine, live: its state machine, the claims of its control, and what came late or became void."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from analysis.control import ClaimStream, Conflict, Joiner
from analysis.meter import ControlTags, Meter
from analysis.states import StateMachine
from domain.plant import Tag
from domain.production import value_key
from domain.quality import FIRST_BAD
from domain.quantity import Quantity
from domain.state import StateInterval, StateThresholds
from domain.state_rule import StateRule

LOOK_BACK_US = 24 * 3600 * 1_000_000  # states older than that are not made again

Feed = Callable[[int, float | None, int], None]
TextFeed = Callable[[int, str], None]
NEVER_KW = 1e12  # borders of a machine without any: its power decides nothing


class MachineWatch:
    """Feeds the state machine and passes its changes on. Needs a power tag and thresholds, or a control."""

    def __init__(self, meter: Meter, start_us: int, changed: Callable[[StateInterval], None]) -> None:
        if not meter.judged:
            raise ValueError(f"machine {meter.machine.id} has no power tag or no thresholds, and no control")
        self.meter, self.started_us, self._changed = meter, start_us, changed
        self._thresholds = meter.machine.states or StateThresholds(NEVER_KW, 2 * NEVER_KW)
        self._by_power = meter.power is not None and meter.machine.states is not None
        rule = StateRule.of(meter.machine)
        self._rule = rule.id if rule is not None else ""
        self._begin(start_us)
        self._late_us: int | None = None
        self._void_us: int | None = None
        self._last_count_us = 0
        changed(self.current)

    def _begin(self, start_us: int) -> None:
        self._machine = StateMachine(self.machine_id, self._thresholds, self.meter.timing, start_us, self._rule)
        self._joiner: Joiner | None = None
        self._claims: ClaimStream | None = None
        control = self.meter.control
        if control is not None:
            self._joiner = Joiner(self.machine_id, start_us, self._rule)
            self._claims = ClaimStream(
                control.signals, control.timing, control.connected_timing, control.alarm_timing
            )

    @property
    def machine_id(self) -> str:
        return self.meter.machine.id

    @property
    def current(self) -> StateInterval:
        """The running interval."""
        return self._machine.current if self._joiner is None else self._joiner.current

    @property
    def conflict(self) -> Conflict | None:
        """How, and since when, meter and control contradict each other; None while they do not."""
        return None if self._joiner is None else self._joiner.conflict

    def same(self, meter: Meter) -> bool:
        """Would a watch made for `meter` judge alike?"""
        mine = self.meter
        return (
            mine.power == meter.power and mine.energy == meter.energy and mine.timing == meter.timing
            and mine.control == meter.control
            and mine.machine.states == meter.machine.states and mine.machine.meter == meter.machine.meter
        )  # fmt: skip

    def feeds(self) -> Iterator[tuple[Tag, Feed]]:
        """Which tags it wants, and where to."""
        if self.meter.power is not None and self._by_power:
            yield self.meter.power, self.feed
        if self.meter.energy is not None:
            yield self.meter.energy, self.feed_count
        control = self.meter.control
        if control is not None:
            for tag, take in self._signals(control):
                if tag.quantity is not Quantity.TEXT:
                    yield tag, self._number_feed(take)
            if control.pulse is not None:
                yield control.pulse, self._pulse

    def text_feeds(self) -> Iterator[tuple[Tag, TextFeed]]:
        """The same for texts."""
        if self.meter.control is not None:
            for tag, take in self._signals(self.meter.control):
                if tag.quantity is Quantity.TEXT:
                    yield tag, take

    def feed(self, time_us: int, power_kw: float | None, quality: int) -> None:
        """One sample of the power."""
        last_us = self._machine.last_sample_us
        if last_us is not None and time_us < last_us:
            self._note_late(time_us)
            return
        self._tell(self._machine.feed(time_us, power_kw, quality))

    def feed_count(self, time_us: int, _value: float | None, _quality: int) -> None:
        """One reading of the counter: only whether it comes late matters here."""
        if time_us < self._last_count_us:
            self._note_late(time_us)
        else:
            self._last_count_us = time_us

    def tick(self, now_us: int) -> None:
        """Time passed."""
        self._tell(self._machine.tick(now_us))
        if self._claims is not None and self._joiner is not None:
            self._pass_on(self._joiner.claims(self._claims.tick(now_us)))

    def _tell(self, changes: list[StateInterval]) -> None:
        """Changes of the power's states."""
        self._pass_on(changes if self._joiner is None or not changes else self._joiner.power(changes))

    def _pass_on(self, changes: list[StateInterval]) -> None:
        for change in changes:
            self._changed(change)

    # -- control ---------------------------------------------------------------------------------------------------

    def _signals(self, control: ControlTags) -> Iterator[tuple[Tag, TextFeed]]:
        yield control.execution, self._execution
        if control.connected is not None:
            yield control.connected, self._connected
        if control.alarm is not None:
            yield control.alarm, self._alarm

    def _number_feed(self, take: TextFeed) -> Feed:
        def feed(time_us: int, value: float | None, quality: int) -> None:
            if value is not None and quality < FIRST_BAD:
                take(time_us, value_key(value))

        return feed

    def _execution(self, time_us: int, text: str) -> None:
        if self._claims is not None and self._joiner is not None:
            if self._claims.is_late(time_us):
                self._note_late(time_us)
                return
            self._pass_on(self._joiner.claims(self._claims.execution(time_us, value_key(text))))

    def _connected(self, time_us: int, text: str) -> None:
        if self._claims is not None and self._joiner is not None:
            self._pass_on(self._joiner.claims(self._claims.connected(time_us, value_key(text))))

    def _alarm(self, time_us: int, text: str) -> None:
        if self._claims is not None and self._joiner is not None:
            self._pass_on(self._joiner.claims(self._claims.alarm(time_us, value_key(text))))

    def _pulse(self, time_us: int, value: float | None, quality: int) -> None:
        if self._claims is not None and self._joiner is not None and value is not None and quality < FIRST_BAD:
            self._pass_on(self._joiner.claims(self._claims.pulse(time_us)))

    def end(self, now_us: int) -> list[StateInterval]:
        """The machine is no longer watched: its last interval with an end."""
        current = self.current
        return [replace(current, to_us=max(now_us, current.from_us + 1))]

    def clock_stepped_back(self, now_us: int) -> None:
        """What was told of the time after `now_us` is void: begin anew."""
        self._late_us = None
        self._last_count_us = 0
        self._void_us = now_us
        if self.current.from_us < now_us:
            self._changed(replace(self.current, to_us=now_us))
        self.started_us = now_us
        self._begin(now_us)
        self._changed(self.current)

    def take_late(self) -> int | None:
        """Time of the oldest late sample that lies before the running interval; later ones wait until it has ended."""
        late_us = self._late_us
        if late_us is None or late_us >= self.current.from_us:
            return None
        self._late_us = None
        return late_us

    def samples_changed(self, from_us: int) -> None:
        """What the meter showed from that time on was computed again: so are its states."""
        self._note_late(from_us)

    def take_void(self) -> int | None:
        """What is stored from that time on was told before the clock stepped back."""
        void_us, self._void_us = self._void_us, None
        return void_us

    def resume_from(self, last: StateInterval, now_us: int) -> int:
        """Where states have to be made again after a start, given the last stored interval."""
        return self.not_too_old(last.from_us if last.to_us is None else last.to_us, now_us)

    @staticmethod
    def not_too_old(begin_us: int, now_us: int) -> int:
        """At most a day back."""
        return max(begin_us, now_us - LOOK_BACK_US)

    def _note_late(self, time_us: int) -> None:
        self._late_us = time_us if self._late_us is None else min(self._late_us, time_us)
