"""One request and its reply on a byte stream."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from typing import Final

from data_collection.driver import Trace
from data_collection.mercury.codec import Request
from data_collection.mercury.reply import MOST_BYTES, Habits, Reply, ReplyParser
from data_collection.mercury.timing import Timing
from data_collection.stream import ByteStream
from domain.errors import DecodeError, DeviceUnreachable

log = logging.getLogger(__name__)
_SHOWN_BYTES: Final = 64


class Link:
    """A stream as Mercury uses it: silences, the adapter's echo, the end of a reply. One request is in flight at a time."""

    def __init__(self, stream: ByteStream) -> None:
        self.stream = stream
        self.echo: bool | None = None
        self._last: Request | None = None  # what was answered last
        self._last_reply_s, self._last_bytes = 0.0, -1
        self._last_heard = -1
        self._sent_by_s = 0.0  # when the last request has left the port at the line's speed

    async def silence(self, address: int, timing: Timing, faults: Counter[str], trace: Trace | None) -> None:
        """Before the first request to a meter: the pause that ends whatever was said before, or the meter would hear our
        request as its continuation. It does not hear itself: no pause behind its own last words."""
        if self._last is not None and self._last.address == address and self._last_heard == self._heard():
            return
        leaving_s = max(0.0, self._sent_by_s - time.monotonic())
        self._note(await self.stream.drain(leaving_s + timing.pause_s, leaving_s + timing.pause_s + 0.25), faults, trace)
        self._last = None

    def _heard(self) -> int | None:
        """Bytes that came so far, where the stream counts them: another protocol may have used it meanwhile."""
        heard = getattr(self.stream, "heard", None)
        return heard if isinstance(heard, int) else None

    async def ask(
        self, request: Request, timing: Timing, habits: Habits, faults: Counter[str], trace: Trace | None,
    ) -> Reply:
        """Send and wait for the reply that fits address, length and check sum; other frames are passed over.

        Raises DeviceUnreachable (silence), DecodeError (bytes, but none that fit), LineDown. After the first two the caller
        must assume that the reply may still come.
        """
        await self._turn_round(request, timing, faults, trace)
        parser = ReplyParser(request, habits, self.echo)
        started = time.monotonic()
        if trace is not None:
            trace.frames.append(("tx", started, request.frame_for_people))
        self._last = None  # until it is answered: what follows a request at once would be heard as a part of it
        self._sent_by_s = started + len(request.frame) * timing.byte_s
        await self.stream.write(request.frame)
        try:
            reply = await self._receive(parser, started, timing)
        finally:
            if trace is not None and parser.received:
                received = bytes(parser.received).replace(request.frame, request.frame_for_people)
                trace.frames.append(("rx", time.monotonic(), received))
        self._learn_echo(parser)
        leftover = parser.leftover
        if reply is None:
            await self._hear_out(timing, faults, trace)
            raise _no_reply(request, leftover, faults)
        self._last, self._last_reply_s, self._last_bytes = request, time.monotonic(), len(reply.frame)
        self._last_heard = self._heard() or -1
        if leftover:
            faults["noise"] += 1
        return reply

    async def _turn_round(self, request: Request, timing: Timing, faults: Counter[str], trace: Trace | None) -> None:
        """The meter's transmitter needs a character's time to leave the line; a gateway takes longer than that by itself.
        A second copy of the last reply could only be taken for the next one if that has the same length: then wait the
        full pause, in which it would arrive."""
        wanted = 0.0 if self.stream.is_tcp else timing.byte_s
        last = self._last
        if last is not None and last.key != request.key and self._last_bytes in {size + 3 for size in request.reply_bytes}:
            wanted = timing.pause_s
        rest = self._last_reply_s + wanted - time.monotonic()
        if rest > 2e-4:
            await asyncio.sleep(rest)
        self._note(await self.stream.drain(0.0, 0.0), faults, trace)

    async def _receive(self, parser: ReplyParser, started: float, timing: Timing) -> Reply | None:
        request = parser.request
        deadline = started + len(request.frame) * timing.byte_s + timing.wait_s
        longest = request.longest_frame * timing.byte_s
        last = deadline + longest + timing.stall_s
        while True:
            now = time.monotonic()
            wait = min(deadline, last) - now
            if parser.tentative:
                wait = min(max(wait, 1e-3), timing.settle_s)
            if wait <= 0 or len(parser.received) > MOST_BYTES:
                return parser.settle()
            try:
                chunk = await self.stream.read(wait)
            except TimeoutError:
                if parser.tentative:
                    return parser.settle()
                continue
            reply = parser.feed(chunk)
            if reply is not None:
                return reply
            if len(parser.received) < len(request.frame) + request.longest_frame:
                deadline = max(deadline, time.monotonic() + timing.gap_s)

    def _learn_echo(self, parser: ReplyParser) -> None:
        if parser.echoed and self.echo is not True:
            log.info("the adapter sends back what is sent to it: its echo is skipped from now on")
            self.echo = True
        elif self.echo is None and not parser.echoed and not parser.leftover and parser.received:
            self.echo = False

    async def _hear_out(self, timing: Timing, faults: Counter[str], trace: Trace | None) -> None:
        """Give a late reply one more reply time to pass, so that it meets no request."""
        quiet = timing.wait_s if timing.wait_s < 1.0 else 0.25
        self._note(await self.stream.drain(quiet, 2 * timing.wait_s), faults, trace)

    @staticmethod
    def _note(stray: bytes, faults: Counter[str], trace: Trace | None) -> None:
        if stray:
            faults["stray"] += 1
            if trace is not None:
                trace.frames.append(("rx", time.monotonic(), stray))


def _no_reply(request: Request, received: bytes, faults: Counter[str]) -> DecodeError | DeviceUnreachable:
    if not received:
        return DeviceUnreachable(f"address {request.address} did not answer {request.shown}")
    faults["unmatched"] += 1
    shown = received.replace(request.frame, request.frame_for_people)[:_SHOWN_BYTES].hex(" ").upper()
    return DecodeError(f"address {request.address}: no reply to {request.shown} in: {shown}")
