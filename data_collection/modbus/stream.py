"""Modbus RTU and ASCII on a byte stream: serial, or through a transparent gateway.

These protocols have no transaction id, so a late answer could be taken for the answer to the next request. What is done:
before each request everything that waits is thrown away; after a request without answer the next one to that device is a
fence, a read whose reply cannot be confused with the one outstanding (another function, else another length). A device
answers in order, so once the fence is answered nothing older can come any more.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, replace
from typing import Final

from data_collection.cycle import silence_s
from data_collection.driver import DevicePlan, ScanHit, Trace
from data_collection.modbus.block import ReadRequest
from data_collection.modbus.framing import AsciiFraming, Framing, RtuFraming
from data_collection.modbus.plan import DEFAULT_TIMEOUT_S, Plan, Plans
from data_collection.modbus.reader import (
    EXCEPTION_NAMES,
    GATEWAY_PATH,
    GATEWAY_TARGET,
    ILLEGAL_ADDRESS,
    ILLEGAL_VALUE,
    Refusal,
    read_group,
)
from data_collection.modbus.shared import Piece, SharedUnit, assembled
from data_collection.stream import ByteStream
from domain.errors import DecodeError, DeviceUnreachable
from domain.plant import Device
from domain.profile import Group
from domain.sample import Reading

_BABBLE: Final = 1024  # bytes without a matching reply after which a request is given up
_LATE_S: Final = 30.0  # an answer that has not come by then does not come any more
_QUIET_S, _QUIET_TCP_S = 0.05, 0.2  # how long nothing may come before a damaged reply is taken as complete


@dataclass(frozen=True, slots=True)
class _Outstanding:
    """A request whose answer may still come."""

    request: ReadRequest
    until: float


class _Exchange:
    """One request on its way and what came back so far: `received` holds bytes that are not yet made out."""

    __slots__ = ("echoed", "exceptions", "heard", "kinds", "pdu", "received", "request", "sent", "unit")

    def __init__(self, unit: int, request: ReadRequest, sent: bytes, exceptions: bool) -> None:
        self.unit, self.request, self.sent, self.exceptions = unit, request, sent, exceptions
        self.received = bytearray()
        self.heard = 0
        self.echoed = False
        self.kinds: list[str] = []
        self.pdu = b""


class ModbusStream:
    """Implements StreamProtocol. An instance belongs to one line and outlives its connections: a late answer may, too."""

    def __init__(self, mode: str = "rtu", timeout_s: float = DEFAULT_TIMEOUT_S) -> None:
        self._framing: Framing = AsciiFraming() if mode == "ascii" else RtuFraming()
        self._timeout_s = timeout_s
        self._plans = Plans()
        self._units: dict[tuple[int, float], SharedUnit] = {}
        self._stream: ByteStream | None = None
        self._opened = 0.0
        self._last_byte = 0.0
        self._outstanding: dict[int, list[_Outstanding]] = {}
        self.echo = False  # the adapter returns what we send

    def prepare(self, device: Device) -> Plan:
        return self._plans.of(device, self._timeout_s)

    async def read(self, stream: ByteStream, plan: DevicePlan, group: Group, trace: Trace | None = None) -> Reading:
        """See StreamProtocol.read."""
        if not isinstance(plan, Plan):
            raise TypeError(f"not a Modbus plan: {plan!r}")
        if stream is not self._stream:
            self._stream, self._opened = stream, time.monotonic()
        if (rest := self._opened + plan.connect_delay_s - time.monotonic()) > 0 and plan.connect_delay_s:
            await asyncio.sleep(rest)
        by_hand = trace is not None and trace.by_hand  # who reads by hand wants to see his own request
        unit = None if by_hand else self._shared(plan, group)
        if unit is None:
            return await read_group(_Ask(self, stream), plan, group, trace)
        ask = _SharedAsk(_Ask(self, stream), unit)
        reading = await read_group(ask, plan, group, trace)
        return reading if ask.oldest_us is None else replace(reading, time_us=ask.oldest_us)

    def _shared(self, plan: Plan, group: Group) -> SharedUnit | None:
        """The unit this device may be one of several views of; a device alone needs none."""
        if group is not Group.FAST or not self._plans.neighbours(plan):
            return None
        key = (plan.unit, plan.device.scan_s)
        unit = self._units.setdefault(key, SharedUnit(group, plan.device.scan_s))
        unit.note(plan, time.monotonic())
        return unit

    async def probe(self, stream: ByteStream, address: int) -> ScanHit | None:
        """One register read; an exception is an answer too, unless a gateway says that nobody is there."""
        request = ReadRequest(3, 0, 1)
        began = time.monotonic()
        try:
            pdu = await self.transact(stream, address, request, self._timeout_s, Counter(), None)
        except (DeviceUnreachable, DecodeError):
            return None
        if pdu[0] & 0x80:
            if pdu[1] in {GATEWAY_PATH, GATEWAY_TARGET}:
                return None
            answer = f"exception {pdu[1]} ({EXCEPTION_NAMES.get(pdu[1], 'unknown')})"
        else:
            answer = f"holding register 0 = {pdu[2:4].hex().upper()}"
        return ScanHit(address, "modbus", answer, time.monotonic() - began)

    async def ask(self, stream: ByteStream, plan: Plan, request: ReadRequest, trace: Trace | None) -> bytes:
        """See reader.Ask."""
        await self._fence(stream, plan, trace)
        pdu = await self.transact(stream, plan.unit, request, plan.timeout_s, plan.faults, trace)
        if pdu[0] & 0x80:
            raise Refusal(plan.unit, request, pdu[1])
        return pdu[2:]

    async def _fence(self, stream: ByteStream, plan: Plan, trace: Trace | None) -> None:
        """Make sure that nothing older than the next request can be answered any more. Raises DeviceUnreachable."""
        now = time.monotonic()
        waiting = [o for o in self._outstanding.get(plan.unit, ()) if o.until > now]
        if not waiting:
            self._outstanding.pop(plan.unit, None)
            return
        fence = choose_fence([o.request for o in waiting], plan)
        if fence is None:
            raise DeviceUnreachable(f"device {plan.device.id}: waiting until late answers have run out")
        plan.faults["resynchronised"] += 1
        by_function = all(o.request.function != fence.function for o in waiting)
        await self.transact(
            stream, plan.unit, fence, plan.timeout_s, plan.faults, trace, exceptions=by_function
        )
        self._outstanding.pop(plan.unit, None)

    async def transact(
        self, stream: ByteStream, unit: int, request: ReadRequest, timeout_s: float, faults: Counter[str],
        trace: Trace | None, *, exceptions: bool = True,
    ) -> bytes:
        """Send one request and return the PDU of its answer. Raises DeviceUnreachable, DecodeError, LineDown.

        `exceptions` False: an exception is not taken for the answer (it may belong to an earlier request).
        """
        if await stream.drain(0.0, 0.0):
            faults["late"] += 1
        await self._keep_silence(stream)
        frame = self._framing.build(unit, request)
        self._note(trace, "tx", frame)
        exchange = _Exchange(unit, request, frame, exceptions)
        settled = False
        try:
            await stream.write(frame)
            await self._reply(stream, exchange, timeout_s, trace)
            settled = True
        except TimeoutError:
            late = await stream.drain(_QUIET_TCP_S if stream.is_tcp else _QUIET_S, 2 * _QUIET_TCP_S)
            if late and self._take(exchange, late):
                faults["late"] += 1
                settled = True  # it has come, too late to be of use; nothing is outstanding
                raise DeviceUnreachable(f"unit {unit}: answered only after the time-out of {timeout_s:g} s") from None
            raise self._failure(exchange, timeout_s) from None
        finally:
            self._last_byte = time.monotonic()
            faults.update(exchange.kinds)
            if not settled:
                self._outstanding.setdefault(unit, []).append(_Outstanding(request, time.monotonic() + _LATE_S))
                del self._outstanding[unit][:-8]
        return exchange.pdu

    async def _reply(self, stream: ByteStream, exchange: _Exchange, timeout_s: float, trace: Trace | None) -> None:
        """Collect bytes until the answer is among them. Raises TimeoutError."""
        size = self._framing.reply_size(exchange.request)
        deadline = time.monotonic() + timeout_s + 10.0 * (len(exchange.sent) + size) / stream.baud
        quiet_s = (_QUIET_TCP_S if stream.is_tcp else _QUIET_S) + 100.0 / stream.baud
        while (rest := deadline - time.monotonic()) > 0 and exchange.heard <= _BABBLE:
            complete = len(exchange.received) >= size  # as many bytes as awaited, yet no answer: damaged, unless more follows
            chunk = await stream.read(min(rest, quiet_s) if complete else rest)
            self._note(trace, "rx", chunk)
            if self._take(exchange, chunk):
                return
        raise TimeoutError

    def _take(self, exchange: _Exchange, chunk: bytes) -> bool:
        """Add what arrived; True when the answer is complete. Foreign frames are cut out and counted."""
        received = exchange.received
        received += chunk
        exchange.heard += len(chunk)
        if not exchange.echoed and received.startswith(exchange.sent):
            exchange.echoed = self.echo = True
            del received[: len(exchange.sent)]
        if len(received) < 5:
            return False
        done = 0
        for frame in self._framing.frames(bytes(received), exchange.unit, exchange.request):
            kind = frame.mismatch(exchange.unit, exchange.request)
            if kind is None and frame.pdu[0] & 0x80 and not exchange.exceptions:
                kind = "exception"
            if kind is None:
                if done + len(frame.pdu) + 3 < frame.end and not isinstance(self._framing, AsciiFraming):
                    exchange.kinds.append("noise")
                exchange.pdu = frame.pdu
                return True
            exchange.kinds.append(f"foreign_{kind}")
            done = frame.end
        del received[:done]
        return False

    async def _keep_silence(self, stream: ByteStream) -> None:
        rest = self._last_byte + silence_s(stream.baud) - time.monotonic()
        if rest > 0:
            await asyncio.sleep(rest)

    @staticmethod
    def _failure(exchange: _Exchange, timeout_s: float) -> DeviceUnreachable | DecodeError:
        """What a time-out means: silence, damaged bytes, or only replies that were none of ours."""
        what = f"unit {exchange.unit}, function {exchange.request.function}, address {exchange.request.address}"
        if not exchange.received and set(exchange.kinds) <= {"foreign_unit"}:
            others = " (only other units)" if exchange.kinds else ""
            return DeviceUnreachable(f"{what}: no answer within {timeout_s:g} s{others}")
        if exchange.received:
            exchange.kinds.append("damaged")
        reason = ", ".join(sorted(set(exchange.kinds)))
        return DecodeError(f"{what}: no matching reply ({reason}): {bytes(exchange.received[:40]).hex(' ')}")

    @staticmethod
    def _note(trace: Trace | None, direction: str, data: bytes) -> None:
        if trace is not None:
            trace.frames.append((direction, time.monotonic(), data))


class _Ask:
    """Binds a stream, so that the reader needs to know nothing of streams."""

    __slots__ = ("_protocol", "_stream")

    def __init__(self, protocol: ModbusStream, stream: ByteStream) -> None:
        self._protocol, self._stream = protocol, stream

    async def __call__(self, plan: Plan, request: ReadRequest, trace: Trace | None) -> bytes:
        return await self._protocol.ask(self._stream, plan, request, trace)


class _SharedAsk:
    """Asks for longer reads, or has what such a read brought for another device of the unit."""

    def __init__(self, ask: _Ask, unit: SharedUnit) -> None:
        self._ask, self._unit = ask, unit
        self.oldest_us: int | None = None  # when the oldest of what it gave was read

    async def __call__(self, plan: Plan, request: ReadRequest, trace: Trace | None) -> bytes:
        pieces: list[tuple[ReadRequest, bytes]] = []
        for read in self._unit.reads_for(plan, request, time.monotonic()):
            piece = self._unit.take(plan, read, time.monotonic())
            if piece is None:
                try:
                    data = await self._ask(plan, read, trace)
                except Refusal as refusal:
                    if refusal.code not in {ILLEGAL_ADDRESS, ILLEGAL_VALUE}:
                        raise
                    self._unit.give_up(time.monotonic())
                    return await self._ask(plan, request, trace)
                piece = Piece(data, time.monotonic(), time.time_ns() // 1000)
                self._unit.keep(plan, read, piece)
            pieces.append((read, piece.data))
            self.oldest_us = piece.at_us if self.oldest_us is None else min(self.oldest_us, piece.at_us)
        return assembled(request, pieces) if pieces else await self._ask(plan, request, trace)


def choose_fence(outstanding: list[ReadRequest], plan: Plan) -> ReadRequest | None:
    """A harmless read whose answer differs from every outstanding one: by function if one is free, else by length.

    None when there is none. An exception tells no length, so it answers a fence only where the function is free.
    """
    asked = {request.function for request in outstanding}
    own = [block.request for group in plan.groups.values() for block in group.blocks]
    address = own[0].address if own else 0
    for function in (3, 4, 1, 2):
        if function not in asked:
            known = next((r for r in own if r.function == function), None)
            return ReadRequest(function, known.address if known else address, 1)
    taken = {(request.function, request.reply_bytes) for request in outstanding}
    for request in own:
        for count in range(request.count, 0, -1):
            shorter = ReadRequest(request.function, request.address, count)
            if (shorter.function, shorter.reply_bytes) not in taken:
                return shorter
    return None
