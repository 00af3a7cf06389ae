"""Questions to one meter: channel, passwords, retries, and proof that an answer belongs to its question.

A Mercury reply names neither command nor transaction, so a late one could pass for the answer to a later question of the same
length. Therefore, after anything unexpected (silence, damaged bytes, a cancelled read, a fresh connection), nothing is taken
from the meter until it has answered a question whose reply cannot be confused with any other: its serial number, the only
reply of that length, with contents that do not change. Bytes keep their order on their way, so whatever was still to come
has come by then.
"""

from __future__ import annotations

import logging
import time
from typing import Final, NoReturn

from data_collection.driver import Trace
from data_collection.mercury import codec, decode
from data_collection.mercury.codec import Request
from data_collection.mercury.link import Link
from data_collection.mercury.plan import MercuryPlan, MeterState
from data_collection.mercury.reply import DONE, LEVEL, NOT_ALLOWED, NOT_OPEN, STATUS_TEXT, Reply
from data_collection.mercury.timing import CHANNEL_OPEN_S, Timing
from domain.errors import AccessDenied, DecodeError, DeviceRefused, DeviceUnreachable

log = logging.getLogger(__name__)
REOPEN_BEFORE_S: Final = 5.0
REFUSED_HOLD_S: Final = 300.0  # after a refused password; meters may lock themselves when they are pressed
SILENT_HOLD_S: Final = 60.0


class Refusal(DeviceRefused):
    """The meter answered with an error status."""

    def __init__(self, request: Request, status: int) -> None:
        text = STATUS_TEXT.get(status, "unknown")
        super().__init__(f"address {request.address} answered {request.shown} with error {status} ({text})")
        self.status = status


class Ignored(DeviceUnreachable):
    """No usable reply to this question, twice, from a meter that answers others."""


class Conversation:
    """With one meter, during one read."""

    def __init__(self, link: Link, plan: MercuryPlan, timing: Timing, trace: Trace | None) -> None:
        self._link, self._plan, self._timing, self._trace = link, plan, timing, trace
        self._ignored = 0

    @property
    def _state(self) -> MeterState:
        return self._plan.state

    async def ask(self, request: Request, *, again: bool = True) -> bytes:
        """The data bytes of the reply. Opens the channel when needed.

        Raises Refusal, Ignored (the meter lives but gave no usable reply; asked twice when `again`), DeviceUnreachable,
        DecodeError, AccessDenied, LineDown.
        """
        reopened = False
        tries = 2 if again else 1
        while True:
            await self._get_ready()
            try:
                reply = await self._exchange(request)
            except (DeviceUnreachable, DecodeError) as exc:
                tries -= 1
                await self._fall_in_step()
                if tries == 0:
                    if again and self._ignored:
                        raise  # the second question that is lost in one read: the line is no good now
                    self._ignored += again
                    raise Ignored(str(exc)) from exc
                continue
            if reply.status is None:
                self._state.open_since_s = time.monotonic()
                return reply.data
            if reply.status == NOT_OPEN and not reopened:
                reopened = True
                self._state.open_since_s = None
                continue
            raise Refusal(request, reply.status)

    async def _exchange(self, request: Request) -> Reply:
        """One question; until its reply is here the meter is out of step."""
        state = self._state
        state.in_step = False
        reply = await self._link.ask(request, self._timing, state.habits, self._plan.faults, self._trace)
        state.in_step = True
        return reply

    async def _get_ready(self) -> None:
        state = self._state
        if time.monotonic() < state.denied_until_s:
            raise AccessDenied(state.denied)
        if not state.in_step:
            await self._fall_in_step()
        if state.open_since_s is None or time.monotonic() - state.open_since_s > CHANNEL_OPEN_S - REOPEN_BEFORE_S:
            await self._open()

    async def _fall_in_step(self) -> None:
        """Ask for the serial number, which needs no open channel. Raises DeviceUnreachable or DecodeError."""
        request = codec.serial(self._plan.address)
        try:
            reply = await self._exchange(request)
        except DecodeError:
            reply = await self._exchange(request)
        if reply.status is not None:
            return  # alive, though it keeps its number to itself
        try:
            number = decode.serial(reply.data).number
        except DecodeError:
            return
        state = self._state
        if state.serial not in {None, number}:
            log.warning("device %s: another meter answers: serial %s, was %s", self._plan.device.id, number, state.serial)
            state.exchanged()
        state.serial = number

    async def _open(self) -> None:
        """Open the channel with the password, in the encoding that worked or in each that may be meant, once."""
        state, plan = self._state, self._plan
        silent = False
        for encoding, password in plan.passwords:
            if state.encoding is not None and encoding != state.encoding:
                continue
            status = await self._knock(codec.open_channel(plan.address, password), sure=encoding == state.encoding)
            if status == DONE:
                state.encoding, state.open_since_s, state.ignored_password = encoding, time.monotonic(), False
                return
            if status not in {None, LEVEL, NOT_ALLOWED}:
                text = STATUS_TEXT.get(status, "unknown")
                raise DeviceRefused(f"address {plan.address} does not open its channel: error {status} ({text})")
            silent = silent or status is None
        if silent and not state.ignored_password:
            state.ignored_password = True  # a lost reply, perhaps: it takes two to accuse the password
            raise DeviceUnreachable(f"address {plan.address} did not answer the opening of its channel")
        self._deny(silent)

    async def _knock(self, request: Request, *, sure: bool) -> int | None:
        """The status that answers a password; None when a living meter stays silent. A damaged answer, or silence to a
        password that was right before, is tried once more; never a refusal."""
        for left in (1, 0):
            try:
                return (await self._exchange(request)).status
            except (DeviceUnreachable, DecodeError) as exc:
                await self._fall_in_step()
                if not left or not (sure or isinstance(exc, DecodeError)):
                    break
        return None

    def _deny(self, silent: bool) -> NoReturn:
        how = "does not answer to" if silent else "refuses"
        tried = " or ".join(self._state.encoding or name for name, _ in self._plan.passwords)
        self._state.ignored_password = False
        self._state.denied = f"device {self._plan.device.id}: the meter {how} the password (sent as {tried})"
        self._state.denied_until_s = time.monotonic() + (SILENT_HOLD_S if silent else REFUSED_HOLD_S)
        raise AccessDenied(self._state.denied)
