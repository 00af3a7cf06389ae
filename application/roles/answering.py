"""A collector does what `web` asks of its lines: only reading, a few things at once, each with a deadline."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from application.roles.asking import Send, refusal
from application.roles.letters import ANSWER, ASK, CANCEL, REFUSED, STRANGE, TAKEN, Letter, opened, read, written
from application.roles.wire import packed, unpacked
from data_collection.collector import Collector
from data_collection.driver import ScanHit, Trace
from database.keys import Sealer
from domain.errors import Conflict, DeviceError, MonitorError, StorageError
from domain.feed import DestinationAway
from domain.line_frame import LineFrames
from domain.plant import Device, Line
from domain.ports import Clock
from domain.sample import Reading

log = logging.getLogger(__name__)

AT_ONCE: Final = 16
LATE_US: Final = 30_000_000  # the clocks of two machines may differ by that much
Work = Callable[..., Awaitable[Any]]


class Answerer:
    """`run` until cancelled; `take` what comes over the channel. `further`: what can be asked that is not of the lines."""

    def __init__(self, name: str, collector: Collector, send: Send, sealer: Sealer, clock: Clock,
                 further: Mapping[str, Work] | None = None) -> None:  # fmt: skip
        self._name, self._collector, self._send, self._sealer, self._clock = name, collector, send, sealer, clock
        self._group: asyncio.TaskGroup | None = None
        self._running: dict[str, asyncio.Task[None]] = {}
        self._seen: dict[str, int] = {}
        self._works: Mapping[str, Work] = {
            "read": self._read, "probe": self._probe, "survey": collector.survey, "browse": collector.browse,
            "frames": self._frames, "retry": self._retry, **(further or {}),
        }  # fmt: skip

    async def run(self) -> None:
        """Holds the work that runs."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                self._group = None
                for task in self._running.values():
                    task.cancel()

    def take(self, value: bytes) -> None:
        """A message of the channel; those that are not for us, or late, or were here before, are left alone."""
        try:
            letter = read(value)
        except ValueError as exc:
            log.warning("%s", exc)
            return
        if letter.to != self._name or letter.kind not in {ASK, CANCEL} or self._group is None:
            return
        try:
            letter = opened(letter, self._sealer)
        except (StorageError, ValueError):
            log.error("what %s asks is sealed with another key: copy keys/secrets.key of web to this data folder", letter.sender)
            self._group.create_task(self._post(letter.answered(STRANGE)))
            return
        if letter.kind == CANCEL:
            task = self._running.get(letter.id)
            if task is not None:
                task.cancel()
        elif self._new(letter):
            self._running[letter.id] = self._group.create_task(self._obey(letter), name=f"ask:{letter.body['what']}")

    def _new(self, letter: Letter) -> bool:
        now_us = self._clock.now_us()
        self._seen = {number: until_us for number, until_us in self._seen.items() if until_us + LATE_US >= now_us}
        if letter.id in self._seen or letter.until_us + LATE_US < now_us:
            return False
        self._seen[letter.id] = letter.until_us
        return True

    async def _obey(self, letter: Letter) -> None:
        try:
            await self._post(letter.answered(TAKEN))
            await self._post(await self._done(letter))
        finally:
            del self._running[letter.id]

    async def _done(self, letter: Letter) -> Letter:
        """The answer, or why there is none."""
        what, within_s = str(letter.body["what"]), float(letter.body["within_s"])
        try:
            if len(self._running) > AT_ONCE:
                raise Conflict(f"collector {self._name} is busy with {AT_ONCE} other questions")
            work = self._works.get(what)
            if work is None:
                raise Conflict(f"collector {self._name} is of another version: it does not know {what!r}")
            async with asyncio.timeout(within_s):
                return letter.answered(ANSWER, packed(await work(*unpacked(letter.body["arguments"]))))
        except MonitorError as exc:
            return letter.answered(REFUSED, refusal(exc))
        except TimeoutError:
            return letter.answered(REFUSED, refusal(Conflict(f"collector {self._name} was not ready within {within_s:.0f} s")))
        except Exception as exc:
            log.exception("%s, asked by %s, failed", what, letter.sender)
            told = Conflict(f"collector {self._name} failed: {type(exc).__name__}, see its log")
            return letter.answered(REFUSED, refusal(told))

    async def _post(self, letter: Letter) -> None:
        """Whoever waits for it has a deadline."""
        try:
            await self._send(letter.to, written(letter, self._sealer))
        except DestinationAway as exc:
            log.warning("%s cannot be answered: %s", letter.to, exc)
        except ValueError as exc:
            told = refusal(Conflict(f"collector {self._name} has too long an answer: {exc}"))
            await self._post(Letter(REFUSED, letter.id, letter.sender, letter.to, letter.until_us, told))

    # -- what can be asked ------------------------------------------------------------------------------------------

    async def _read(self, device: Device, line: Line) -> tuple[Sequence[Reading], Sequence[Any], Sequence[str], Any]:
        """Readings, frames and notes, and the error it ended with: its frames show why."""
        trace, readings, failed = Trace(), list[Reading](), None
        try:
            readings = list(await self._collector.read_once(device, line, trace))
        except DeviceError as exc:
            failed = refusal(exc)
        return readings, trace.frames, trace.notes, failed

    async def _probe(self, line: Line, addresses: Sequence[int], protocol: str) -> Sequence[ScanHit]:
        return [hit async for hit in self._collector.scan(line, addresses, protocol)]

    async def _frames(self, line_id: str, after: int) -> LineFrames:
        return self._collector.frames(line_id, after)

    async def _retry(self, line_id: str) -> None:
        self._collector.retry(line_id)
