"""One device on its line: polling a group, what became of it, and what the product knows about the device since start."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import math
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

from data_collection.backoff import Backoff
from data_collection.driver import DevicePlan, Driver, Source
from data_collection.figures import Lateness
from data_collection.monitor import LineMonitor
from data_collection.schedule import Slot, interval_of
from domain.errors import AccessDenied, ConfigError, DeviceError, DeviceUnreachable, LineDown
from domain.health import DeviceStatus
from domain.plant import Device
from domain.ports import Clock
from domain.profile import Group, ModbusPoint, Point
from domain.quality import Quality
from domain.quantity import Kind
from domain.sample import Reading

log = logging.getLogger(__name__)
OnReading = Callable[[Reading], None]
QUALITY_OF: Final[Mapping[str, Quality]] = {
    "timeout": Quality.TIMEOUT, "line_down": Quality.LINE_DOWN, "refused": Quality.REFUSED, "decode": Quality.DECODE_ERROR,
    "access": Quality.ACCESS_DENIED, "internal": Quality.INTERNAL, "config": Quality.NO_COMMUNICATION,
    "disabled": Quality.DISABLED,
}
ALIVE_KINDS: Final = frozenset({"decode", "refused"})  # something answered: no back-off before the third time in a row
_CLOCK_STEP_US: Final = 2_000_000


def is_text(point: Point) -> bool:
    """Does the point travel as a text (and so is not among a reading's values)?"""
    return point.kind is Kind.TEXT or (isinstance(point.where, ModbusPoint) and point.where.type == "string")


class Hang:
    """Breaks off a read that never ends. One watcher a line looks at `until`, which is cheaper than a timer for each poll."""

    def __init__(self) -> None:
        self.until = math.inf
        self._broken: asyncio.Task[None] | None = None

    def check(self, now_s: float, task: asyncio.Task[None]) -> None:
        """Cancel `task`, which polls, when its read is overdue."""
        if now_s > self.until and not task.done():
            self.until = math.inf
            self._broken = task
            task.cancel()

    def ended(self) -> bool:
        """Was the cancellation that just arrived ours alone? It is then taken back."""
        task, self._broken = self._broken, None
        return task is not None and task.uncancel() == 0


class PolledDevice:
    """State of one device's polling. All times monotonic seconds unless named _us."""

    def __init__(self, device: Device, index: int, clock: Clock, on_reading: OnReading, lateness: Lateness) -> None:
        self.device = device
        self._clock, self._on_reading, self._lateness = clock, on_reading, lateness
        self.plan: DevicePlan | None = None
        self._source: Source | None = None
        self.backoff = Backoff()
        self.state = "waiting" if device.enabled else "disabled"
        self.reason = "waiting"  # why it is not online: kind of the last error
        self.since_us = clock.now_us()
        self.last_success_us: int | None = None
        self.last_error: str | None = None
        self.polls = self.timeouts = 0
        self.errors: Counter[str] = Counter()
        self.latency_s: float | None = None
        self.fast_s: float | None = None  # what the last good poll of the fastest group took
        self.failed_polls = 0
        self.failed_s = 0.0  # what its last failed poll cost the line
        self._last_us = 0
        self._failed_in_row = 0
        self.rescheduled = False  # a slot was moved: the line puts its queue in order again
        groups = {point.group for point in device.profile.points}
        self.slots = [Slot(index, group, interval_of(group, device.scan_s)) for group in Group if group in groups]
        self._points = {
            slot.group: tuple(p.tag for p in device.profile.points if p.group is slot.group and not is_text(p))
            for slot in self.slots
        }

    @property
    def online(self) -> bool:
        return self.state == "online"

    @property
    def healthy(self) -> bool:
        """May it be asked at its grid point? False for a device that is silent: it is asked once a back-off period."""
        return self.backoff.next_at == 0.0

    def prepare(self, driver: Driver) -> None:
        """Compile for a fresh connection. A profile that cannot run there leaves the device without plan, bad, in back-off."""
        self._source = driver if isinstance(driver, Source) else None  # asked once: it looks at each method of the protocol
        try:
            self.plan = driver.prepare(self.device)
        except ConfigError as exc:
            self.plan = None
            self._failed("config", str(exc), gone=True)
            self.backoff.hold(self._clock.monotonic())
            return
        for slot in self.slots:
            self._points[slot.group] = self.plan.points(slot.group)

    async def poll(
        self, driver: Driver, slot: Slot, lock: asyncio.Lock, hang: Hang, monitor: LineMonitor | None = None
    ) -> float:
        """Read one group and hand the reading on, good or bad. Raises LineDown only. Returns the seconds the line was busy.

        `monitor`: takes the frames, where somebody watches the line.
        """
        plan = self.plan
        if plan is None:
            self.emit_bad(slot, Quality.NO_COMMUNICATION)
            return 0.0
        clock = self._clock
        async with lock:
            began = clock.monotonic()
            self._lateness.add(max(0.0, began - slot.due))
            self.polls += 1
            hang.until = began + slot.limit_s
            trace, error = (None, "") if monitor is None else (monitor.trace(), "")
            try:
                if self._source is not None:
                    reading = await self._source.current(plan, slot.group)
                else:
                    reading = await driver.read(plan, slot.group) if trace is None else await driver.read(plan, slot.group, trace)
            except LineDown as exc:
                error = str(exc)
                raise
            except DeviceError as exc:
                error = str(exc)
                return self._read_failed(slot, exc, began)
            except asyncio.CancelledError:
                if hang.ended():  # the driver hung and was broken off: its connection is not to be trusted either
                    self.errors["internal"] += 1
                    raise LineDown(f"device {self.device.id}: no result within {slot.limit_s:g} s") from None
                raise
            except Exception as exc:  # noqa: BLE001 (supervised: one device's driver must not end the line)
                return self._read_failed(slot, exc, began)
            finally:
                hang.until = math.inf
                if monitor is not None and trace is not None:
                    monitor.took(self.device, trace, error)
            took = clock.monotonic() - began
        if reading is not None:
            self._succeeded(slot, reading, took)
        return took

    def told(self, reading: Reading) -> None:
        """A reading that the far side sent by itself; its times are the source's, so that they may lie before the last."""
        self._alive(reading.time_us)
        self._hand_on(reading)

    def _alive(self, time_us: int) -> None:
        self.last_success_us = max(self.last_success_us or 0, time_us)
        self._failed_in_row = 0
        for slot in self.slots:
            slot.bad = False
        if self.state != "online":
            self._came_back(time_us)

    def _succeeded(self, slot: Slot, reading: Reading, took: float) -> None:
        if reading.time_us <= self._last_us and self._last_us - reading.time_us < _CLOCK_STEP_US:
            reading = dataclasses.replace(reading, time_us=self._last_us + 1)
        self._last_us = self.last_success_us = reading.time_us
        self.latency_s = took if self.latency_s is None else self.latency_s + 0.2 * (took - self.latency_s)
        if slot is self.slots[0]:
            self.fast_s = took
        slot.bad = False
        self._failed_in_row = 0
        if self.state != "online":
            self._came_back(reading.time_us)
        self._hand_on(reading)

    def _came_back(self, now_us: int) -> None:
        if self.state == "offline" and self.reason != "line_down":
            log.info("device %s: back online after %.0f s", self.device.id, (now_us - self.since_us) / 1e6)
        self.state, self.since_us, self.reason = "online", now_us, ""
        self.backoff.succeeded()
        now = self._clock.monotonic()
        for slot in self.slots:  # what turned bad meanwhile is asked at once, not at its next minute or day
            if slot.bad:
                slot.due = min(slot.due, now)
                self.rescheduled = True

    def _read_failed(self, slot: Slot, exc: Exception, began: float) -> float:
        now = self._clock.monotonic()
        kind = exc.kind if isinstance(exc, DeviceError) else "internal"
        if kind == "internal" and self.reason != "internal":
            log.error("device %s: driver failed", self.device.id, exc_info=exc)
        if isinstance(exc, DeviceUnreachable):
            self.timeouts += 1
        self._failed_in_row += 1
        self.failed_polls += 1
        gone = kind not in ALIVE_KINDS or self._failed_in_row >= 3
        self._failed(kind, str(exc) or type(exc).__name__, gone=gone)
        if isinstance(exc, AccessDenied):
            self.backoff.hold(now)
        elif gone:
            self.backoff.failed(now)
        self.emit_bad(slot, QUALITY_OF.get(kind, Quality.NO_COMMUNICATION))
        self.failed_s = now - began
        return self.failed_s

    def _failed(self, kind: str, message: str, *, gone: bool) -> None:
        self.errors[kind] += 1
        self.last_error = message
        if not gone:
            return
        if self.state != "offline":
            if kind != "line_down":
                log.warning("device %s: offline (%s): %s", self.device.id, kind, message)
            self.state, self.since_us = "offline", self._clock.now_us()
        self.reason = kind

    def line_lost(self, message: str) -> None:
        """The line is gone: all points turn bad now; each grid point repeats it until the line is back."""
        if self.state == "disabled":
            return
        self._failed("line_down", message, gone=True)
        for slot in self.slots:
            self.emit_bad(slot, Quality.LINE_DOWN)

    def line_back(self) -> None:
        """A fresh connection: what was only lost with the line may be asked again at once."""
        if self.reason in {"line_down", "waiting"}:
            self.backoff.succeeded()
            self._failed_in_row = 0

    def emit_bad(self, slot: Slot, quality: Quality | None = None) -> None:
        """A reading without values; without `quality` for the reason the device is off."""
        if slot.bad and slot.group is Group.DAILY:
            return  # said once; it is asked as soon as the device is back
        slot.bad = True
        reason = quality if quality is not None else QUALITY_OF.get(self.reason, Quality.NO_COMMUNICATION)
        points = self._points[slot.group]
        if not points:
            return
        now_us = self._clock.now_us()
        if now_us <= self._last_us and self._last_us - now_us < _CLOCK_STEP_US:
            now_us = self._last_us + 1
        self._last_us = now_us
        size = len(points)
        self._hand_on(Reading(self.device.id, now_us, points, (None,) * size, (int(reason),) * size))

    def _hand_on(self, reading: Reading) -> None:
        try:
            self._on_reading(reading)
        except Exception:
            self.errors["internal"] += 1
            log.exception("device %s: a reading could not be processed", self.device.id)

    def status(self) -> DeviceStatus:
        errors = Counter(self.errors)
        faults = getattr(self.plan, "faults", None)  # a plan may count by kind what its driver survived on the wire
        if isinstance(faults, Counter):
            errors.update(faults)
        told = getattr(self.plan, "last_fault", None)  # and what the last of it was
        next_us = None
        if self.backoff.next_at and self.state == "offline":
            next_us = self._clock.now_us() + round(1e6 * max(0.0, self.backoff.next_at - self._clock.monotonic()))
        return DeviceStatus(
            self.device.id, self.device.line, self.device.profile.name, self.state, self.since_us, self.last_success_us,
            told if isinstance(told, str) and self.online else self.last_error, self.polls, self.timeouts, dict(errors),
            None if self.latency_s is None else 1e3 * self.latency_s, next_us, self.device.scan_s,
        )
