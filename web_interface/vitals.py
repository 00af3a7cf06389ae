"""How the process did in the last day: one reading every half minute, errors of communication by hour. From memory, bounded."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from domain.health import DeviceStatus, ErrorCount, StorageStatus, Vitals
from domain.ports import Clock

PERIOD_S = 30.0
KEPT = 24 * 120  # readings
HOURS = 24
_HOUR_US = 3_600_000_000


@dataclass(frozen=True, slots=True)
class VitalSources:
    """Calls that answer from memory. `poll_late_ms` tells of the time since its last call."""

    cpu_seconds: Callable[[], float]
    memory_bytes: Callable[[], int]
    loop_lag_ms: Callable[[], float]
    poll_late_ms: Callable[[], float | None]
    polls_skipped: Callable[[], int]
    kept: Callable[[], int]
    storage: Callable[[], StorageStatus]
    devices: Callable[[], Sequence[DeviceStatus]]


class VitalSigns:
    """`run` reads until cancelled; the rest answers from what was read."""

    def __init__(self, clock: Clock, sources: VitalSources) -> None:
        self._clock, self._sources = clock, sources
        self._readings: deque[Vitals] = deque(maxlen=KEPT)
        self._before = self._counts()
        self._errors: dict[tuple[str, str], int] = self._totals()
        self._by_hour: dict[int, Counter[tuple[str, str]]] = {}

    async def run(self) -> None:
        """A reading every half minute."""
        while True:
            await self._clock.sleep(PERIOD_S)
            self.read()

    def read(self) -> None:
        """One reading, of the time since the last one."""
        sources, storage = self._sources, self._sources.storage()
        (at, cpu, skipped, kept), now = self._before, self._counts()
        self._before = now
        wide = max(now[0] - at, 1e-3)
        self._readings.append(Vitals(
            self._clock.now_us(), (now[1] - cpu) / wide, sources.memory_bytes(), sources.loop_lag_ms(), sources.poll_late_ms(),
            max(0, now[2] - skipped), storage.backlog_samples, max(0, now[3] - kept) / wide, storage.write_latency_ms,
        ))  # fmt: skip
        self._note_errors()

    def readings(self) -> Sequence[Vitals]:
        """Of the last 24 hours, oldest first."""
        return list(self._readings)

    def errors(self) -> Sequence[ErrorCount]:
        """By device and kind, those with most in the last 24 hours first; counts since the device's line started."""
        self._note_errors()
        hour = self._clock.now_us() // _HOUR_US
        hours = [self._by_hour.get(h, Counter()) for h in range(hour - HOURS + 1, hour + 1)]
        found = [
            ErrorCount(device.device_id, device.line_id, kind, total, tuple(h[device.device_id, kind] for h in hours))
            for device in self._sources.devices() for kind, total in device.errors.items() if total
        ]  # fmt: skip
        return sorted(found, key=lambda count: (-sum(count.by_hour), -count.total, count.device_id))

    def _counts(self) -> tuple[float, float, int, int]:
        sources = self._sources
        return self._clock.monotonic(), sources.cpu_seconds(), sources.polls_skipped(), sources.kept()

    def _totals(self) -> dict[tuple[str, str], int]:
        return {(d.device_id, kind): n for d in self._sources.devices() for kind, n in d.errors.items()}

    def _note_errors(self) -> None:
        """A count that fell is one that began anew."""
        hour, totals = self._clock.now_us() // _HOUR_US, self._totals()
        new = {key: n - self._errors.get(key, 0) if n >= self._errors.get(key, 0) else n for key, n in totals.items()}
        self._errors = totals
        if any(new.values()):
            self._by_hour.setdefault(hour, Counter()).update({key: n for key, n in new.items() if n})
        for old in [h for h in self._by_hour if h <= hour - HOURS]:
            del self._by_hour[old]
