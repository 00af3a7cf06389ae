"""Finding the reply to a request among the bytes that arrive. Sans-I/O.

A Mercury reply carries neither length nor command: it is known by its address, by one of the lengths that the request allows,
and by its check sum. Replies come in pieces, behind noise, behind replies of other meters, or behind the adapter's echo of
the request, so frames are looked for at every place of what arrived.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from data_collection.mercury.codec import LINK_TEST, Request
from data_collection.mercury.crc import crc_fits

MOST_BYTES: Final = 4096
"""More than that is a babbling line, no reply."""

DONE, NOT_ALLOWED, INTERNAL, LEVEL, CLOCK_DONE, NOT_OPEN = range(6)
STATUS_TEXT: Final = {
    DONE: "done", NOT_ALLOWED: "command or parameter not allowed", INTERNAL: "internal meter error",
    LEVEL: "access level too low", CLOCK_DONE: "clock already corrected today", NOT_OPEN: "channel not open",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply that matched: `status` for a status reply, else None and `data`. `frame`: its bytes."""

    frame: bytes
    data: bytes = b""
    status: int | None = None


@dataclass(slots=True)
class Habits:
    """What was learned about a meter's replies: does it repeat the command in them, and how long a reply of several
    possible lengths is."""

    repeats_command: bool | None = None
    lengths: dict[bytes, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Match:
    reply: Reply
    start: int
    size: int
    repeats: bool


class ReplyParser:
    """Collects the bytes that arrive after one request until its reply is among them.

    `echo`: the adapter is known to send our own bytes back (True), not to (False), or not known (None: a longer request
    that comes back proves it; the four bytes of a link test prove nothing, they equal their own reply).
    """

    def __init__(self, request: Request, habits: Habits, echo: bool | None = None) -> None:
        self.request = request
        self.received = bytearray()
        self.echo = echo
        self.echoed = False  # our own bytes came back this time
        self.repeats_command: bool | None = None  # how the reply that was taken came
        self._habits = habits
        self._skip = 0
        self._waiting: _Match | None = None
        self._shapes = self._possible()

    def _possible(self) -> list[tuple[int, bool, bool]]:
        """(frame length, command repeated, status only) of all possible replies, shortest first."""
        request, repeats = self.request, self._habits.repeats_command
        shapes: list[tuple[int, bool, bool]] = []
        if repeats is not True:
            shapes.append((4, False, True))
            shapes += [(n + 3, False, False) for n in request.reply_bytes]
        if repeats is not False:
            shapes.append((5, True, True))
            shapes += [(n + 5, True, False) for n in request.reply_bytes]
        return sorted(shapes)

    def feed(self, chunk: bytes) -> Reply | None:
        """More bytes. The reply once it is certain; see `settle` for one that could still be the start of a longer one."""
        self.received += chunk
        if not self._past_echo():
            return None
        for start in range(self._skip, len(self.received) - 3):
            if self.received[start] != self.request.address:
                continue
            found = self._match_at(start)
            if found is None:
                continue
            if self._certain(found):
                return self._take(found)
            self._waiting = found
            return None
        return None

    @property
    def tentative(self) -> bool:
        """A reply is there, but longer ones are possible: after a short silence it is the reply."""
        return self._waiting is not None

    def settle(self) -> Reply | None:
        """Nothing more came: the tentative reply, if any."""
        return None if self._waiting is None else self._take(self._waiting)

    @property
    def leftover(self) -> bytes:
        """What arrived beside echo and reply."""
        found = self._waiting
        if found is None:
            return bytes(self.received[self._skip :])
        return bytes(self.received[self._skip : found.start] + self.received[found.start + found.size :])

    def _past_echo(self) -> bool:
        """Skip our own bytes, exactly; False while they may still be arriving."""
        if self.echoed or (self.request.command == LINK_TEST and self.echo is not True):
            return True
        frame, received = self.request.frame, self.received
        if len(received) < len(frame) and frame.startswith(received):
            return False
        if received.startswith(frame):
            self.echoed = self.echo = True
            self._skip = len(frame)
        return True

    def _match_at(self, start: int) -> _Match | None:
        """The longest frame with a right check sum that starts here."""
        best = None
        for size, repeats, bare in self._shapes:
            if start + size > len(self.received):
                break
            frame = bytes(self.received[start : start + size])
            if repeats and frame[1] != self.request.command:
                continue
            if not crc_fits(frame):
                continue
            reply = self._read(frame, repeats, bare)
            if reply is not None:
                best = _Match(reply, start, size, repeats)
        return best

    def _read(self, frame: bytes, repeats: bool, bare: bool) -> Reply | None:
        status = frame[2] if repeats else frame[1]
        if not bare:
            if repeats and status & 0x0F != DONE:
                return None
            return Reply(frame, frame[3 if repeats else 1 : -2])
        code = status & 0x0F
        expects_status = not self.request.reply_bytes
        if code > NOT_OPEN or (code == DONE and not expects_status):
            return None
        return Reply(frame, status=code)

    def _certain(self, found: _Match) -> bool:
        """Can nothing longer come any more that starts at the same place?"""
        if self._habits.lengths.get(self.request.key) == found.size:
            return True
        longer = [size for size, repeats, _bare in self._shapes if size > found.size and repeats == found.repeats]
        return not longer or len(self.received) >= found.start + longer[-1]

    def _take(self, found: _Match) -> Reply:
        self._waiting = found
        self.repeats_command = found.repeats
        self._habits.repeats_command = found.repeats
        if found.reply.status is None and len(self.request.reply_bytes) > 1:
            self._habits.lengths[self.request.key] = found.size
        return found.reply
