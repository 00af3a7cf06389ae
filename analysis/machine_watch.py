"""One machine, live: its state machine, and what came late or became void."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from analysis.meter import Meter
from analysis.states import StateMachine, states_of
from domain.plant import Tag
from domain.ports import RawSeries
from domain.state import StateInterval, StateThresholds

LOOK_BACK_US = 24 * 3600 * 1_000_000  # states older than that are not made again

Feed = Callable[[int, float | None, int], None]


class MachineWatch:
    """Feeds the state machine and passes its changes on. Needs a power tag and thresholds."""

    def __init__(self, meter: Meter, start_us: int, changed: Callable[[StateInterval], None]) -> None:
        if meter.power is None or meter.machine.states is None:
            raise ValueError(f"machine {meter.machine.id} has no power tag or no thresholds")
        self.meter, self.started_us, self._changed = meter, start_us, changed
        self._thresholds: StateThresholds = meter.machine.states
        self._machine = StateMachine(meter.machine.id, self._thresholds, meter.timing, start_us)
        self._late_us: int | None = None
        self._void_us: int | None = None
        self._last_count_us = 0
        changed(self._machine.current)

    @property
    def machine_id(self) -> str:
        return self.meter.machine.id

    @property
    def current(self) -> StateInterval:
        """The running interval."""
        return self._machine.current

    def same(self, meter: Meter) -> bool:
        """Would a watch made for `meter` judge alike?"""
        mine = self.meter
        return (
            mine.power == meter.power and mine.energy == meter.energy and mine.timing == meter.timing
            and mine.machine.states == meter.machine.states and mine.machine.meter == meter.machine.meter
        )  # fmt: skip

    def feeds(self) -> Iterator[tuple[Tag, Feed]]:
        """Which tags it wants, and where to."""
        if self.meter.power is not None:
            yield self.meter.power, self.feed
        if self.meter.energy is not None:
            yield self.meter.energy, self.feed_count

    def feed(self, time_us: int, power_kw: float | None, quality: int) -> None:
        """One sample of the power."""
        last_us = self._machine.last_sample_us
        if last_us is not None and time_us < last_us:
            self._note_late(time_us)
            return
        for change in self._machine.feed(time_us, power_kw, quality):
            self._changed(change)

    def feed_count(self, time_us: int, _value: float | None, _quality: int) -> None:
        """One reading of the counter: only whether it comes late matters here."""
        if time_us < self._last_count_us:
            self._note_late(time_us)
        else:
            self._last_count_us = time_us

    def tick(self, now_us: int) -> None:
        """Time passed."""
        for change in self._machine.tick(now_us):
            self._changed(change)

    def end(self, now_us: int) -> list[StateInterval]:
        """The machine is no longer watched: its last interval with an end."""
        current = self._machine.current
        return [replace(current, to_us=max(now_us, current.from_us + 1))]

    def clock_stepped_back(self, now_us: int) -> None:
        """What was told of the time after `now_us` is void: begin anew."""
        self._late_us = None
        self._last_count_us = 0
        self._void_us = now_us
        if self._machine.current.from_us < now_us:
            self._changed(replace(self._machine.current, to_us=now_us))
        self.started_us = now_us
        self._machine = StateMachine(self.machine_id, self._thresholds, self.meter.timing, now_us)
        self._changed(self._machine.current)

    def take_late(self) -> int | None:
        """Time of the oldest late sample that lies before the running interval; later ones wait until it has ended."""
        late_us = self._late_us
        if late_us is None or late_us >= self._machine.current.from_us:
            return None
        self._late_us = None
        return late_us

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

    def made_again(self, samples: RawSeries, from_us: int, to_us: int) -> list[StateInterval]:
        """States of a stretch of the past from its samples; they tile it."""
        columns = samples.times_us, samples.values, samples.qualities
        return states_of(self.machine_id, *columns, self._thresholds, self.meter.timing, from_us, to_us)

    def _note_late(self, time_us: int) -> None:
        self._late_us = time_us if self._late_us is None else min(self._late_us, time_us)
