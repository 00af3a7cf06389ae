"""Several stations on one shared byte line, as on RS-485: behind a transparent TCP gateway, or on a pseudo terminal.

The wire is simulated, not only its ends: a request ends with a pause, bytes take their time at the line's speed, whoever
speaks is heard by all, and two who speak at once garble each other.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import time
import tty
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Protocol

from simulator.faults import FaultBox
from simulator.protocol_server import Connection, ProtocolServer

PAUSES: Final = ((38400, 0.002), (19200, 0.003), (9600, 0.005), (4800, 0.010), (2400, 0.020), (1200, 0.040))
_NOISE: Final = b"\x00\xf7\x1e"
_SPLIT_S: Final = 0.002
_SLICE_S: Final = 0.005
_MOST_BYTES: Final = 4096


class Station(Protocol):
    """A device on the line. `faults` (its own or its unit's) may hold delay, echo, split and noise, which the line carries out;
    what lies in the frame itself is the station's part."""

    def feed(self, request: bytes, now_s: float) -> bytes | None:
        """What a pause has ended; the reply, or None for silence. A station ignores what is not meant for it."""
        ...


def pause_at(baud: int) -> float:
    """Seconds of silence that end a frame at that speed."""
    return next((pause for from_baud, pause in PAUSES if baud >= from_baud), 0.080)


class Wire:
    """The line itself. `baud` None: bytes take no time. `latency_s`: from the end of a request to its reply.

    `echo`: the master's adapter sends back whatever it is sent. Times of the event loop's clock; `clock` is what stations see.
    """

    def __init__(
        self, stations: Sequence[Station], send: Callable[[bytes], None], *, baud: int | None = None, latency_s: float = 0.0,
        pause_s: float | None = None, clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.stations = list(stations)
        self.latency_s, self.echo = latency_s, False
        self.requests = 0
        self._send, self._clock = send, clock
        self._byte_s = 0.0 if baud is None else 10.0 / baud
        self.pause_s = pause_s if pause_s is not None else 0.003 if baud is None else pause_at(baud)
        self._heard: list[tuple[Station | None, bytes]] = []  # since the last pause: who (None: the master) said what
        self._free_at = 0.0  # when the last byte is through
        self._end: asyncio.TimerHandle | None = None
        self._sending: set[asyncio.TimerHandle] = set()

    def receive(self, data: bytes) -> None:
        """Bytes of the master."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self._end is None and now - self._free_at >= self.pause_s:
            self._heard.clear()
        if sum(len(said) for _, said in self._heard) + len(data) > _MOST_BYTES:
            self._heard.clear()
        self._heard.append((None, data))
        self._free_at = max(now, self._free_at) + len(data) * self._byte_s
        if self.echo:
            self._at(self._free_at, data)
        if self._end is not None:
            self._end.cancel()
        self._end = loop.call_at(self._free_at + self.pause_s, self._ended)

    def close(self) -> None:
        """Nothing more is sent."""
        for timer in (*self._sending, *((self._end,) if self._end else ())):
            timer.cancel()
        self._sending.clear()
        self._end = None

    def _ended(self) -> None:
        """A pause: all stations get what they heard since they last spoke."""
        self._end = None
        ended = self._free_at + self.pause_s
        now_s = self._clock()
        self.requests += 1
        request = b"".join(said for who, said in self._heard if who is None)
        replies: list[tuple[Station, bytes]] = []
        for station in self.stations:
            reply = station.feed(self._heard_by(station), now_s)
            if reply:
                replies.append((station, reply))
        self._heard.clear()
        begun = ended + self.latency_s
        if len(replies) == 1:
            self._say(*replies[0], request, begun)
        elif replies:
            self._heard.append((None, garbled := collision([reply for _, reply in replies])))
            self._transmit(garbled, begun, split=False)

    def _heard_by(self, station: Station) -> bytes:
        """Since the last pause, but not before its own last words: its receiver starts anew after them."""
        spoken = [i for i, (who, _) in enumerate(self._heard) if who is station]
        since = spoken[-1] + 1 if spoken else 0
        return b"".join(said for _, said in self._heard[since:])

    def _say(self, station: Station, reply: bytes, request: bytes, begun: float) -> None:
        faults = faults_of(station)
        split = False
        if faults:
            if faults.take("echo") is not None:
                self._at(begun, request)
            if faults.take("noise") is not None:
                reply = _NOISE + reply
            split = faults.take("split") is not None
            delay = faults.take("delay")
            if delay is not None:
                begun += delay.seconds
        self._heard.append((station, reply))
        self._transmit(reply, begun, split=split)

    def _transmit(self, reply: bytes, begun: float, *, split: bool) -> None:
        """In slices, each when its last byte is through; the instants are planned, so that late timers do not add up."""
        step = 1 if split else max(1, int(_SLICE_S / self._byte_s)) if self._byte_s else len(reply)
        byte_s = max(self._byte_s, _SPLIT_S) if split else self._byte_s
        for start in range(0, len(reply), step):
            part = reply[start : start + step]
            self._at(begun + (start + len(part)) * byte_s, part)
        self._free_at = max(self._free_at, begun + len(reply) * byte_s)

    def _at(self, when: float, data: bytes) -> None:
        loop = asyncio.get_running_loop()
        if when <= loop.time():
            self._send(data)
            return
        timer: asyncio.TimerHandle

        def send() -> None:
            self._sending.discard(timer)
            self._send(data)

        timer = loop.call_at(when, send)
        self._sending.add(timer)


def faults_of(station: Station) -> FaultBox | None:
    """The faults that stand on a station, or on the unit behind it."""
    for owner in (station, getattr(station, "unit", None)):
        faults = getattr(owner, "faults", None)
        if isinstance(faults, FaultBox):
            return faults
    return None


def collision(frames: Sequence[bytes]) -> bytes:
    """Two who speak at once: a driven 0 wins over a driven 1, byte by byte."""
    longest = max(map(len, frames))
    padded = [frame.ljust(longest, b"\xff") for frame in frames]
    return bytes(functools.reduce(lambda a, b: a & b, column) for column in zip(*padded, strict=True))


class StreamServer(ProtocolServer):
    """A line that can be reached over TCP, as a transparent gateway offers it, or at a pseudo terminal."""

    def __init__(
        self, stations: Sequence[Station], *, baud: int | None = None, latency_s: float = 0.0, pause_s: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self.wire = Wire(stations, self._send, baud=baud, latency_s=latency_s, pause_s=pause_s, clock=clock)
        self._terminal: tuple[int, int] | None = None  # master, slave
        self._link: Path | None = None

    def connection(self) -> Connection:
        """What the stations say goes to every client."""
        return _Client(self)

    # ---- pseudo terminal ----

    def start_terminal(self, link: Path | None = None) -> Path:
        """Open a pseudo terminal; the path a program opens as its serial port: `link`, if given, points there until `stop`.

        Raises OSError, FileExistsError when something other than a dangling or an own earlier link is at `link`.
        """
        master, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(master, False)
        path = Path(os.ttyname(slave))
        try:
            if link is not None:
                _point(link, path)
        except OSError:
            os.close(master)
            os.close(slave)
            raise
        self._link, self._terminal = link, (master, slave)  # the slave stays open, or its last user's leaving ends the master
        asyncio.get_running_loop().add_reader(master, self._read_terminal, master)
        return link if link is not None else path

    def _read_terminal(self, master: int) -> None:
        with contextlib.suppress(BlockingIOError):
            data = os.read(master, 4096)
            if data:
                self.wire.receive(data)

    def _send(self, data: bytes) -> None:
        for connection in list(self.connections):
            connection.write(data)
        if self._terminal is not None:
            with contextlib.suppress(BlockingIOError):  # nobody reads: as on a wire, it is lost
                os.write(self._terminal[0], data)

    async def stop(self) -> None:
        """Close everything. Can be started again."""
        self.wire.close()
        if self._terminal is not None:
            master, slave = self._terminal
            asyncio.get_running_loop().remove_reader(master)
            if self._link is not None and self._link.is_symlink() and str(self._link.readlink()) == os.ttyname(slave):
                self._link.unlink()
            self._terminal = None
            os.close(master)
            os.close(slave)
        await super().stop()


def _point(link: Path, target: Path) -> None:
    """Make `link` lead to the terminal. What is not a link to a terminal is left alone."""
    if link.is_symlink():
        old = str(link.readlink())
        if not old.startswith("/dev/pts/"):
            raise FileExistsError(f"{link} leads to {old}, which is not a simulated port")
        link.unlink()
    elif link.exists():
        raise FileExistsError(f"{link} exists and is not a simulated port")
    link.symlink_to(target)


class _Client(Connection):
    """A connection to the gateway: all bytes go onto the wire as they are."""

    def __init__(self, server: StreamServer) -> None:
        super().__init__(server)
        self._wire = server.wire

    def data_received(self, data: bytes) -> None:
        self._wire.receive(data)


@asynccontextmanager
async def serve_stations(
    stations: Sequence[Station], host: str = "127.0.0.1", port: int = 0, *, baud: int | None = None, latency_s: float = 0.0,
    pause_s: float | None = None, clock: Callable[[], float] = time.monotonic,
) -> AsyncIterator[StreamServer]:
    """Serve stations over TCP while inside; `server.port` is the port taken."""
    server = StreamServer(stations, baud=baud, latency_s=latency_s, pause_s=pause_s, clock=clock)
    await server.start(host, port)
    try:
        yield server
    finally:
        await server.stop()
