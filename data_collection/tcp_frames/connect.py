"""Lines to a controller's own TCP server: its frames are read, and frames of ours are sent where that is switched on.

Three flows run beside each other: reading, cyclic sending at a pace that the peer can take, and the toggling of our bit 0.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from data_collection import options
from data_collection.driver import Connect, DevicePlan, Driver, Found, ScanHit, Take, Trace
from data_collection.picture import Picture
from data_collection.tcp_frames.layout import BINARY, Layout, bit_of, frame_out
from data_collection.tcp_frames.pace import Pace
from data_collection.tcp_frames.splitter import FrameSplitter
from data_collection.workspace import Workspace
from domain.errors import ConfigError, DeviceUnreachable, LineDown
from domain.inspection import Verdict, VerdictDesk
from domain.plant import Device, Line
from domain.ports import Clock
from domain.profile import Group
from domain.sample import Reading

PAUSE_S: Final = 0.05  # what is left over after that long belongs to no frame
READ_S: Final = 5.0
ENCODINGS: Final = {"bin": BINARY, "hex": BINARY}


class FramePlan(Picture):
    """One device of the line and where its points lie in the frame."""

    def __init__(self, device: Device, layout: Layout) -> None:
        super().__init__(device)
        self.layout = layout
        self.last_fault: str | None = None

    def framed(self, frame: bytes, now_us: int) -> list[Reading]:
        """The reading of one frame; a field that cannot be read costs itself."""
        tags = []
        for field in self.layout.decode(frame):
            if field.error is not None:
                self.faults[field.error[0]] += 1
                self.last_fault = f"{field.tag}: {field.error[1]}"
                if self.values[field.tag].text:
                    continue
            self.take(field.tag, field.value if field.error is None else [], now_us)
            tags.append(field.tag)
        return self.readings(tags)


class FramesDriver:
    """Implements data_collection.driver.Source and Surveyed. `pace`: how fast we send."""

    def __init__(
        self, line: Line, clock: Clock, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, desk: VerdictDesk
    ) -> None:
        self.line, self._clock, self._reader, self._writer, self._desk = line, clock, reader, writer, desk
        self._splitter = splitter_of(line)
        self._length = self._splitter.length
        self.encoding = encoding_of(line)
        self.pace = Pace(_seconds(line, "transmit_s"))
        self._heartbeat_s, self._peer_s = _seconds(line, "heartbeat_s"), _seconds(line, "peer_heartbeat_s")
        self._deadline_s = options.number(line, "verdict_deadline_s", 0.1)
        self._bit, self._verdict = False, Verdict.none()
        self._began_s = self._changed_s = clock.monotonic()
        self._peer_bit: int | None = None
        self._listening = False
        self.verdicts_late = 0
        self._frames: asyncio.Queue[bytes] = asyncio.Queue(100)  # for reads by hand; a full one forgets nothing that matters

    @property
    def last_fault(self) -> str | None:
        """What the line survived last: bytes that were no frame, a peer that takes our frames too slowly, late verdicts."""
        if self._splitter.faults:
            counts = ", ".join(f"{kind}: {n}" for kind, n in sorted(self._splitter.faults.items()))
            return f"bytes that were no frame ({counts}), the last began with {self._splitter.last_dropped[:16].hex(' ')}"
        if self.verdicts_late:
            return f"{self.verdicts_late} verdicts were not written back within {self._deadline_s:g} s"
        return self.pace.text

    def prepare(self, device: Device) -> FramePlan:
        """See Driver."""
        return FramePlan(device, Layout(device, self._length, self.encoding, str(self.line.options.get("separator") or ";")))

    # ---- Source ----

    async def listen(self, plans: Sequence[DevicePlan], take: Take) -> None:
        """See Source."""
        mine = [_mine(plan) for plan in plans]
        self._listening = True
        ends = [self._desk.open(plan.device.id, self._judged) for plan in mine] if self.line.options.get("verdicts") else []
        try:
            async with asyncio.TaskGroup() as tasks:
                flows = [tasks.create_task(flow) for flow in (self._transmit(), self._toggle())]
                try:
                    await self._read_frames(mine, take)
                finally:
                    for flow in flows:
                        flow.cancel()
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None
        finally:
            self._listening = False
            for end in ends:
                end()

    async def current(self, plan: DevicePlan, group: Group) -> Reading | None:
        """Each frame says all; silence, or a bit 0 that stands still where it is a heartbeat, makes the device unreachable."""
        mine, now_s = _mine(plan), self._clock.monotonic()
        if mine.silent(now_s, self._began_s):
            raise DeviceUnreachable(f"{mine.device.id}: no frame for {2 * mine.device.scan_s + mine.timeout_s:g} s")
        if self._peer_s and now_s - self._changed_s > self._peer_s:
            raise DeviceUnreachable(f"{mine.device.id}: bit 0 of its frames has not changed for {self._peer_s:g} s")
        return None

    async def _read_frames(self, mine: Sequence[FramePlan], take: Take) -> None:
        while True:
            for frame in await self._next():
                now_s = self._clock.monotonic()
                bit = bit_of(frame)
                if bit != self._peer_bit:
                    self._peer_bit, self._changed_s = bit, now_s
                for plan in mine:
                    plan.heard(now_s)
                    for reading in plan.framed(frame, self._clock.now_us()):
                        take(reading)
                with contextlib.suppress(asyncio.QueueFull):
                    self._frames.put_nowait(frame)

    async def _next(self) -> list[bytes]:
        """The frames that arrive next. Raises LineDown."""
        try:
            async with asyncio.timeout(PAUSE_S if self._splitter.waiting else None):
                data = await self._reader.read(65_536)
        except TimeoutError:
            self._splitter.paused()
            return []
        except OSError as exc:
            raise LineDown(f"{self.line.target}: {exc}") from exc
        if not data:
            self._splitter.paused()
            raise LineDown(f"{self.line.target}: the peer closed the connection")
        return self._splitter.feed(data)

    # ---- sending ----

    async def _transmit(self) -> None:
        """The cyclic flow: our frame each interval, slower while the peer is slow."""
        while self.pace.asked_s:
            began = self._clock.monotonic()
            await self._send()
            self.pace.frame_sent(self._clock.monotonic() - began)
            await self._clock.sleep(self.pace.interval_s)

    async def _toggle(self) -> None:
        """The heartbeat: bit 0 changes and is told at once, whatever the cyclic flow does."""
        while self._heartbeat_s:
            await self._clock.sleep(self._heartbeat_s)
            self._bit = not self._bit
            await self._send()

    async def _send(self) -> None:
        """Our present frame. Raises LineDown."""
        try:
            self._writer.write(self._frame())
            await self._writer.drain()
        except OSError as exc:
            raise LineDown(f"{self.line.target}: {exc}") from exc

    def _judged(self, verdict: Verdict, took_s: float) -> bool:
        """Write a verdict back at once. False where it is too late, or the peer does not take what we send."""
        self._verdict = verdict
        if took_s > self._deadline_s or self._writer.transport.get_write_buffer_size():
            self.verdicts_late += 1
            return False
        self._writer.write(self._frame())
        return True

    def _frame(self) -> bytes:
        """What we say now."""
        told = self._verdict
        frame = frame_out(
            self._length or 32, self.encoding, bit=self._bit, verdict=told.outcome.value, item=told.item, score=told.score
        )
        return frame if self._splitter.delimiter is None else frame.rstrip() + self._splitter.delimiter

    # ---- by hand ----

    async def read(self, plan: DevicePlan, group: Group, trace: Trace | None = None) -> Reading:
        """The next frame, waited for."""
        mine = _mine(plan)
        try:
            async with asyncio.timeout(READ_S):
                while True:
                    for frame in [await self._frames.get()] if self._listening else await self._next():
                        if trace is not None:
                            trace.frames.append(("rx", self._clock.monotonic(), frame))
                        mine.framed(frame, self._clock.now_us())
                        found = mine.confirmed(group, self._clock.now_us())
                        if found is not None:
                            return found
        except TimeoutError as exc:
            raise DeviceUnreachable(f"{mine.device.id}: no frame within {READ_S:g} s") from exc

    async def probe(self, address: int, protocol: str) -> ScanHit | None:
        """There is one far side, without an address."""
        return None

    async def survey(self, seconds: float) -> Sequence[Found]:
        """The frames that come, as bytes and as text."""
        found: list[Found] = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while len(found) < 20:
                    for frame in [await self._frames.get()] if self._listening else await self._next():
                        text = frame[:64].decode("utf-8", "replace")
                        found.append(Found(frame[:64].hex(" "), "".join(c for c in text if c.isprintable()).strip()))
        return found


def encoding_of(line: Line) -> str:
    """The line's encoding; `bin` is binary too."""
    name = str(line.options.get("encoding") or "utf-8").lower()
    return ENCODINGS.get(name, name)


