"""Byte streams: a serial port (or pty) and a TCP connection to a transparent gateway. Both implement ByteStream."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
import time
from pathlib import Path
from typing import Final

import serial

from domain.errors import LineDown

_LIMIT: Final = 64 * 1024  # bytes that nobody asked for are dropped beyond this
_CHUNK: Final = 4096


class BufferedStream:
    """What has arrived waits in a buffer until it is read. Subclasses feed it and write."""

    def __init__(self, baud: int) -> None:
        self.baud = baud
        self.heard = 0  # bytes received since it was opened
        self._buffer = bytearray()
        self._waiter: asyncio.Future[None] | None = None
        self._error: LineDown | None = None

    @property
    def is_tcp(self) -> bool:
        return False

    def feed(self, data: bytes) -> None:
        self.heard += len(data)
        if len(self._buffer) + len(data) > _LIMIT:
            self._buffer.clear()
        self._buffer += data[-_LIMIT:]
        self._wake()

    def fail(self, message: str) -> None:
        """The line is gone; whoever waits is told."""
        if self._error is None:
            self._error = LineDown(message)
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _check(self) -> None:
        if self._error is not None:
            raise LineDown(str(self._error))

    async def read(self, timeout_s: float) -> bytes:
        """See ByteStream.read."""
        if not self._buffer:
            self._check()
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(timeout_s):
                    await self._waiter
            finally:
                self._waiter = None
            if not self._buffer:
                self._check()
        return self._take()

    def _take(self) -> bytes:
        data = bytes(self._buffer)
        self._buffer.clear()
        return data

    async def drain(self, quiet_s: float, limit_s: float) -> bytes:
        """See ByteStream.drain."""
        if quiet_s <= 0:
            await self._poll()
            return self._take()
        thrown = bytearray(self._take())
        end = time.monotonic() + limit_s
        while (rest := end - time.monotonic()) > 0:
            try:
                thrown += await self.read(min(quiet_s, rest))
            except TimeoutError:
                break
            del thrown[:-_CHUNK]  # only its end is of interest
        return bytes(thrown)

    async def _poll(self) -> None:
        """Let bytes in that the kernel holds already: one turn of the event loop to see them, one to take them."""
        self._check()
        await asyncio.sleep(0)
        await asyncio.sleep(0)


class TcpStream(BufferedStream, asyncio.Protocol):
    """A connection to a transparent gateway."""

    def __init__(self, baud: int) -> None:
        super().__init__(baud)
        self._transport: asyncio.Transport | None = None

    @classmethod
    async def open(cls, host: str, port: int, baud: int, timeout_s: float) -> TcpStream:
        """Connect. Raises LineDown."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout_s):
                transport, stream = await loop.create_connection(lambda: cls(baud), host, port)
        except TimeoutError as exc:
            raise LineDown(f"{host}:{port}: no connection within {timeout_s:g} s") from exc
        except OSError as exc:
            raise LineDown(f"{host}:{port}: {exc.strerror or exc}") from exc
        keep_alive(transport.get_extra_info("socket"))
        return stream

    @property
    def is_tcp(self) -> bool:
        return True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        self.feed(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.fail(f"connection lost: {exc or 'closed by the other side'}")

    async def write(self, data: bytes) -> None:
        """See ByteStream.write."""
        self._check()
        if self._transport is None:
            raise LineDown("not connected")
        self._transport.write(data)

    async def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()
        self.fail("closed")


class SerialStream(BufferedStream):
    """A serial port. Works on a pseudo terminal too."""

    def __init__(self, port: serial.Serial, baud: int) -> None:
        super().__init__(baud)
        self._port = port
        self._fd: int = port.fileno()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._fd, self._readable)
        self._open = True

    @classmethod
    async def open(
        cls, device: str, *, baud: int, parity: str = "N", stopbits: float = 1, bytesize: int = 8, timeout_s: float = 5.0
    ) -> SerialStream:
        """Open the port for us alone; opening happens in a thread, since a broken adapter can block it. Raises LineDown."""
        opening = _Opening()

        def work() -> serial.Serial:
            checked = "N" if is_pseudo_terminal(device) else parity  # which some kernels refuse there
            return opening.done(
                serial.Serial(
                    device, baudrate=baud, parity=checked, stopbits=stopbits, bytesize=bytesize, timeout=0, exclusive=True
                )
            )

        try:
            async with asyncio.timeout(timeout_s):
                port = await asyncio.to_thread(work)
        except TimeoutError as exc:
            opening.abandon()
            raise LineDown(f"{device}: did not open within {timeout_s:g} s") from exc
        except (OSError, ValueError) as exc:  # SerialException is an OSError
            raise LineDown(f"{device}: {exc}") from exc
        except asyncio.CancelledError:
            opening.abandon()
            raise
        return cls(port, baud)

    def _readable(self) -> None:
        try:
            data = os.read(self._fd, _CHUNK)
        except BlockingIOError:
            return
        except OSError as exc:
            self._gone(f"{self._port.port}: {exc.strerror or exc}")
            return
        if not data:
            self._gone(f"{self._port.port}: the adapter is gone")
            return
        self.feed(data)

    def _gone(self, message: str) -> None:
        self._loop.remove_reader(self._fd)
        self.fail(message)

    async def write(self, data: bytes) -> None:
        """See ByteStream.write. Raises TimeoutError never: a port that takes nothing for 5 s is down."""
        self._check()
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._fd, view) :]
            except BlockingIOError:
                await self._writable()
            except OSError as exc:
                self._gone(f"{self._port.port}: {exc.strerror or exc}")
                self._check()

    async def _writable(self) -> None:
        ready: asyncio.Future[None] = self._loop.create_future()

        def wake() -> None:
            if not ready.done():
                ready.set_result(None)

        self._loop.add_writer(self._fd, wake)
        try:
            async with asyncio.timeout(5.0):
                await ready
        except TimeoutError as exc:
            raise LineDown(f"{self._port.port}: takes no bytes") from exc
        finally:
            self._loop.remove_writer(self._fd)

    async def close(self) -> None:
        if not self._open:
            return
        self._open = False
        self._loop.remove_reader(self._fd)
        self.fail("closed")
        with contextlib.suppress(OSError):  # an adapter that was pulled out cannot be closed properly
            self._port.close()


