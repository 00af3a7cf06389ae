"""A line that is a byte stream: Modbus RTU (or ASCII) and Mercury devices side by side, one request at a time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Final

from data_collection.cycle import silence_s
from data_collection.driver import DevicePlan, Driver, ScanHit, Trace
from data_collection.mercury.client import MercuryProtocol
from data_collection.modbus.plan import DEFAULT_TIMEOUT_S
from data_collection.modbus.stream import ModbusStream
from data_collection.options import choice, number, text, whole
from data_collection.stream import StreamProtocol
from data_collection.streams import SerialNames, SerialStream, TcpStream
from domain.errors import ConfigError, DeviceUnreachable
from domain.plant import Device, Line
from domain.profile import Group
from domain.sample import Reading

SILENT_LIMIT: Final = 3  # reads without a single byte after which a TCP connection is taken for dead
SETTLE_S: Final = 0.5  # at most; a line with short time-outs settles sooner
_CHANGE_S: Final = 0.005  # least silence when the protocol on the wire changes
OpenStream = Callable[[], Awaitable["TcpStream | SerialStream"]]
MakeProtocol = Callable[[Line], StreamProtocol]


def _modbus(line: Line) -> StreamProtocol:
    return ModbusStream(choice(line, "mode", "rtu", ("rtu", "ascii")), number(line, "timeout_s", DEFAULT_TIMEOUT_S))


def _mercury(_: Line) -> StreamProtocol:
    return MercuryProtocol()


PROTOCOLS: Final[Mapping[str, MakeProtocol]] = {"modbus": _modbus, "mercury": _mercury}


class StreamLine:
    """Implements data_collection.driver.Driver over one byte stream; each device's profile names its protocol."""

    def __init__(
        self, line: Line, open_stream: OpenStream, makers: Mapping[str, MakeProtocol] = PROTOCOLS,
        protocols: dict[str, StreamProtocol] | None = None,
    ) -> None:
        self._line, self._open_stream, self._makers = line, open_stream, makers
        self._stream: TcpStream | SerialStream | None = None
        self._protocols = {} if protocols is None else protocols
        self._last: str | None = None
        self._silent = self._heard = 0

    async def open(self) -> None:
        """Raises LineDown, ConfigError."""
        self._stream = await self._open_stream()
        self._silent = self._heard = 0
        # an answer that a former connection (or a former run of the program) asked for may still be on its way
        settle_s = min(SETTLE_S, max(0.1, number(self._line, "timeout_s", DEFAULT_TIMEOUT_S)))
        await self._stream.drain(settle_s, 4 * settle_s)

    async def close(self) -> None:
        if self._stream is not None:
            await self._stream.close()
            self._stream = None

    def _protocol(self, name: str) -> StreamProtocol:
        if name not in self._protocols:
            if name not in self._makers:
                raise ConfigError(f"line {self._line.id}: {name} cannot run on a {self._line.transport} line")
            self._protocols[name] = self._makers[name](self._line)
        return self._protocols[name]

    def prepare(self, device: Device) -> DevicePlan:
        return self._protocol(device.profile.protocol).prepare(device)

    async def read(self, plan: DevicePlan, group: Group, trace: Trace | None = None) -> Reading:
        """See Driver.read."""
        name = plan.device.profile.protocol
        stream = await self._ready(name)
        try:
            reading = await self._protocol(name).read(stream, plan, group, trace)
        except DeviceUnreachable:
            self._silent = self._silent + 1 if stream.heard == self._heard else 0
            raise
        finally:
            self._heard = stream.heard
        self._silent = 0
        return reading

    async def probe(self, address: int, protocol: str) -> ScanHit | None:
        """See Driver.probe."""
        return await self._protocol(protocol).probe(await self._ready(protocol), address)

    async def _ready(self, protocol: str) -> TcpStream | SerialStream:
        """The stream, opened anew if it seems dead; the wire quiet long enough for another protocol."""
        if self._stream is not None and self._stream.is_tcp and self._silent >= SILENT_LIMIT:
            await self.close()
        if self._stream is None:
            await self.open()
        stream = self._stream
        if stream is None:
            raise ConfigError(f"line {self._line.id}: no stream")
        if self._last not in {None, protocol}:
            await asyncio.sleep(max(_CHANGE_S, silence_s(stream.baud)))
        self._last = protocol
        return stream


def _baud(line: Line) -> int:
    return whole(line, "baud", 9600, 50, 4_000_000)


class _Memory:
    """The protocols of each line, kept from connection to connection: what they learned about devices, what may still arrive."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Line, dict[str, StreamProtocol]]] = {}

    def protocols(self, line: Line) -> dict[str, StreamProtocol]:
        """Empty for a line that is new or was changed."""
        known = self._known.get(line.id)
        if known is None or known[0] != line:
            known = self._known[line.id] = (line, {})
        return known[1]


class GatewayConnect:
    """Opens transparent gateways (options host, port, baud, mode, timeout_s, connect_timeout_s)."""

    def __init__(self) -> None:
        self._memory = _Memory()

    @contextlib.asynccontextmanager
    async def __call__(self, line: Line) -> AsyncIterator[Driver]:
        """Raises LineDown, ConfigError."""
        host, port = text(line, "host"), whole(line, "port", 4001, 1, 65535)
        baud, limit_s = _baud(line), number(line, "connect_timeout_s", 5.0)
        driver = StreamLine(
            line, lambda: TcpStream.open(host, port, baud, limit_s), protocols=self._memory.protocols(line)
        )
        async with _opened(driver):
            yield driver


class SerialConnect:
    """Opens serial lines (options device, baud, parity, stopbits, bytesize, mode, timeout_s)."""

    def __init__(self, names: SerialNames | None = None) -> None:
        self._names = names or SerialNames()
        self._memory = _Memory()

    @contextlib.asynccontextmanager
    async def __call__(self, line: Line) -> AsyncIterator[Driver]:
        """Raises LineDown, ConfigError."""
        device, baud = text(line, "device"), _baud(line)
        parity = choice(line, "parity", "N", ("N", "E", "O"))
        stopbits, bytesize = whole(line, "stopbits", 1, 1, 2), whole(line, "bytesize", 8, 7, 8)

        async def open_port() -> SerialStream:
            path = self._names.resolve(device)
            stream = await SerialStream.open(path, baud=baud, parity=parity, stopbits=stopbits, bytesize=bytesize)
            if path == device:
                self._names.opened(device)
            return stream

        async with _opened(driver := StreamLine(line, open_port, protocols=self._memory.protocols(line))):
            yield driver


@contextlib.asynccontextmanager
async def _opened(driver: StreamLine) -> AsyncIterator[None]:
    await driver.open()
    try:
        yield
    finally:
        await driver.close()
