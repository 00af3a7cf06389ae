"""What a machine's control claims over time, and how that joins the states seen from power. Pure; the stream and whole columns
go through the same code.

- A claim (running, idle, alarm) holds from the sample that brings it until another one, and only while its signal is fresh:
  samples of the tag not further apart than `hold_us`; for a text, which comes on change only, those of its device's pulse tag.
- While the tag of an alarm tells one, there is an alarm, whatever `execution` tells.
- While `connected` is told to be false, or is not fresh, there is no claim.
- A claim wins: running is production, alarm is alarm, idle is idle; but where the meter sees the machine off, idle is off: a
  control that waits says nothing of the mains switch. Without a claim the power decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.states import Timing
from domain.production import ControlSignals, ControlState, value_key
from domain.quality import FIRST_BAD
from domain.state import MachineState, StateInterval

NOT_CONNECTED = frozenset({"", "0", "false", "no", "off", "unavailable", "disconnected", "offline", "none", "null"})

NO_ALARM = NOT_CONNECTED | {"normal", "ok"}

_T = TypeVar("_T")

Mark = tuple[int, ControlState | None]
"""(UTC us, claim from then on)."""


class _Signal:
    """One tag: its last value, and until when that is fresh. `hold_us` None: for good."""

    __slots__ = ("hold_us", "interval_us", "key", "last_us")

    def __init__(self, timing: Timing | None) -> None:
        self.interval_us = timing.interval_us if timing is not None else 0
        self.hold_us = timing.hold_us if timing is not None else None
        self.key: str | None = None
        self.last_us: int | None = None

    def stale_since(self, now_us: int) -> int | None:
        """When it ceased to be fresh; None while it is, or never was."""
        if self.last_us is None or self.hold_us is None or now_us - self.last_us <= self.hold_us:
            return None
        return self.last_us + self.interval_us

    def forget(self) -> None:
        self.last_us = None

    @property
    def value(self) -> str | None:
        return self.key if self.last_us is not None else None


class ClaimStream:
    """Feed its tags in time order, tick when nothing comes; each answers with the changes of the claim.

    `execution`, `connected` and `alarm`: timing of numbers, or of the pulse of a text's device; None where a value holds until
    the next.
    """

    def __init__(
        self, signals: ControlSignals, execution: Timing | None, connected: Timing | None, alarm: Timing | None = None
    ) -> None:
        self._signals = signals
        self._execution = _Signal(execution)
        self._connected = _Signal(connected) if signals.connected is not None else None
        self._alarm = _Signal(alarm) if signals.alarm_active is not None else None
        self._all = tuple(signal for signal in (self._execution, self._connected, self._alarm) if signal is not None)
        self.claim: ControlState | None = None

    def is_late(self, time_us: int) -> bool:
        """Did the execution tag tell something later already?"""
        return self._execution.last_us is not None and time_us < self._execution.last_us

    def execution(self, time_us: int, key: str, until_us: int = 0) -> list[Mark]:
        """A value of the execution tag, as `value_key` writes it; it came again and again, without a gap, up to `until_us`."""
        return self._take(self._execution, time_us, key, until_us)

    def connected(self, time_us: int, key: str, until_us: int = 0) -> list[Mark]:
        """A value of the connected tag."""
        return [] if self._connected is None else self._take(self._connected, time_us, key, until_us)

    def alarm(self, time_us: int, key: str, until_us: int = 0) -> list[Mark]:
        """A value of the tag that tells of an alarm."""
        return [] if self._alarm is None else self._take(self._alarm, time_us, key, until_us)

    def pulse(self, time_us: int) -> list[Mark]:
        """The device of a text was heard."""
        marks = self.tick(time_us)
        for signal in self._all:
            if signal.key is not None:
                signal.last_us = max(time_us, signal.last_us or time_us)
        return marks + self._judge(time_us)

    def tick(self, now_us: int) -> list[Mark]:
        """Time passed: what is no longer fresh says nothing."""
        stale = [
            (since, signal) for signal in self._all if (since := signal.stale_since(now_us)) is not None
        ]  # fmt: skip
        marks: list[Mark] = []
        for since, signal in sorted(stale, key=lambda pair: pair[0]):
            signal.forget()
            marks += self._judge(since)
        return marks

    def _take(self, signal: _Signal, time_us: int, key: str, until_us: int) -> list[Mark]:
        if signal.last_us is not None and time_us < signal.last_us:
            return []
        marks = self.tick(time_us)
        signal.key, signal.last_us = key, max(time_us, until_us)
        return marks + self._judge(time_us)

    def _judge(self, at_us: int) -> list[Mark]:
        claim = None
        linked = self._connected is None or (self._connected.value or "") not in NOT_CONNECTED
        if linked and self._execution.value is not None:
            claim = self._signals.claim(self._execution.value)
        if linked and self._alarm is not None and (self._alarm.value or "") not in NO_ALARM:
            claim = ControlState.ALARM
        if claim is self.claim:
            return []
        self.claim = claim
        return [(at_us, claim)]


@dataclass(frozen=True, slots=True)
class Column:
    """Values of one tag in time order, as keys; each came, without a gap, up to its `until_us`. `timing`: see ClaimStream."""

    times_us: Sequence[int]
    keys: Sequence[str]
    timing: Timing | None = None
    until_us: Sequence[int] | None = None  # None: each came once


def number_column(
    times_us: ArrayLike, values: Sequence[float | None] | NDArray[np.float64], qualities: ArrayLike, timing: Timing
) -> Column:
    """Of samples (equal lengths): runs of equal usable values without gaps."""
    times, quality = np.asarray(times_us, dtype=np.int64), np.asarray(qualities, dtype=np.int64)
    numbers = np.array(values, dtype=np.float64)
    keep = ~np.isnan(numbers) & (quality < FIRST_BAD)
    times, numbers = times[keep], numbers[keep]
    if not len(times):
        return Column((), (), timing)
    turns = (numbers[1:] != numbers[:-1]) | (np.diff(times) > timing.hold_us)
    first, last = np.flatnonzero(np.concatenate(([True], turns))), np.flatnonzero(np.concatenate((turns, [True])))
    return Column(times[first].tolist(), [value_key(float(v)) for v in numbers[first]], timing, times[last].tolist())


def claims_of(
    signals: ControlSignals, execution: Column, connected: Column | None, pulses_us: Sequence[int], from_us: int, to_us: int,
    alarm: Column | None = None,
) -> list[Mark]:
    """Claims of [from_us, to_us), the first at its begin. Columns may begin before it. `pulses_us`: of a text's device."""
    stream = ClaimStream(
        signals, execution.timing, connected.timing if connected is not None else None,
        alarm.timing if alarm is not None else None,
    )
    events: list[tuple[int, int, str, int]] = []
    for kind, column in ((2, execution), (0, connected), (1, alarm)):
        if column is not None:
            until = column.until_us if column.until_us is not None else column.times_us
            events += [(at, kind, key, end) for at, key, end in zip(column.times_us, column.keys, until, strict=True)]
    events += [(at, 3, "", at) for at in pulses_us]
    marks: list[Mark] = []
    for at, kind, key, until_us in sorted(events, key=lambda event: event[:2]):
        if at >= to_us:
            break
        if kind == 3:
            marks += stream.pulse(at)
        else:
            marks += (stream.connected, stream.alarm, stream.execution)[kind](at, key, until_us)
    marks += stream.tick(to_us)
    before = [claim for at, claim in marks if at <= from_us]
    return [(from_us, before[-1] if before else None), *((at, claim) for at, claim in marks if from_us < at < to_us)]


