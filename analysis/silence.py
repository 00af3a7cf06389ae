"""Who is silent: no-data alerts per device, one for the line when all its devices are silent, one for all when all lines are.

A device is silent when no usable value came for 3 scan intervals plus its timeout. An alert for one device waits until another
device of its line was heard after it (then the line works), so that a cut cable gives one alert and not one a device.

What is our own doing floods nobody (ISA-18.2): time in which nobody judged (a stall of the process) is no silence of a device;
after a start each device may take the time that polling needs to come back; and when a line answers again, those of its devices
that are still in their back-off have the time it lasts before they are told one by one.

Timers run on the monotonic clock. Pure: `judge` answers what should stand; the engine raises and returns.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from domain.alert import Priority
from domain.plant import Device, Plant

FLOOR_S = 5.0  # a device polled each 0.2 s is not lost after one second
GROUPING_S = 30.0  # at most that long an alert waits for the others
START_S = 20.0  # polling is back within 15 s of a start
RETURN_S = 60.0  # as long a device's back-off may last after its line came back
ATTENTIVE_S = 2.0  # judged each second; what a pause between judgements lasts longer, nobody listened
ALL_LINES = "*"


@dataclass(frozen=True, slots=True)
class Silence:
    """An alert that should stand. `device_id` None for a line, `line_id` "*" for all lines."""

    key: str
    rule: str
    priority: Priority
    device_id: str | None
    line_id: str
    detail: str


@dataclass(slots=True)
class _Watched:
    device_id: str
    deadline_s: float
    beat_s: float  # heard that much later than a silent one, the line is known to work
    since: float  # monotonic: start of watching, or the last usable value
    patient_until: float  # its silence is nothing to tell before
    heard: bool = False

    def silent(self, now: float) -> bool:
        return now - self.since >= self.deadline_s and now >= self.patient_until


def no_data_key(device_id: str) -> str:
    """Key of a device's alert."""
    return f"no_data:{device_id}"


def line_key(line_id: str) -> str:
    """Key of a line's alert."""
    return f"line_down:{line_id}"


