"""One line: one connection, one request at a time, its devices polled on their grid, reconnection with back-off.

Two tasks belong to a line: one keeps the connection, one polls. While the connection is away the second keeps reporting the
devices' points as bad at each grid point, without asking anyone.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from heapq import heapify, heapreplace
from typing import Final

from data_collection import cycle
from data_collection.backoff import Backoff
from data_collection.driver import Connect, DevicePlan, Driver, Found, ScanHit, Source, Surveyed, Trace
from data_collection.figures import Lateness, RollingSum
from data_collection.monitor import LineMonitor
from data_collection.poller import Hang, OnReading, PolledDevice
from data_collection.schedule import BAD_TICK_S, Slot, layout
from domain.errors import AccessDenied, ConfigError, DeviceError, LineDown, MonitorError
from domain.health import DeviceStatus, LineStatus
from domain.plant import Device, Line
from domain.ports import Clock
from domain.profile import Group
from domain.quality import Quality
from domain.sample import Reading

log = logging.getLogger(__name__)
CONNECT_LIMIT_S: Final = 15.0
REPHASE_S: Final = 60.0
PROBE_WAIT_S: Final = 10.0  # a silent device waits that long for a stretch without polls, then it is asked anyway
WATCH_S: Final = 5.0
DAILY_AGAIN_S: Final = 600.0


class LineRunner:
    """Owns a line's connection and the polling of its devices."""

    def __init__(
        self, line: Line, devices: Iterable[Device], *, clock: Clock, on_reading: OnReading, connect: Connect | None,
        start_delay_s: float = 0.0,
    ) -> None:
        self.line = line
        self.lateness = Lateness()
        self.devices = [PolledDevice(d, i, clock, on_reading, self.lateness) for i, d in enumerate(devices)]
        self._by_id = {device.device.id: device for device in self.devices}
        self._clock, self._connect = clock, connect
        self._start_delay_s = start_delay_s
        self.driver: Driver | None = None
        self._lock = asyncio.Lock()  # one request at a time on the line
        self._gate = asyncio.Lock()  # one connection at a time to its target
        self._lost = asyncio.Event()
        self._again = asyncio.Event()  # do not wait out the back-off
        self._refused = False  # the last attempt ended with a refused sign-in
        self._sleeping: asyncio.Future[None] | None = None
        self._hang = Hang()
        self._stopping = False
        self._backoff = Backoff()
        self._monitor: LineMonitor | None = None
        self._queue: list[Slot] = []
        self._silent: list[PolledDevice] = []
        self._up = self._answered = False
        self._told_down = False  # a line that comes and goes without an answer is logged once
        self._laid_out: dict[int, float] = {}
        self._rephase_at, self._rephased = 0.0, False
        self._busy = RollingSum(60.0, 12, clock.monotonic())
        self._failures = RollingSum(3600.0, 60, clock.monotonic())
        self._state, self._since_us = ("waiting" if line.enabled else "disabled"), clock.now_us()
        self._last_error: str | None = None

    # ---- life ----

    async def run(self) -> None:
        """Poll until cancelled or stopped. Ends only then; leaves no connection open."""
        if not self.line.enabled:
            self._report_disabled(self.devices)
            return
        self._report_disabled([d for d in self.devices if not d.device.enabled])
        try:  # the grid is laid when the first attempt to connect has ended, well or badly: nothing is bad before
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep_connected(), name=f"line:{self.line.id}:connection")
                polls = tasks.create_task(self._poll_forever(), name=f"line:{self.line.id}:polls")
                tasks.create_task(self._watch(polls), name=f"line:{self.line.id}:watch")
        finally:
            self._stopping = True

    def stop(self) -> None:
        """Ask the tasks to end even if a library swallows their cancellation."""
        self._stopping = True

    async def _watch(self, polls: asyncio.Task[None]) -> None:
        """Break off a driver that hangs."""
        while not self._stopping:
            await self._clock.sleep(WATCH_S)
            self._hang.check(self._clock.monotonic(), polls)

    @staticmethod
    def _report_disabled(devices: Iterable[PolledDevice]) -> None:
        for device in devices:
            device.state = device.reason = "disabled"
            for slot in device.slots:
                device.emit_bad(slot, Quality.DISABLED)

    async def _keep_connected(self) -> None:
        await self._clock.sleep(self._start_delay_s)
        while not self._stopping:
            self._refused = False
            try:
                async with AsyncExitStack() as stack:
                    async with self._gate, asyncio.timeout(CONNECT_LIMIT_S):
                        driver = await stack.enter_async_context(self._opened())
                    self._connected(driver)
                    await self._until_lost(driver)
            except MonitorError as exc:
                self._refused = isinstance(exc, AccessDenied)
                self._disconnected(str(exc) or type(exc).__name__)
            except (OSError, TimeoutError) as exc:
                self._disconnected(f"{type(exc).__name__}: {exc}")
            except Exception as exc:
                log.error("line %s: cannot open", self.line.id, exc_info=exc)
                self._disconnected(f"internal: {type(exc).__name__}: {exc}")
            finally:
                self.driver = None
            await self._rest()

    async def _rest(self) -> None:
        """The back-off between two attempts, unless somebody says that it is worth trying now."""
        now = self._clock.monotonic()
        if self._refused:  # asking again soon only locks the account out
            self._backoff.hold(now)
        else:
            self._backoff.failed(now)
        self._again.clear()
        rest = asyncio.ensure_future(self._clock.sleep(max(0.0, self._backoff.next_at - now)))
        again = asyncio.ensure_future(self._again.wait())
        try:
            await asyncio.wait((rest, again), return_when=asyncio.FIRST_COMPLETED)
        finally:
            rest.cancel()
            again.cancel()

    def retry(self) -> None:
        """Do not wait for the back-off."""
        self._backoff.succeeded()
        self._again.set()

    async def _until_lost(self, driver: Driver) -> None:
        """Wait until a request met a dead connection; a source listens meanwhile. Raises what ended the listening."""
        if not isinstance(driver, Source):
            await self._lost.wait()
            return
        plans = [d.plan for d in self._enabled() if d.plan is not None]
        async with asyncio.TaskGroup() as tasks:
            lost = tasks.create_task(self._lost.wait(), name=f"line:{self.line.id}:lost")
            listening = tasks.create_task(self._listen(driver, plans), name=f"line:{self.line.id}:listen")
            await asyncio.wait((lost, listening), return_when=asyncio.FIRST_COMPLETED)
            ended = listening.result() if listening.done() else None
            lost.cancel()
            listening.cancel()
        if ended is not None:  # outside the group, which would wrap it
            raise ended

    async def _listen(self, source: Source, plans: Sequence[DevicePlan]) -> Exception:
        """Returns what ended it."""
        try:
            await source.listen(plans, self._take)
        except Exception as exc:  # noqa: BLE001 (raised by who waits for it)
            return exc
        return LineDown(f"{self.line.target}: nothing more comes")

    def _take(self, reading: Reading) -> None:
        """A reading that came by itself."""
        device = self._by_id.get(reading.device_id)
        if device is None or self._stopping or device.state == "disabled":
            return
        was_online, was_healthy = device.online, device.healthy
        device.told(reading)
        self._heard()
        if device.healthy != was_healthy or device.online != was_online:
            self._note_silent()
            self._note_state()
            if device.rescheduled:
                device.rescheduled = False
                heapify(self._queue)
                self._wake()

    def _heard(self) -> None:
        """Somebody answered on this connection."""
        if self._answered:
            return
        self._answered = True
        self._backoff.succeeded()
        if self._told_down:
            self._told_down = False
            log.info("line %s: back, %s answers", self.line.id, self.line.target)

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[Driver]:
        if self._connect is None:
            raise ConfigError(f"transport {self.line.transport} is not available")
        async with self._connect(self.line) as driver:
            yield driver

    def _connected(self, driver: Driver) -> None:
        self._lost.clear()
        self.driver = driver
        if not self._told_down:
            log.info("line %s: connected to %s", self.line.id, self.line.target)
        for device in self._enabled():
            device.line_back()
            device.prepare(driver)
        self._up, self._answered = True, False
        self._note_silent()
        self._lay_out(self._clock.monotonic())
        self._note_state()
        self._wake()

    def _disconnected(self, message: str) -> None:
        first = self._up or self._last_error is None
        self._up = False
        self.driver = None
        self._last_error = message
        self._failures.add(self._clock.monotonic(), 1.0)
        if first and not self._told_down:
            self._told_down = True
            log.warning("line %s: down: %s", self.line.id, message)
        if first:
            for device in self._enabled():
                device.line_lost(message)
        if not self._queue:
            self._lay_out(self._clock.monotonic() + min((d.device.scan_s for d in self._enabled()), default=1.0))
            self._wake()
        self._note_state()

    def _connection_lost(self, exc: Exception) -> None:
        """A request met a dead connection: tell everyone and let the keeper open a new one."""
        if self.driver is None:
            return
        hint = "" if self._answered else " (before anything was answered: does the gateway serve someone else?)"
        self._disconnected(f"{exc}{hint}")
        self._lost.set()

    # ---- polling ----

    def _enabled(self) -> list[PolledDevice]:
        return [d for d in self.devices if d.state != "disabled"]

    def _lay_out(self, now: float) -> None:
        """Put all polls on their grid: one device behind the other, daily and slow groups behind the fast ones."""
        offsets = self._offsets()
        tail = max(offsets.values(), default=0.0)
        self._queue = []
        for device in self._enabled():
            for slot in device.slots:
                if device.plan is not None:  # generous: only a driver that hangs meets it
                    slot.limit_s = 20.0 + 10.0 * cycle.seconds(self.line, device.plan.cost(slot.group))
                later = {Group.FAST: 0.0, Group.SLOW: tail, Group.DAILY: 2 * tail}[slot.group]
                slot.due = now + offsets[slot.index] + later
                self._queue.append(slot)
        heapify(self._queue)
        self._rephased, self._rephase_at = False, now + 3.0 * min((d.device.scan_s for d in self._enabled()), default=1.0)

    def _offsets(self) -> dict[int, float]:
        """Where in the cycle each device (by index) has its turn."""
        enabled = self._enabled()
        self._laid_out = {d.slots[0].index: self._duration(d) for d in enabled if d.slots}
        shortest = min((d.device.scan_s for d in enabled), default=1.0)
        return dict(zip(self._laid_out, layout(list(self._laid_out.values()), shortest), strict=True))

    def _rephase(self, device: PolledDevice, now: float) -> None:
        """Lay the fast polls out anew: once when it is known what they really take, then when one outgrew its place."""
        if len(self._laid_out) < 2 or now < self._rephase_at:
            return
        took, room = device.fast_s, self._laid_out.get(device.slots[0].index)
        if self._rephased and (took is None or room is None or took <= 1.25 * room + 0.005):
            return
        offsets = self._offsets()
        for slot in self._queue:
            if slot.group is Group.FAST and slot.interval_s > 0:
                slot.due = now + offsets[slot.index]
        heapify(self._queue)
        self._rephased, self._rephase_at = True, now + REPHASE_S

    def _duration(self, device: PolledDevice) -> float:
        """What one poll of its fastest group takes: measured, else calculated."""
        if not device.healthy:
            return 0.0  # it has no turn
        if device.fast_s is not None:
            return device.fast_s
        if device.plan is None or not device.slots:
            return cycle.TCP_LATENCY_S
        return cycle.seconds(self.line, device.plan.cost(device.slots[0].group))

    async def _poll_forever(self) -> None:
        while not self._stopping:
            if not self._queue:
                await self._pause(3600.0)
                continue
            now = self._clock.monotonic()
            slot = self._queue[0]
            probe = self._probe_due(now) if self.driver is not None else None
            if probe is not None:
                await self._poll(probe, probe.slots[0])
                heapify(self._queue)  # what turned bad meanwhile may be due at once
                probe.rescheduled = False
            elif slot.due > now:
                await self._pause(min(slot.due, self._next_probe(now)) - now)
            else:
                await self._tick(slot)

    async def _tick(self, slot: Slot) -> None:
        """A grid point is due: ask a healthy device, report a silent one as bad."""
        device = self.devices[slot.index]
        if self.driver is not None and device.healthy:
            await self._poll(device, slot)
        else:
            device.emit_bad(slot)
            if slot.interval_s <= 0:
                slot.due = self._clock.monotonic() + BAD_TICK_S
                heapify(self._queue)
                return
        slot.advance(self._clock.monotonic())
        if self._queue and self._queue[0] is slot and not device.rescheduled:
            heapreplace(self._queue, slot)
        else:
            device.rescheduled = False
            heapify(self._queue)

    async def _poll(self, device: PolledDevice, slot: Slot) -> None:
        driver = self.driver
        if driver is None:
            return
        was_online, was_healthy, failures = device.online, device.healthy, device.failed_polls
        try:
            busy = await device.poll(driver, slot, self._lock, self._hang, self._watching())
        except LineDown as exc:
            self._connection_lost(exc)
            return
        now = self._clock.monotonic()
        self._busy.add(now, busy)
        if device.failed_polls != failures:
            self._failures.add(now, 1.0)
        elif device.online:
            self._heard()
        if slot.group is Group.DAILY and slot.bad:
            slot.due = now + DAILY_AGAIN_S - slot.interval_s  # the grid step behind this poll lands there
        if device.healthy != was_healthy:
            self._note_silent()
        if device.online != was_online:
            self._note_state()
        if slot.group is Group.FAST:
            self._rephase(device, now)

    def _watching(self) -> LineMonitor | None:
        """Who looks at the frames; forgotten once nobody asks any more."""
        if self._monitor is not None and not self._monitor.watched:
            self._monitor = None
        return self._monitor

    def monitor(self) -> LineMonitor:
        """The line's frames, from now on and while somebody asks."""
        if self._monitor is None:
            self._monitor = LineMonitor(self.line, self._clock)
        return self._monitor

    def _note_silent(self) -> None:
        self._silent = [d for d in self._enabled() if not d.healthy and d.plan is not None and d.slots]

    def _next_probe(self, now: float) -> float:
        """When the next silent device may be asked; far away if there is none."""
        times = [d.backoff.next_at for d in self._silent] if self.driver is not None else []
        return min((t for t in times if t > now), default=now + 3600.0)

    def _probe_due(self, now: float) -> PolledDevice | None:
        """A silent device whose back-off is over, when there is time for its silence before a healthy one is due."""
        if not self._silent:
            return None
        due = [d for d in self._silent if d.backoff.next_at <= now]
        if not due:
            return None
        device = min(due, key=lambda d: d.backoff.next_at)
        if now - device.backoff.next_at > PROBE_WAIT_S:
            return device
        healthy = min((s.due for s in self._queue if self.devices[s.index].healthy), default=now + 3600.0)
        return device if healthy - now >= self._timeout_s(device) else None

    def _timeout_s(self, device: PolledDevice) -> float:
        value = getattr(device.plan, "timeout_s", None)
        return max(value if isinstance(value, float) else 1.0, 1.1 * device.failed_s)

    async def _pause(self, seconds: float) -> None:
        """Sleep, unless something wakes the line."""
        self._sleeping = asyncio.ensure_future(self._clock.sleep(seconds))
        try:
            await self._sleeping
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
        finally:
            self._sleeping = None

    def _wake(self) -> None:
        if self._sleeping is not None:
            self._sleeping.cancel()

    # ---- by hand ----

    @asynccontextmanager
    async def borrowed(self) -> AsyncIterator[Driver]:
        """The live driver between two polls, or a connection of the moment while the line has none. Raises LineDown ..."""
        while True:  # the connection may come or go while we wait for our turn
            async with self._lock:
                if (driver := self.driver) is not None:
                    try:
                        yield driver
                    except LineDown as exc:
                        self._connection_lost(exc)
                        raise
                    return
            async with self._gate:
                if self.driver is None:
                    async with AsyncExitStack() as stack:
                        try:
                            async with asyncio.timeout(CONNECT_LIMIT_S):
                                driver = await stack.enter_async_context(self._opened())
                        except TimeoutError as exc:
                            raise LineDown(f"{self.line.target}: not open within {CONNECT_LIMIT_S:g} s") from exc
                        yield driver
                    return

    # ---- figures ----

    def _note_state(self) -> None:
        enabled = self._enabled()
        online = sum(d.online for d in enabled)
        if not self.line.enabled:
            state = "disabled"
        elif self.driver is None or (enabled and not online):
            state = "down"
        else:
            state = "online" if online == len(enabled) else "partial"
        if state != self._state:
            self._state, self._since_us = state, self._clock.now_us()

    def _demands(self) -> list[tuple[float, float]]:
        found = []
        for device in self._enabled():
            if device.plan is not None:
                for slot in device.slots:
                    took = cycle.seconds(self.line, device.plan.cost(slot.group))
                    if slot.group is Group.FAST and device.fast_s is not None:
                        took = max(took, device.fast_s) if cycle.baud_of(self.line) else device.fast_s
                    found.append((took, slot.interval_s))
        return found

    def status(self) -> LineStatus:
        """A snapshot for pages and API."""
        self._note_state()
        now = self._clock.monotonic()
        enabled = self._enabled()
        planned = [d for d in enabled if d.plan is not None and d.slots]
        calculated = [cycle.seconds(self.line, d.plan.cost(d.slots[0].group)) for d in planned if d.plan is not None]
        measured = [d.fast_s for d in planned if d.fast_s is not None]
        latencies = [d.latency_s for d in enabled if d.latency_s is not None]
        return LineStatus(
            self.line.id, self.line.transport, self.line.target, "down" if self._state == "waiting" else self._state,
            self._since_us, len(self.devices), sum(d.online for d in enabled),
            1e3 * sum(latencies) / len(latencies) if latencies else None, self._busy.share(now),
            round(self._failures.total(now)), self._told_error(), self._next_attempt_us(),
            min((d.device.scan_s for d in enabled), default=None),
            sum(calculated) if calculated else None,
            sum(measured) if measured and len(measured) == len(planned) else None,
            cycle.warning(self._demands()), cycle.load(self._demands()),
        )

    def _told_error(self) -> str | None:
        """What the driver says went wrong on a line that stands (a message nobody can be blamed for), else the line's own."""
        told = getattr(self.driver, "last_fault", None)
        return told if isinstance(told, str) else self._last_error

    def _next_attempt_us(self) -> int | None:
        """When the connection is tried again; None while it stands or is just being opened."""
        rest = self._backoff.next_at - self._clock.monotonic()
        return self._clock.now_us() + round(1e6 * rest) if self.driver is None and rest > 0 else None

    def device_statuses(self) -> list[DeviceStatus]:
        """Snapshots of its devices; what only the line's return can bring back is tried again when the line is."""
        next_us = self._next_attempt_us()
        return [
            replace(status, next_attempt_us=next_us) if next_us is not None and status.state == "offline" else status
            for status in (device.status() for device in self.devices)
        ]

    @property
    def skipped(self) -> int:
        """Grid points that were left out because the line was not done in time."""
        return sum(slot.skipped for device in self.devices for slot in device.slots)