# -- joining -----------------------------------------------------------------------------------------------------------------


def joined(power: MachineState, claim: ControlState | None) -> MachineState:
    """The state of a machine whose power shows `power` and whose control claims `claim`."""
    if claim is None:
        return power
    if claim is ControlState.IDLE:
        return MachineState.OFF if power is MachineState.OFF else MachineState.IDLE
    return MachineState.PRODUCTION if claim is ControlState.RUNNING else MachineState.ALARM


def in_conflict(power: MachineState, claim: ControlState | None) -> bool:
    """Do meter and control contradict each other?"""
    if claim is ControlState.RUNNING:
        return power in {MachineState.OFF, MachineState.IDLE}
    return claim is ControlState.IDLE and power is MachineState.PRODUCTION


def join(power: Sequence[StateInterval], claims: Sequence[Mark]) -> list[StateInterval]:
    """States of a stretch: `power` tiles it, the first claim stands at its begin. The result tiles it too."""
    tiles: list[StateInterval] = []
    for piece, claim in _pieces(power, claims):
        state = joined(piece.state, claim)
        if tiles and tiles[-1].state is state and tiles[-1].to_us == piece.from_us:
            tiles[-1] = replace(tiles[-1], to_us=piece.to_us)
        else:
            tiles.append(replace(piece, state=state))
    return tiles


def conflict_us(power: Sequence[StateInterval], claims: Sequence[Mark]) -> int:
    """How long meter and control contradict each other within a stretch, us."""
    return sum((p.to_us or p.from_us) - p.from_us for p, claim in _pieces(power, claims) if in_conflict(p.state, claim))


def claim_seconds(claims: Sequence[Mark], to_us: int) -> Mapping[ControlState | None, float]:
    """Seconds of each claim up to `to_us`."""
    found: dict[ControlState | None, float] = {}
    for (at, claim), (end, _) in zip(claims, [*claims[1:], (to_us, None)], strict=True):
        found[claim] = found.get(claim, 0.0) + (end - at) / 1e6
    return found


