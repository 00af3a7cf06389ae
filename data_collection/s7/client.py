"""python-snap7's client in a thread of its own, one a line; its errors in our words.

A call that is given up (cancelled, overdue) would block the thread until the library's time-out: its socket is closed instead.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import socket
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from snap7 import Area, Client
from snap7.error import S7ConnectionError, S7Error, S7ProtocolError, S7StalePacketError, S7TimeoutError
from snap7.s7protocol import S7Function

from data_collection.driver import Trace
from data_collection.s7.block import ANSWER_BYTES, Block
from domain.errors import DecodeError, DeviceRefused, DeviceUnreachable, LineDown

logging.getLogger("snap7").setLevel(logging.CRITICAL)  # it logs what it raises as well
_T = TypeVar("_T")
_ITEM: Final = struct.Struct(">BBH")
_DONE: Final = 0xFF
_LENGTH_IN_BITS: Final = frozenset({3, 4, 5})
_STALE_LIMIT: Final = 4
_AREAS: Final = {"DB": Area.DB, "M": Area.MK, "I": Area.PE, "Q": Area.PA}
_MODE_LIST, _MODE_AT = 0x0424, 7  # system status list: last change of the mode; where the mode it went to stands
_MODES: Final = {8: "RUN", 4: "STOP", 3: "STOP"}  # old CPUs say 3
_RETURN_CODE: Final = re.compile(r"\(0x([0-9a-f]{2})\)")
NOT_ALLOWED, BAD_ADDRESS, NO_OBJECT = 0x03, 0x05, 0x0A
HEADER_REFUSALS: Final = frozenset({0x8104, 0x8500, 0xD602, 0xD603, 0xD604, 0xD605})
PUT_GET: Final = (
    "the controller does not allow PUT/GET: TIA Portal, properties of the CPU, Protection & Security, Connection mechanisms: "
    'tick "Permit access with PUT/GET communication from remote partner", compile and download'
)
OPTIMISED: Final = (
    'TIA Portal, properties of the block, Attributes: untick "Optimized block access", compile and download'
)


class Refusal(DeviceRefused):
    """The controller refused a read. `code`: of the item or, above 255, of the whole answer."""

    def __init__(self, block: Block, code: int) -> None:
        super().__init__(refusal_text(block, code))
        self.code = code


def refusal_text(block: Block, code: int) -> str:
    """Why, and what to do about it."""
    if code == NOT_ALLOWED or code > 0xFF:
        return f"{block.shown}: refused ({code:#06x}): {PUT_GET}"
    if code == BAD_ADDRESS and block.area == "DB":
        return f"{block.shown}: no such bytes (0x05): DB{block.db} is shorter, or optimised: {OPTIMISED}"
    if code == NO_OBJECT and block.area == "DB":
        return f"{block.shown}: not there (0x0a): DB{block.db} does not exist in the controller, or is optimised: {OPTIMISED}"
    return f"{block.shown}: refused (code {code:#04x})"


class S7Client:
    """One connection. All methods but `abort` are to be awaited one after the other."""

    def __init__(self, name: str) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=f"s7-{name}")
        self._client: Client | None = None

    @property
    def usable(self) -> bool:
        client = self._client
        return client is not None and client.connection is not None and bool(client.connection.connected)

    @property
    def pdu(self) -> int:
        """Negotiated PDU, bytes."""
        return 240 if self._client is None else int(self._client.pdu_length)

    async def open(self, host: str, port: int, rack: int, slot: int, timeout_s: float, connect_s: float) -> None:
        """Connect and negotiate. Raises LineDown."""
        self.abort()
        client = self._client = Client()
        client.pdu_length = 960  # as much as the controller gives
        client.max_parallel = 1
        target = f"{host}:{port}, rack {rack}, slot {slot}"
        try:
            async with asyncio.timeout(connect_s):
                await self._in_thread(lambda: _connect(client, host, port, rack, slot, timeout_s))
        except TimeoutError as exc:
            raise LineDown(f"{target}: no connection within {connect_s:g} s") from exc
        except (S7Error, OSError, struct.error, ValueError) as exc:
            raise LineDown(f"{target}: {_plain(exc)}{_hint(exc)}") from exc

    async def read(self, packets: Sequence[Sequence[Block]], trace: Trace | None = None) -> list[bytes | Refusal]:
        """Bytes of each block in order, or why not. Raises DeviceUnreachable, LineDown, DecodeError; these end the connection.

        `trace` gets the S7 telegrams, without the packets of ISO-on-TCP around them.
        """
        client = self._client
        if client is None:
            raise LineDown("not connected")

        def work() -> list[bytes | Refusal]:
            return [answer for packet in packets for answer in _read_packet(client, packet, trace)]

        return await self._called(work)

    async def cpu_state(self) -> str | None:
        """RUN or STOP; None where the controller does not tell. (The library's own `get_cpu_state` says RUN whatever comes.)"""
        client = self._client
        if client is None:
            raise LineDown("not connected")

        def work() -> str | None:
            try:
                data = bytes(client.read_szl(_MODE_LIST).Data[:8])
            except (S7ProtocolError, RuntimeError):
                return None
            return _MODES.get(data[_MODE_AT])

        return await self._called(work)

    async def name(self) -> str:
        """What the controller says of itself; empty where it does not tell."""
        client = self._client
        if client is None:
            raise LineDown("not connected")

        def work() -> str:
            try:
                info = client.get_cpu_info()
            except (S7ProtocolError, RuntimeError):
                return ""
            parts = [bytes(text).split(b"\0")[0].decode("latin-1").strip() for text in (info.ModuleTypeName, info.ModuleName)]
            return ", ".join(part for part in parts if part)

        return await self._called(work)

    async def close(self) -> None:
        """Disconnect at once; nothing is awaited from the controller."""
        self.abort()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def abort(self) -> None:
        """Close the socket under whatever the thread does with it."""
        client, self._client = self._client, None
        connection = None if client is None else client.connection
        if connection is not None and connection.socket is not None:
            connection.connected = False  # no farewell: it could block
            with contextlib.suppress(OSError):
                connection.socket.shutdown(socket.SHUT_RDWR)
            with contextlib.suppress(OSError):
                connection.socket.close()

    async def _called(self, work: Callable[[], _T]) -> _T:
        try:
            return await self._in_thread(work)
        except S7TimeoutError as exc:
            self.abort()
            raise DeviceUnreachable("no answer in time") from exc
        except (S7ConnectionError, OSError) as exc:
            self.abort()
            raise LineDown(f"connection lost: {_plain(exc)}") from exc
        except (S7Error, struct.error, ValueError, IndexError, KeyError, TypeError) as exc:  # bytes the library cannot take apart
            self.abort()
            raise DecodeError(f"an answer that makes no sense: {_plain(exc)}") from exc

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        except asyncio.CancelledError:
            self.abort()
            raise


def _connect(client: Client, host: str, port: int, rack: int, slot: int, timeout_s: float) -> None:
    client.connect(host, rack, slot, port)
    connection = client.connection
    if connection is not None and connection.socket is not None:
        connection.timeout = timeout_s
        connection.socket.settimeout(timeout_s)


def _read_packet(client: Client, packet: Sequence[Block], trace: Trace | None = None) -> list[bytes | Refusal]:
    """Several blocks in one question. The library would raise at the first that is refused, and copies each answer twice."""
    if len(packet) == 1 and packet[0].size > client.pdu_length - ANSWER_BYTES:
        return [_read_long(client, packet[0])]
    request = client.protocol.build_multi_read_request([(_AREAS[b.area], b.db, b.start, b.size) for b in packet])
    try:
        response = _exchange(client, request, trace)
    except S7ProtocolError as exc:
        if exc.error_code not in HEADER_REFUSALS:
            raise
        return [Refusal(block, exc.error_code) for block in packet]
    parameters = response.get("parameters") or {}
    if (parameters.get("function_code"), parameters.get("item_count")) != (S7Function.READ_AREA, len(packet)):
        raise S7ProtocolError("the answer to another question")
    return list(_items(response.get("raw_data") or b"", packet))


def _exchange(client: Client, request: bytes, trace: Trace | None) -> dict[str, Any]:
    """Send a question and take its answer; answers to earlier ones are passed over."""
    connection = client.connection
    if connection is None:
        raise S7ConnectionError("not connected")
    _note(trace, "tx", request)
    connection.send_data(request)
    for _ in range(_STALE_LIMIT):
        data = connection.receive_data()
        _note(trace, "rx", data)
        response: dict[str, Any] = client.protocol.parse_response(data)
        try:
            client.protocol.validate_pdu_reference(response["sequence"])
        except S7StalePacketError:
            continue
        return response
    raise S7ProtocolError("only answers to earlier questions")


def _note(trace: Trace | None, direction: str, data: bytes) -> None:
    if trace is not None:
        trace.frames.append((direction, time.monotonic(), bytes(data)))


def _items(raw: bytes, packet: Sequence[Block]) -> Iterator[bytes | Refusal]:
    """The answer's items: return code, kind of length, length, bytes (filled up to an even number). Raises S7ProtocolError."""
    at = 0
    for block in packet:
        if at + _ITEM.size > len(raw):
            raise S7ProtocolError("an answer that was cut short")
        code, kind, length = _ITEM.unpack_from(raw, at)
        at += _ITEM.size
        if code != _DONE:
            yield Refusal(block, code)
            continue
        size = (length + 7) // 8 if kind in _LENGTH_IN_BITS else length
        data = raw[at : at + size]
        if len(data) != block.size:
            raise S7ProtocolError(f"{len(data)} bytes instead of {block.size}")
        at += size + size % 2
        yield data


def _read_long(client: Client, block: Block) -> bytes | Refusal:
    """One value that is longer than an answer: the library asks for it in pieces."""
    try:
        data = bytes(client.read_area(_AREAS[block.area], block.db, block.start, block.size))
    except S7ProtocolError as exc:
        found = _RETURN_CODE.search(str(exc))
        code = exc.error_code if exc.error_code in HEADER_REFUSALS else int(found[1], 16) if found else None
        if code is None:
            raise
        return Refusal(block, code)
    if len(data) != block.size:
        raise S7ProtocolError(f"{len(data)} bytes instead of {block.size}")
    return data


def _plain(exc: Exception) -> str:
    return str(exc) or type(exc).__name__


def _hint(exc: Exception) -> str:
    """What a refused connection may mean."""
    words = str(exc).lower()
    if "refused" in words or "timed out" in words or "unreachable" in words:
        return ""
    return " (wrong rack or slot, or no free connection in the controller)"