async def read_device(driver: Driver, device: Device, trace: Trace | None) -> list[Reading]:
    """All groups of a device, once. Raises what the first failing group raises when none could be read."""
    plan = driver.prepare(device)
    groups = [g for g in Group if any(p.group is g for p in device.profile.points)]
    readings: list[Reading] = []
    failed: DeviceError | None = None
    for group in groups:
        try:
            readings.append(await driver.read(plan, group, trace))
        except LineDown:
            raise
        except DeviceError as exc:
            failed = failed or exc
            if not readings:
                break  # it does not answer at all: one time-out is enough
    if failed is not None and not readings:
        raise failed
    return readings


async def scan_addresses(
    runner: LineRunner, addresses: Sequence[int], protocol: str
) -> AsyncIterator[ScanHit]:
    """Ask each address in turn, between the polls of the line."""
    for address in addresses:
        async with runner.borrowed() as driver:
            hit = await driver.probe(address, protocol)
        if hit is not None:
            yield hit


async def survey_line(runner: LineRunner, seconds: float) -> Sequence[Found] | None:
    """What is on a line whose devices have no numbers; None where its driver cannot tell. Raises LineDown ...

    A line that speaks by itself goes on meanwhile: its grid does not wait for seconds.
    """
    running = runner.driver
    if isinstance(running, Source) and isinstance(running, Surveyed):
        return await running.survey(seconds)
    async with runner.borrowed() as driver:
        return await driver.survey(seconds) if isinstance(driver, Surveyed) else None
