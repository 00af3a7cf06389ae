"""`web` asks a collector: the question, whether it was taken, the answer; and a plain word within seconds when there is none."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from application.roles.letters import ANSWER, ASK, CANCEL, REFUSED, STRANGE, TAKEN, Letter, opened, read, written
from application.roles.wire import packed, unpacked
from database.keys import Sealer
from domain import errors
from domain.camera import NoPicture
from domain.errors import Conflict, DeviceError, MonitorError, NotFound, StorageError
from domain.feed import DestinationAway
from domain.ports import Clock

log = logging.getLogger(__name__)

TAKEN_WITHIN_S = 5.0
AGAIN_S = 1.0  # who was just starting has not heard it; a question that is heard twice is obeyed once
Send = Callable[[str, bytes], Awaitable[None]]
Ask = Callable[..., Awaitable[Any]]
"""(collector, what, arguments ..., within_s=seconds) -> the answer. Raises what the collector's work raises, and Conflict."""


@dataclass(slots=True)
class _Open:
    """A question on its way."""

    collector: str
    taken: asyncio.Event = field(default_factory=asyncio.Event)
    answer: asyncio.Future[Any] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Asker:
    """`ask`, and `take` what comes over the channel."""

    def __init__(self, name: str, send: Send, sealer: Sealer, clock: Clock) -> None:
        self._name, self._send, self._sealer, self._clock = name, send, sealer, clock
        self._open: dict[str, _Open] = {}

    async def ask(self, collector: str, what: str, *arguments: Any, within_s: float) -> Any:
        """Let that collector do it; a question that is cancelled here ends there too.

        Raises what its work raises; Conflict when nothing comes of it.
        """
        until_us = self._clock.now_us() + round(within_s * 1e6)
        body = {"what": what, "arguments": packed(arguments), "within_s": within_s}
        letter = Letter(ASK, secrets.token_hex(16), self._name, collector, until_us, body)
        waiting = self._open[letter.id] = _Open(collector)
        try:
            await self._post(letter)
            return await self._answer(waiting, letter, within_s)
        except (asyncio.CancelledError, TimeoutError):
            await self._post_if_possible(Letter(CANCEL, letter.id, self._name, collector, until_us))
            raise
        finally:
            del self._open[letter.id]

    async def _answer(self, waiting: _Open, letter: Letter, within_s: float) -> Any:
        taken = asyncio.ensure_future(waiting.taken.wait())
        loop = asyncio.get_running_loop()
        until_s = loop.time() + TAKEN_WITHIN_S
        try:
            while True:
                left_s = min(AGAIN_S, until_s - loop.time())
                done, _ = await asyncio.wait({taken, waiting.answer}, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
                if done or loop.time() >= until_s:
                    break
                await self._post_if_possible(letter)
        finally:
            taken.cancel()
        if not waiting.taken.is_set() and not waiting.answer.done():
            raise Conflict(f"collector {waiting.collector} does not answer; it or Kafka is away")
        try:
            async with asyncio.timeout(within_s):
                return await waiting.answer
        except TimeoutError:
            raise Conflict(f"collector {waiting.collector} was not ready within {within_s:.0f} s") from None

    def take(self, value: bytes) -> None:
        """A message of the channel; those that are not for us are left alone."""
        try:
            letter = read(value)
            waiting = self._open.get(letter.id) if letter.to == self._name else None
            if waiting is None or letter.sender != waiting.collector or waiting.answer.done():
                return
            if letter.kind == STRANGE:
                waiting.answer.set_exception(Conflict(
                    f"collector {letter.sender} has another key: copy keys/secrets.key of the data folder of web to it"
                ))  # fmt: skip
                return
            self._hear(opened(letter, self._sealer), waiting)
        except (ValueError, StorageError) as exc:
            log.warning("an answer of a collector cannot be read: %s", exc)

    @staticmethod
    def _hear(letter: Letter, waiting: _Open) -> None:
        if letter.kind == TAKEN:
            waiting.taken.set()
        elif letter.kind == ANSWER:
            waiting.answer.set_result(unpacked(letter.body))
        elif letter.kind == REFUSED:
            waiting.answer.set_exception(raised(letter.body))

    async def _post(self, letter: Letter) -> None:
        try:
            await self._send(letter.to, written(letter, self._sealer))
        except DestinationAway as exc:
            raise Conflict(f"collector {letter.to} cannot be asked, Kafka is away: {exc}") from exc
        except ValueError as exc:
            raise Conflict(f"collector {letter.to} cannot be asked: {exc}") from exc

    async def _post_if_possible(self, letter: Letter) -> None:
        """It ends by itself at its deadline."""
        try:
            await self._post(letter)
        except Conflict as exc:
            log.debug("%s", exc)


def refusal(exc: MonitorError) -> Any:
    """An error as JSON."""
    if isinstance(exc, NotFound):
        return {"error": "NotFound", "what": exc.what, "name": exc.name, "near": list(exc.near)}
    if isinstance(exc, NoPicture):
        return {"error": "NoPicture", "reason": exc.reason, "detail": exc.detail}
    return {"error": type(exc).__name__, "text": str(exc)}


def raised(found: Any) -> MonitorError:
    """The error again; one that this version does not know is an error of the device."""
    if found["error"] == "NotFound":
        return NotFound(str(found["what"]), str(found["name"]), tuple(map(str, found["near"])))
    if found["error"] == "NoPicture":
        return NoPicture(str(found["reason"]), str(found["detail"]))
    kind = getattr(errors, str(found["error"]), None)
    known = kind if isinstance(kind, type) and issubclass(kind, MonitorError) else DeviceError
    return known(str(found["text"]))