class SilenceWatch:
    """Knows when each enabled device was last heard."""

    def __init__(self) -> None:
        self._devices: dict[str, _Watched] = {}
        self._lines: dict[str, list[_Watched]] = {}
        self._down: frozenset[str] = frozenset()  # lines that were silent as a whole when last judged
        self._judged: float | None = None

    def apply(self, plant: Plant, now: float) -> None:
        """The plant changed; who stays keeps its time. `now` monotonic seconds."""
        enabled = {line.id for line in plant.lines if line.enabled}
        before, self._devices, self._lines = self._devices, {}, {}
        for device in plant.devices:
            if device.enabled and device.line in enabled:
                watched = _watched(device, now)
                old = before.get(device.id)
                if old is not None and old.deadline_s == watched.deadline_s:
                    watched = old
                self._devices[device.id] = watched
                self._lines.setdefault(device.line, []).append(watched)

    def heard(self, device_id: str, now: float) -> None:
        """A usable value of the device came."""
        watched = self._devices.get(device_id)
        if watched is not None:
            watched.since = watched.patient_until = now
            watched.heard = True

    def silent_for(self, device_id: str, now: float) -> float | None:
        """Seconds since a usable value of the device came (or since it is watched); None for one that is not watched."""
        watched = self._devices.get(device_id)
        return None if watched is None else now - watched.since

    def judge(self, now: float, standing: Iterable[str]) -> tuple[list[Silence], list[str]]:
        """What should stand, and which of the `standing` keys (no_data:, line_down:) are over."""
        before = set(standing)
        wanted: list[Silence] = []
        keep: set[str] = set()
        self._forgive_own_absence(now)
        self._forgive_back_off(now, before)
        down = self._silent_lines(now)
        self._down = frozenset(line_id for line_id, silent in down.items() if silent)
        everything = len(down) >= 2 and all(down.values())
        if everything and (line_key(ALL_LINES) in before or not any(line_key(line_id) in before for line_id in down)):
            detail = f"{len(self._devices)} devices on {len(down)} lines"
            wanted.append(Silence(line_key(ALL_LINES), "line_down", Priority.CRITICAL, None, ALL_LINES, detail))
        else:
            for line_id, devices in self._lines.items():
                if len(devices) >= 2 and down[line_id]:
                    if line_key(line_id) in before or not self._may_be_all(line_id, now):
                        wanted.append(_line_down(line_id, devices))
                else:
                    wanted += self._single(line_id, devices, now, before)
        for watched in self._devices.values():
            if not watched.heard and not watched.silent(now):
                keep.add(no_data_key(watched.device_id))  # just started: nothing is known yet
        for line_id, devices in self._lines.items():
            if not any(w.heard for w in devices) and not down[line_id]:
                keep |= {line_key(line_id), line_key(ALL_LINES)}
        keys = {silence.key for silence in wanted}
        return [s for s in wanted if s.key not in before], sorted(before - keys - keep)

    def _silent_lines(self, now: float) -> dict[str, bool]:
        return {line_id: all(w.silent(now) for w in devices) for line_id, devices in self._lines.items()}

    def _forgive_own_absence(self, now: float) -> None:
        """Time without judgement was time without listening: at a start, and while the process stood still."""
        last, self._judged = self._judged, now
        if last is None:
            for watched in self._devices.values():
                if not watched.heard:
                    watched.since, watched.patient_until = now, now + START_S
        elif now - last > ATTENTIVE_S:
            deaf_s = now - last - ATTENTIVE_S
            for watched in self._devices.values():
                watched.since = min(now, watched.since + deaf_s)

    def _forgive_back_off(self, now: float, before: set[str]) -> None:
        """A line answers again, or one of several that were all silent: the others get the time until they are asked again."""
        down = self._silent_lines(now)
        all_before = line_key(ALL_LINES) in before or (len(self._lines) >= 2 and self._down.issuperset(self._lines))
        all_back = all_before and not all(down.values())
        for line_id, devices in self._lines.items():
            back = not down[line_id] and (line_id in self._down or line_key(line_id) in before) and any(w.heard for w in devices)
            if back or all_back:
                for watched in devices:
                    if watched.silent(now) or not watched.heard:
                        watched.patient_until = now + RETURN_S

    def _single(self, line_id: str, devices: Sequence[_Watched], now: float, before: set[str]) -> list[Silence]:
        found = []
        for watched in devices:
            if not watched.silent(now):
                continue
            others = [w for w in devices if w is not watched] or [w for w in self._devices.values() if w is not watched]
            works = not others or any(w.since > watched.since + watched.beat_s for w in others)
            waited = now - watched.since - watched.deadline_s >= GROUPING_S
            if works or waited or no_data_key(watched.device_id) in before:
                detail = f"no usable value for {watched.deadline_s:g} s"
                key = no_data_key(watched.device_id)
                found.append(Silence(key, "no_data", Priority.HIGH, watched.device_id, line_id, detail))
        return found

    def _may_be_all(self, line_id: str, now: float) -> bool:
        """No other line was heard since this one fell silent, and it is not long ago: wait for them."""
        mine = self._lines[line_id]
        others = [w for other, devices in self._lines.items() if other != line_id for w in devices]
        last = max(w.since for w in mine)
        beat_s = max(w.beat_s for w in mine)
        fell_silent = max(w.since + w.deadline_s for w in mine)
        return bool(others) and not any(w.since > last + beat_s for w in others) and now - fell_silent < GROUPING_S


def _watched(device: Device, now: float) -> _Watched:
    timeout_s = device.profile.quirks.timeout_s or 1.0
    return _Watched(device.id, max(FLOOR_S, 3 * device.scan_s + timeout_s), 1.5 * device.scan_s + timeout_s, now, now + START_S)


def _line_down(line_id: str, devices: Sequence[_Watched]) -> Silence:
    names = ", ".join(w.device_id for w in devices[:20])
    return Silence(line_key(line_id), "line_down", Priority.CRITICAL, None, line_id, f"{len(devices)} devices: {names}")
