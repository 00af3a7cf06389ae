"""All feeds that are on: what is kept and what happens reaches each of them; their state and books."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import partial

from data_transfer.runner import FeedRunner
from domain.errors import NotFound
from domain.feed import EVERYTHING, BacklogCost, BacklogPart, FeedEvent, FeedStatus, Kept, Moved, Quarantined

log = logging.getLogger(__name__)


class FeedHost:
    """Owner of the feeds; what they have in common."""

    def __init__(self, runners: Sequence[FeedRunner]) -> None:
        self._runners = {runner.name: runner for runner in runners}
        self._resting: tuple[FeedStatus, ...] = ()

    @property
    def idle(self) -> bool:
        """Is no feed on?"""
        return not self._runners

    def show_resting(self, resting: Sequence[FeedStatus]) -> None:
        """Feeds that are off and have a backlog or a quarantine on the disk: shown, not sent, not thrown away."""
        self._resting = tuple(resting)

    async def open(self) -> None:
        """Before the writer starts: it asks how far each feed is. One that cannot be opened is tried again by its own task."""
        for runner in self._runners.values():
            try:
                await runner.open()
            except OSError as exc:
                log.error("feed %s: its outbox cannot be opened: %s", runner.name, exc)

    async def close(self) -> None:
        """After the writer has closed: its last samples are taken too."""
        for runner in self._runners.values():
            await runner.close()

    def followers(self) -> Sequence[tuple[Callable[[Kept], None], Callable[[], int | None]]]:
        """For SampleWriter.follow."""
        return [(runner.take, partial(_source_number, runner)) for runner in self._runners.values()]

    def takers(self) -> Sequence[tuple[Callable[[Kept], None], Callable[[], tuple[int, int] | None]]]:
        """For EdgeIntake."""
        return [(runner.take, partial(_source, runner)) for runner in self._runners.values()]

    def event(self, event: FeedEvent) -> None:
        """Something happened; never blocks."""
        for runner in self._runners.values():
            runner.event(event)

    def jobs(self) -> Mapping[str, Callable[[], Awaitable[None]]]:
        """One long-lived task a feed."""
        return {f"feed:{name}": runner.run for name, runner in self._runners.items()}

    # -- state and quarantine -------------------------------------------------------------------------------------

    def feeds(self) -> Sequence[FeedStatus]:
        return [*(runner.status() for runner in self._runners.values()), *self._resting]

    async def quarantine(
        self, name: str, most: int = 100, skip: int = 0, numbers: Collection[int] | None = None
    ) -> Sequence[Quarantined]:
        return await self._runner(name).quarantine(most, skip, numbers)

    async def retry_quarantine(self, name: str, numbers: Collection[int] | None = None) -> Moved:
        """What was refused is queued once more, everything or those entries. Raises NotFound, OSError."""
        return await self._runner(name).retry_quarantine(numbers)

    async def discard_quarantine(self, name: str, numbers: Collection[int] | None = None) -> Moved:
        """What was refused is given up, everything or those entries. Raises NotFound, OSError."""
        return await self._runner(name).discard_quarantine(numbers)

    async def backlog_cost(self, name: str, part: BacklogPart) -> BacklogCost:
        """Raises NotFound, OSError."""
        return await self._runner(name).backlog_cost(part)

    async def discard_backlog(self, name: str, part: BacklogPart = EVERYTHING) -> int:
        """How many items are given up. Raises NotFound, OSError."""
        return await self._runner(name).discard_backlog(part)

    def is_on(self, name: str) -> bool:
        return name in self._runners

    def _runner(self, name: str) -> FeedRunner:
        try:
            return self._runners[name]
        except KeyError:
            raise NotFound("feed", name, tuple(self._runners)) from None


def _source_number(runner: FeedRunner) -> int | None:
    return runner.source_number


def _source(runner: FeedRunner) -> tuple[int, int] | None:
    return runner.source