def is_pseudo_terminal(device: str) -> bool:
    """Does the path lead to a terminal without a wire? It has no parity."""
    return str(Path(device).resolve()).startswith("/dev/pts/")


class _Opening:
    """A port that a thread opens after nobody waits any more is closed again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._abandoned = False
        self._port: serial.Serial | None = None

    def done(self, port: serial.Serial) -> serial.Serial:
        with self._lock:
            self._port = port
            if self._abandoned:
                port.close()
        return port

    def abandon(self) -> None:
        with self._lock:
            self._abandoned = True
            if self._port is not None:
                self._port.close()


class SerialNames:
    """Finds an adapter again that came back under another name: remembers its lasting name beside the configured one."""

    def __init__(self, by_id: Path = Path("/dev/serial/by-id")) -> None:
        self._by_id = by_id
        self._lasting: dict[str, Path] = {}

    def resolve(self, device: str) -> str:
        """The path to open for a configured `device`: itself while it exists, else where the same adapter is now."""
        lasting = self._lasting.get(device)
        if not Path(device).exists() and lasting is not None and lasting.exists():
            return str(lasting)
        return device

    def opened(self, device: str) -> None:
        """`device` was opened under its own name: note which adapter that is."""
        with contextlib.suppress(OSError):
            real = Path(device).resolve()
            for link in self._by_id.iterdir():
                if link.resolve() == real:
                    self._lasting[device] = link
                    return


def keep_alive(sock: socket.socket | None) -> None:
    """Small packets at once; a connection whose other end vanished is found by the kernel within about 30 s."""
    if sock is None:
        return
    options = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1), (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    for name, value in (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 4), ("TCP_USER_TIMEOUT", 30_000)):
        if hasattr(socket, name):
            options.append((socket.IPPROTO_TCP, getattr(socket, name), value))
    for level, option, value in options:
        with contextlib.suppress(OSError):  # a kernel without the option is no reason not to poll
            sock.setsockopt(level, option, value)
