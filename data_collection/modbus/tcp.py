"""Modbus TCP: a driver over pymodbus's asyncio client, with every field of a reply matched to its request.

pymodbus's own transaction layer compares transaction id and unit and waits with `asyncio.wait_for`; it takes a reply of another
function, a transaction id 0 and any byte count for the answer. Its transport, framer and PDU classes stay in use; the layer in
between is replaced here.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import struct
import time
from collections.abc import AsyncIterator
from typing import Final

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.framer import FramerSocket
from pymodbus.pdu import DecodePDU
from pymodbus.transaction import TransactionManager
from pymodbus.transport import CommParams

from data_collection.driver import DevicePlan, Driver, ScanHit, Trace
from data_collection.modbus.block import ReadRequest
from data_collection.modbus.plan import DEFAULT_TIMEOUT_S, Plan, Plans
from data_collection.modbus.reader import EXCEPTION_NAMES, GATEWAY_PATH, GATEWAY_TARGET, Refusal, read_group
from data_collection.options import number, text, whole
from data_collection.remembered import LineMemory
from data_collection.streams import keep_alive
from domain.errors import ConfigError, DecodeError, DeviceUnreachable, LineDown
from domain.plant import Device, Line
from domain.profile import Group
from domain.sample import Reading

log = logging.getLogger(__name__)
SILENT_LIMIT: Final = 3  # requests without any answer on a connection after which it is taken for dead and opened anew
_HEADER: Final = struct.Struct(">HHHBBHH")  # transaction, protocol 0, length 6, unit, function, address, count


class _Transactions(TransactionManager):
    """One request in flight; whatever does not match it in every field is dropped and counted in `mismatch`."""

    def __init__(self, params: CommParams) -> None:
        super().__init__(params, FramerSocket(DecodePDU(False)), 0, False, None, None, None)
        self.waiting: asyncio.Future[bytes] | None = None
        self.unit = self.function = 0
        self.mismatch: list[str] = []
        self.lost: Exception | None = None
        self.on_bytes: Trace | None = None

    def callback_connected(self) -> None:
        super().callback_connected()
        self.lost = None

    def callback_disconnected(self, exc: Exception | None) -> None:
        super().callback_disconnected(exc)
        self.lost = exc or ConnectionResetError("closed by the other side")
        if self.waiting is not None and not self.waiting.done():
            self.waiting.set_exception(LineDown(f"connection lost: {self.lost}"))

    def datagram_received(self, data: bytes, addr: tuple[str, int] | None) -> None:
        """Cut frames and match them. Replaces pymodbus's, which handles only the first frame of a segment."""
        if self.on_bytes is not None:
            self.on_bytes.frames.append(("rx", time.monotonic(), data))
        buffer = self.recv_buffer + data if self.recv_buffer else data
        while buffer:
            used, unit, tid, pdu = self.framer.decode(buffer)
            if not used:
                break
            buffer = buffer[used:]
            self._match(unit, tid, pdu)
        if len(buffer) > self.max_buffer_size or (len(buffer) >= 4 and buffer[2:4] != b"\0\0"):
            self._mismatch("frame")
            self._fail(LineDown("bytes that are not Modbus TCP"))
            buffer = b""
        self.recv_buffer = buffer

    def _match(self, unit: int, tid: int, pdu: bytes) -> None:
        if self.waiting is None or self.waiting.done() or tid != self.request_transaction_id:
            self._mismatch("transaction_id")
        elif unit != self.unit:
            self._mismatch("unit")
        elif not pdu or pdu[0] & 0x7F != self.function:
            self._mismatch("function")
        else:
            self.waiting.set_result(pdu)

    def _mismatch(self, kind: str) -> None:
        if len(self.mismatch) < 100:
            self.mismatch.append(kind)

    def _fail(self, exc: Exception) -> None:
        if self.waiting is not None and not self.waiting.done():
            self.waiting.set_exception(exc)

    async def ask(self, unit: int, request: ReadRequest, timeout_s: float) -> bytes:
        """The reply's PDU (function code first). Raises TimeoutError, LineDown."""
        transport = self.transport
        if transport is None:
            raise LineDown(f"not connected: {self.lost}")
        tid = self.next_tid = self.next_tid % 65535 + 1
        self.request_transaction_id, self.unit, self.function = tid, unit, request.function
        packet = _HEADER.pack(tid, 0, 6, unit, request.function, request.address, request.count)
        if self.on_bytes is not None:
            self.on_bytes.frames.append(("tx", time.monotonic(), packet))
        waiting: asyncio.Future[bytes] = self.loop.create_future()
        self.waiting = waiting
        transport.write(packet)  # type: ignore[attr-defined]
        timer = self.loop.call_later(timeout_s, _expire, waiting)  # a third of the cost of asyncio.timeout, 2 000 times a second
        try:
            return await waiting
        finally:
            timer.cancel()
            self.waiting = None


def _expire(waiting: asyncio.Future[bytes]) -> None:
    if not waiting.done():
        waiting.set_exception(TimeoutError())


