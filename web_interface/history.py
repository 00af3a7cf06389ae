"""HistoryService: windows of what was kept, asked for by tag name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from domain.plant import Tag
from domain.ports import History, RawSeries, RollupSeries, Step


class TagHistory:
    """`find` turns a tag's name into the tag; it raises NotFound with the nearest names."""

    def __init__(self, history: History, find: Callable[[str], Tag], begins: Callable[[], Awaitable[int | None]]) -> None:
        self._history, self._find, self._begins = history, find, begins

    async def begins_us(self) -> int | None:
        """Since when anything is kept."""
        return await self._begins()

    async def raw(self, tag: str, from_us: int, to_us: int, limit: int) -> RawSeries:
        """Samples of [from_us, to_us), at most `limit`."""
        return await self._history.raw(self._find(tag).id, from_us, to_us, limit=limit)

    async def rollup(self, tag: str, step: Step, from_us: int, to_us: int) -> RollupSeries:
        """Buckets that begin in [from_us, to_us)."""
        return await self._history.rollup(self._find(tag).id, step, from_us, to_us)
