"""One connection to a control: a question, its answer, nothing else in between.

An answer carries nothing that joins it to its question, and most are two bytes long. So whatever goes wrong (silence, a telegram
nobody asked for, another than the awaited one) ends the connection: what may still be on its way is never taken for an answer.
"""

from __future__ import annotations

import time
from collections import Counter

from data_collection.driver import Trace
from data_collection.lsv2.decode import error_text
from data_collection.lsv2.requests import Request
from data_collection.lsv2.telegram import Assembler, Telegram
from data_collection.streams import TcpStream
from domain.errors import DecodeError, DeviceRefused, DeviceUnreachable, LineDown


class Refusal(DeviceRefused):
    """The control answered with an error code."""

    def __init__(self, request: Request, payload: bytes) -> None:
        self.code, words = error_text(payload)
        super().__init__(f"{request.name} {request.payload[:6].hex()}: {words}")


class Connection:
    """An open connection; see the module. `faults`: kinds of what went wrong, counted."""

    def __init__(self, stream: TcpStream, faults: Counter[str]) -> None:
        self._stream, self.faults = stream, faults
        self._assembler = Assembler()
        self.usable = True

    @classmethod
    async def open(cls, host: str, port: int, timeout_s: float, faults: Counter[str]) -> Connection:
        """Connect. Raises LineDown."""
        return cls(await TcpStream.open(host, port, 0, timeout_s), faults)

    async def close(self) -> None:
        """At once; may be called twice."""
        self.usable = False
        await self._stream.close()

    async def ask(self, request: Request, timeout_s: float, trace: Trace | None = None) -> bytes:
        """Payload of the answer. Raises Refusal; DeviceUnreachable, DecodeError and LineDown also end the connection."""
        try:
            await self._nothing_unasked()
            data = request.encode()
            _note(trace, "tx", _shown(request, data))
            await self._stream.write(data)
            telegram = await self._answer(request, timeout_s, trace)
            if telegram.name == "T_ER":
                raise Refusal(request, telegram.payload)
            if telegram.name != request.reply:
                self.faults["foreign_telegram"] += 1
                raise DecodeError(f"{request.name} was answered with {telegram.name} instead of {request.reply}")
        except Refusal:
            raise
        except BaseException:  # also a cancellation: the answer it waited for would meet the next question
            await self.close()
            raise
        return telegram.payload

    async def _nothing_unasked(self) -> None:
        if await self._stream.drain(0, 0):
            self.faults["unasked_telegram"] += 1
            raise LineDown("the control sent what nobody asked for; the connection is opened anew")

    async def _answer(self, request: Request, timeout_s: float, trace: Trace | None) -> Telegram:
        end = time.monotonic() + timeout_s
        while True:
            try:
                data = await self._stream.read(max(0.0, end - time.monotonic()))
            except TimeoutError:
                raise self._silence(request, timeout_s) from None
            _note(trace, "rx", data)
            try:
                found = self._assembler.feed(data)
            except DecodeError:
                self.faults["damaged"] += 1
                raise
            if len(found) > 1:
                self.faults["unasked_telegram"] += 1
                raise DecodeError(f"{request.name}: {len(found)} telegrams for one question")
            if found:
                return found[0]

    def _silence(self, request: Request, timeout_s: float) -> DeviceUnreachable | DecodeError:
        if self._assembler.pending:
            self.faults["cut"] += 1
            return DecodeError(f"{request.name}: only {self._assembler.pending} bytes of an answer within {timeout_s:g} s")
        return DeviceUnreachable(f"{request.name}: no answer within {timeout_s:g} s")


def _shown(request: Request, data: bytes) -> bytes:
    """A telegram as a trace may show it: asterisks (2Ah) for the password of a login."""
    if request.name != "A_LG":
        return data
    level = request.payload.split(b"\0", 1)[0]
    head = len(data) - len(request.payload) + len(level) + 1
    return data[:head] + b"*" * min(8, len(data) - head)


def _note(trace: Trace | None, direction: str, data: bytes) -> None:
    if trace is not None:
        trace.frames.append((direction, time.monotonic(), data))