class ModbusTcpClient(AsyncModbusTcpClient):
    """pymodbus's client with our transaction layer; no retries and no reconnect of its own."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port=port, retries=0, reconnect_delay=0)
        self.transactions = _Transactions(self.comm_params)
        self.ctx = self.transactions

    async def open(self, timeout_s: float) -> None:
        """Connect. Raises LineDown."""
        target = f"{self.comm_params.host}:{self.comm_params.port}"
        self.transactions.is_closing = False
        try:
            async with asyncio.timeout(timeout_s):  # not pymodbus's connect(): its wait_for can swallow a cancellation
                await self.transactions.call_create()
        except TimeoutError as exc:
            raise LineDown(f"{target}: no connection within {timeout_s:g} s") from exc
        except OSError as exc:
            raise LineDown(f"{target}: {exc.strerror or exc}") from exc
        keep_alive(self.transactions.transport.get_extra_info("socket"))


class ModbusTcpDriver:
    """Implements data_collection.driver.Driver: all units behind one Modbus TCP connection, one request at a time."""

    def __init__(self, line: Line, plans: Plans | None = None) -> None:
        self._plans = plans or Plans()
        self._client = ModbusTcpClient(text(line, "host"), whole(line, "port", 502, 1, 65535))
        self._transactions = self._client.transactions
        self._timeout_s = number(line, "timeout_s", DEFAULT_TIMEOUT_S)
        self._connect_s = number(line, "connect_timeout_s", 5.0)
        self._silent = 0
        self._opened = 0.0
        self._busy = asyncio.Lock()

    async def open(self) -> None:
        """Connect. Raises LineDown."""
        await self._client.open(self._connect_s)
        self._opened, self._silent = time.monotonic(), 0

    def close(self) -> None:
        self._client.close()

    def prepare(self, device: Device) -> Plan:
        if device.profile.protocol != "modbus":
            raise ConfigError(f"device {device.id}: {device.profile.protocol} cannot run on a Modbus TCP line")
        return self._plans.of(device, self._timeout_s)

    async def read(self, plan: DevicePlan, group: Group, trace: Trace | None = None) -> Reading:
        """See Driver.read."""
        if not isinstance(plan, Plan):
            raise TypeError(f"not a Modbus plan: {plan!r}")
        if self._silent >= SILENT_LIMIT:
            await self._reopen()
        if plan.connect_delay_s and (rest := self._opened + plan.connect_delay_s - time.monotonic()) > 0:
            await asyncio.sleep(rest)
        self._transactions.on_bytes = trace
        try:
            return await read_group(self._ask, plan, group, trace)
        finally:
            self._transactions.on_bytes = None

    async def probe(self, address: int, protocol: str) -> ScanHit | None:
        """One register read; an exception is an answer too, unless a gateway says that nobody is there."""
        if protocol != "modbus":
            raise ConfigError(f"{protocol} cannot be scanned on a Modbus TCP line")
        request = ReadRequest(3, 0, 1)
        began = time.monotonic()
        try:
            pdu = await self._transactions.ask(address, request, self._timeout_s)
        except TimeoutError:
            return None
        if pdu[0] & 0x80:
            code = pdu[1] if len(pdu) > 1 else 0
            if code in {GATEWAY_PATH, GATEWAY_TARGET}:
                return None
            answer = f"exception {code} ({EXCEPTION_NAMES.get(code, 'unknown')})"
        else:
            answer = f"holding register 0 = {pdu[2:4].hex().upper()}"
        return ScanHit(address, "modbus", answer, time.monotonic() - began)

    async def _reopen(self) -> None:
        """Nothing was heard for a while although we asked: the connection may be dead without anyone having said so."""
        self._client.close()
        await self.open()

    async def _ask(self, plan: Plan, request: ReadRequest, trace: Trace | None) -> bytes:
        transactions = self._transactions
        try:
            pdu = await transactions.ask(plan.unit, request, plan.timeout_s)
        except TimeoutError as exc:
            self._silent = 0 if transactions.mismatch else self._silent + 1
            raise self._silence(plan, request) from exc
        self._silent = 0
        if transactions.mismatch:
            self._count(plan)
        if pdu[0] & 0x80:
            if len(pdu) < 2:
                raise DecodeError(f"device {plan.device.id}: exception without a code")
            raise Refusal(plan.unit, request, pdu[1])
        if len(pdu) != 2 + request.reply_bytes or pdu[1] != request.reply_bytes:
            plan.faults["length"] += 1
            raise DecodeError(
                f"device {plan.device.id}: {len(pdu) - 2} data bytes (said {pdu[1] if len(pdu) > 1 else 0}) "
                f"instead of {request.reply_bytes}: {pdu[:32].hex(' ')}"
            )
        return pdu[2:]

    def _count(self, plan: Plan) -> tuple[str, ...]:
        kinds = tuple(self._transactions.mismatch)
        plan.faults.update(f"foreign_{kind}" for kind in kinds)
        self._transactions.mismatch.clear()
        return kinds

    def _silence(self, plan: Plan, request: ReadRequest) -> DeviceUnreachable | DecodeError:
        """What a time-out means: silence, or only replies that were none of ours."""
        kinds = self._count(plan)
        what = f"device {plan.device.id} (unit {plan.unit}), function {request.function}, address {request.address}"
        if kinds:
            return DecodeError(f"{what}: only replies that do not match the request ({', '.join(sorted(set(kinds)))})")
        return DeviceUnreachable(f"{what}: no answer within {plan.timeout_s:g} s")


class TcpConnect:
    """Opens Modbus TCP lines (options host, port, timeout_s, connect_timeout_s)."""

    def __init__(self) -> None:
        self._memory: LineMemory[Plans] = LineMemory(Plans)

    @contextlib.asynccontextmanager
    async def __call__(self, line: Line) -> AsyncIterator[Driver]:
        """Raises LineDown, ConfigError."""
        driver = ModbusTcpDriver(line, self._memory.of(line))
        await driver.open()
        try:
            yield driver
        finally:
            driver.close()