def splitter_of(line: Line) -> FrameSplitter:
    """How the line's frames end. A delimiter may be written with escapes, such as \\\\r\\\\n."""
    delimiter = line.options.get("delimiter")
    if isinstance(delimiter, str) and delimiter:
        return FrameSplitter(delimiter=delimiter.encode().decode("unicode_escape").encode("latin-1", "replace"))
    return FrameSplitter(options.whole(line, "length", 32, 1, 65536))


def _seconds(line: Line, name: str) -> float:
    value = line.options.get(name, 0.0)
    return float(value) if isinstance(value, int | float) else 0.0


def _mine(plan: DevicePlan) -> FramePlan:
    if not isinstance(plan, FramePlan):
        raise ConfigError(f"device {plan.device.id} is not compiled for frames")
    return plan


def connector(workspace: Workspace) -> Connect:
    """How a line of frames is opened."""

    @asynccontextmanager
    async def connect(line: Line) -> AsyncIterator[Driver]:
        try:
            async with asyncio.timeout(options.number(line, "connect_timeout_s", 5.0)):
                reader, writer = await asyncio.open_connection(
                    options.text(line, "host"), options.whole(line, "port", 5050, 1, 65535)
                )
        except (OSError, TimeoutError) as exc:
            raise LineDown(f"{line.target}: {exc or 'no connection in time'}") from exc
        writer.transport.set_write_buffer_limits(high=0)  # what the peer does not take is felt at once
        try:
            yield FramesDriver(line, workspace.clock, reader, writer, workspace.verdicts)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    return connect


