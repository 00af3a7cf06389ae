"""What was measured, as curves and as rows; views of it that people saved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from domain.access import Actor
from domain.plant import Tag
from domain.ports import RawSeries, RollupSeries, Step
from domain.trend_view import TrendView
from web_interface.trends.reader import Cell, Chosen, Stretch


class HistoryService(Protocol):
    async def raw(self, tag: str, from_us: int, to_us: int, limit: int) -> RawSeries: ...
    async def rollup(self, tag: str, step: Step, from_us: int, to_us: int) -> RollupSeries: ...
    async def begins_us(self) -> int | None:
        """Since when anything is kept; None while nothing is."""
        ...


class TrendService(Protocol):
    """Curves of tags over any window, each at the tier that fits."""

    def tags(self) -> Sequence[Tag]:
        """What can be drawn: all tags of the plant but texts."""
        ...

    async def choose(self, names: Sequence[str]) -> Chosen:
        """Tags by name, also removed ones; what is unknown is told, never raised."""
        ...

    async def read(self, tags: Sequence[Tag], from_us: int, to_us: int, *, growth: bool = False) -> Sequence[Stretch]:
        """At most some 2 000 points each. `growth`: counters by what they grew by in each bucket."""
        ...

    def workbook(self, title: str, note: str, heads: Sequence[str], columns: Sequence[Sequence[Cell]]) -> bytes:
        """A table as XLSX. CPU-bound: call it off the event loop."""
        ...


class TrendViewService(Protocol):
    """Saved views of trends: one's own and those shared with all."""

    async def visible(self, actor: Actor) -> Sequence[TrendView]: ...
    async def get(self, view_id: int, actor: Actor) -> TrendView:
        """Raises NotFound, also for another's that is not shared."""
        ...

    def may_change(self, view: TrendView, actor: Actor) -> bool: ...
    def newer_than(self, view: TrendView) -> TrendView | None:
        """What somebody saved over it since; from memory."""
        ...

    async def create(self, name: str, address: str, actor: Actor, *, shared: bool) -> TrendView:
        """Raises ConfigError, Conflict (the name is taken)."""
        ...

    async def save(self, seen: TrendView, actor: Actor, *, name: str, address: str, shared: bool) -> TrendView:
        """Over the version that was seen. Raises ViewChanged, NotFound, Forbidden, ConfigError, Conflict."""
        ...

    async def delete(self, view_id: int, actor: Actor) -> None: ...
    async def exported(self, actor: Actor, words: str) -> None:
        """Into the audit."""
        ...