def _pieces(power: Sequence[StateInterval], claims: Sequence[Mark]) -> Iterable[tuple[StateInterval, ControlState | None]]:
    """The stretch cut at every border of either."""
    place = 0
    for interval in power:
        at, end = interval.from_us, interval.to_us if interval.to_us is not None else interval.from_us
        while at < end:
            while place + 1 < len(claims) and claims[place + 1][0] <= at:
                place += 1
            until = min(end, claims[place + 1][0]) if place + 1 < len(claims) else end
            yield replace(interval, from_us=at, to_us=until), claims[place][1] if claims else None
            at = until


@dataclass(frozen=True, slots=True)
class Conflict:
    """Meter and control contradict each other without a break since `since_us` (UTC us)."""

    since_us: int
    claim: ControlState
    power: MachineState

    @property
    def detail(self) -> str:
        """What stands against what, as the detail of the alert: running_off, running_idle or idle_production."""
        return f"{self.claim.value}_{self.power.value}"


class Joiner:
    """The stream: changes of power states and claims in, changes of the machine's state out, also such that reach back.

    An interval that was told keeps its begin for good; where two neighbours come to have one state, both stay.
    """

    KEPT = 64

    def __init__(self, machine_id: str, start_us: int, rule: str = "") -> None:
        self._power: list[tuple[int, MachineState]] = [(start_us, MachineState.NO_DATA)]
        self._claims: list[Mark] = [(start_us, None)]
        self._told = [StateInterval(machine_id, MachineState.NO_DATA, start_us, None, rule=rule)]

    @property
    def current(self) -> StateInterval:
        return self._told[-1]

    @property
    def conflict(self) -> Conflict | None:
        """How, and since when, meter and control contradict each other; None while they do not."""
        (power_us, power), (claim_us, claim) = self._power[-1], self._claims[-1]
        if claim is None or not in_conflict(power, claim):
            return None
        return Conflict(max(power_us, claim_us), claim, power)

    def power(self, changes: Iterable[StateInterval]) -> list[StateInterval]:
        """Changes of the power's state machine."""
        out: list[StateInterval] = []
        for change in changes:
            out += self._set(self._power, change.from_us, change.state)
        return _final(out)

    def claims(self, marks: Iterable[Mark]) -> list[StateInterval]:
        """Changes of the claim."""
        out: list[StateInterval] = []
        for at_us, claim in marks:
            out += self._set(self._claims, at_us, claim)
        return _final(out)

    def _set(self, track: list[tuple[int, MachineState]] | list[Mark], at_us: int, value: object) -> list[StateInterval]:
        at_us = max(at_us, self._told[0].from_us)
        while len(track) > 1 and track[-1][0] >= at_us:
            track.pop()
        if track[-1][0] >= at_us:
            track[-1] = (at_us, value)  # type: ignore[assignment]
        elif track[-1][1] is not value:
            track.append((at_us, value))  # type: ignore[arg-type]
        return self._again(at_us)

    def _again(self, at_us: int) -> list[StateInterval]:
        """Tell anew what lies from the interval that holds `at_us` on, where it changed."""
        first = next(i for i in range(len(self._told) - 1, -1, -1) if self._told[i].from_us <= at_us)
        old = self._told[first:]
        fixed = {interval.from_us for interval in old}
        times = sorted(fixed | {t for track in (self._power, self._claims) for t, _ in track if t > old[0].from_us})
        new: list[StateInterval] = []
        for time_us in times:
            state = joined(_at(self._power, time_us), _at(self._claims, time_us))
            if new and new[-1].state is state and time_us not in fixed:
                continue
            if new:
                new[-1] = replace(new[-1], to_us=time_us)
            new.append(replace(old[0], state=state, from_us=time_us, to_us=None))
        self._told[first:] = new
        before = {interval.from_us: interval for interval in old}
        changed = [interval for interval in new if before.get(interval.from_us) != interval]
        self._prune()
        if changed and changed[-1] is not new[-1]:
            changed.append(new[-1])
        return changed

    def _prune(self) -> None:
        if len(self._told) <= 2 * self.KEPT:
            return
        del self._told[: -self.KEPT]
        floor = self._told[0].from_us
        for track in (self._power, self._claims):
            while len(track) > 1 and track[1][0] <= floor:
                track.pop(0)


def _at(track: Sequence[tuple[int, _T]], time_us: int) -> _T:
    """The value at a time; the first one before its begin."""
    return next((value for at, value in reversed(track) if at <= time_us), track[0][1])


def _final(changes: list[StateInterval]) -> list[StateInterval]:
    """One entry per begin, in time order: the last word on it."""
    found = {change.from_us: change for change in changes}
    return [found[from_us] for from_us in sorted(found)]
