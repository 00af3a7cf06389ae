"""Reading for trends: tags by name, also removed ones, and their stretches at the tier that fits."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from domain.plant import Tag
from domain.ports import Clock, History, RawSeries, RollupSeries, Step
from domain.quantity import Kind
from web_interface.trends.curves import Curve, raw_curve, rollup_curve
from web_interface.trends.tiers import MOST_POINTS, Kept, coarser, tier_for

MOST_TAGS = 12
Cell = str | float | int | datetime | None
Sheet = Callable[[str, str, Sequence[str], Sequence[Sequence[Cell]]], bytes]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What became of the names asked for. `removed`: no longer in the plant, their history is still there."""

    tags: Sequence[Tag]
    removed: frozenset[str] = frozenset()
    missing: Mapping[str, Sequence[str]] = field(default_factory=dict)  # name -> nearest existing ones
    texts: Sequence[str] = ()  # hold text: there is nothing to draw
    left_off: Sequence[str] = ()  # beyond MOST_TAGS


@dataclass(frozen=True, slots=True)
class Stretch:
    """What was kept of a tag in a window, at one tier."""

    tag: Tag
    series: RawSeries | RollupSeries
    from_us: int
    to_us: int
    now_us: int
    growth: bool = False

    @property
    def step(self) -> Step:
        return self.series.step if isinstance(self.series, RollupSeries) else Step.RAW

    def curve(self) -> Curve:
        """As it is drawn. A few milliseconds of computing."""
        if isinstance(self.series, RollupSeries):
            return rollup_curve(self.tag, self.series, self.from_us, self.to_us, self.now_us, growth=self.growth)
        return raw_curve(self.tag, self.series, self.from_us, self.to_us, self.now_us)


class TrendReader:
    """Implements web_interface.services.TrendService.

    `sheet` makes workbooks; `kept`: all tags that were ever registered, asked for only for a name that the plant does not have.
    `past`: how long each tier is kept; where the finest one that fits was deleted already, the next is read.
    """

    def __init__(
        self, history: History, tags: Callable[[], Sequence[Tag]], kept: Callable[[], Awaitable[Sequence[Tag]]], clock: Clock,
        sheet: Sheet, past: Kept = Kept(),  # noqa: B008 - frozen
    ) -> None:
        self._history, self._tags, self._kept, self._clock = history, tags, kept, clock
        self._sheet, self._past = sheet, past

    def tags(self) -> Sequence[Tag]:
        """What can be drawn: everything in the plant but texts."""
        return [tag for tag in self._tags() if tag.kind is not Kind.TEXT]

    async def choose(self, names: Sequence[str]) -> Chosen:
        """Tags by name, in the order asked for, each once. Never raises for a name."""
        present = {tag.name: tag for tag in self._tags()}
        wanted = list(dict.fromkeys(names))
        known = dict(present)
        if any(name not in present for name in wanted):
            known = {tag.name: tag for tag in await self._kept()} | present
        drawable = [name for name in wanted if name in known and known[name].kind is not Kind.TEXT]
        shown = drawable[:MOST_TAGS]
        return Chosen(
            [known[name] for name in shown],
            frozenset(name for name in shown if name not in present),
            {name: difflib.get_close_matches(name, present, n=3, cutoff=0.4) for name in wanted if name not in known},
            [name for name in wanted if name in known and known[name].kind is Kind.TEXT],
            drawable[MOST_TAGS:],
        )

    async def read(self, tags: Sequence[Tag], from_us: int, to_us: int, *, growth: bool = False) -> Sequence[Stretch]:
        """Each tag at the finest tier of at most MOST_POINTS. `growth`: counters by what they grew by, in buckets."""
        now_us = self._clock.now_us()
        return await asyncio.gather(*(self._stretch(tag, from_us, to_us, now_us, growth) for tag in tags))

    def workbook(self, title: str, note: str, heads: Sequence[str], columns: Sequence[Sequence[Cell]]) -> bytes:
        """A table as XLSX. CPU-bound: call it off the event loop."""
        return self._sheet(title, note, heads, columns)

    async def _stretch(self, tag: Tag, from_us: int, to_us: int, now_us: int, growth: bool) -> Stretch:
        grows = growth and tag.kind is Kind.COUNTER
        step: Step | None = tier_for(tag, from_us, to_us)
        if grows and step is Step.RAW:
            step = Step.M1
        while step is not None and not self._past.reaches(step, from_us, now_us):
            step = coarser(step) or Step.D1
        if step is Step.RAW:
            raw = await self._history.raw(tag.id, from_us, to_us, limit=MOST_POINTS + 1)
            if len(raw.times_us) <= MOST_POINTS:
                return Stretch(tag, raw, from_us, to_us, now_us)
            step = coarser(step)  # it comes more often than it is said to
        assert step is not None  # noqa: S101 - only the day has none coarser
        first_us = max(0, from_us - step.seconds * 1_000_000 + 1)  # the bucket that the window begins in
        rows = await self._history.rollup(tag.id, step, first_us, min(to_us, now_us + 1))
        return Stretch(tag, rows, from_us, to_us, now_us, grows)
