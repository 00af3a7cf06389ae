"""Opens a value of a virtual tag: its formula, the values that went in with their times, and what was missing."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote

from analysis.basic_figures import stamp
from analysis.virtual.again import VirtualHistory
from analysis.virtual.columns import HELD_INTERVALS
from analysis.virtual.plan import DevicePlan
from domain.errors import NotFound
from domain.explain import Explanation, Span, Term, substitute
from domain.formula import BoundTag, names_in
from domain.plant import Tag
from domain.ports import RawSeries
from domain.quality import FIRST_BAD, Quality
from domain.sample import TagId

VIRTUAL = "virtual"
SOURCE = "docs/plant-file.md#virtual_tags"
LOOK_BACK_ROWS = 120  # for the last row that is there
LEAST_LOOK_BACK_US = 120_000_000


class ReadsRaw(Protocol):
    """Stored samples."""

    async def raw(self, tag_id: TagId, from_us: int, to_us: int) -> RawSeries: ...


@dataclass(frozen=True, slots=True)
class _Row:
    """A computed row: values and qualities of the tags of its plan."""

    time_us: int
    values: Sequence[float | None]
    qualities: Sequence[int]


class VirtualExplained:
    """Implements domain.explain.Explains: "virtual", option tag; the value is that of the last row before the window's end."""

    def __init__(self, history: VirtualHistory, plans: Callable[[], Mapping[str, DevicePlan]], samples: ReadsRaw) -> None:
        self._history, self._plans, self._samples = history, plans, samples

    async def explain(self, figure: str, subject: str, from_us: int, to_us: int, options: Mapping[str, str]) -> Explanation:
        """Raises NotFound for another figure or a tag that is not computed."""
        if figure != VIRTUAL:
            raise NotFound("figure", figure, (VIRTUAL,))
        name = options.get("tag", "")
        bound, plan = self._found(name)
        row = await self._row(plan, from_us, to_us)
        at_us = row.time_us if row is not None else to_us
        symbols = _symbols(plan)
        formula = _with_symbols(bound.virtual.formula, symbols)
        terms, spans, gaps = await self._terms(plan, symbols, row, at_us)
        value = row.values[0] if row is not None else None
        begin_us = at_us - max(plan.window_us, plan.step_us)
        notes = () if value is not None else (_why(row),)
        api = f"/api/data/period?tag={quote(name)}&from={stamp(begin_us)}&to={stamp(at_us + 1000)}&step=raw"
        return Explanation(
            VIRTUAL, bound.virtual.version, subject, begin_us, at_us + 1, value, bound.canonical_unit, formula,
            substitute(formula, terms), terms, api, SOURCE, spans, (f"tag={name}",), gaps,
            1.0 - len(gaps) / len(terms) if terms else 1.0, 0.0, notes, dict(options),
        )  # fmt: skip

    def _found(self, name: str) -> tuple[BoundTag, DevicePlan]:
        """The tag with a plan that computes it first, then the other virtual tags its formula names."""
        every = {one.virtual.tag: (one, tag, plan) for plan in self._plans().values()
                 for one, tag in zip(plan.bound, plan.tags, strict=True)}  # fmt: skip
        if name not in every:
            raise NotFound("virtual tag", name, tuple(every)[:5])
        bound, tag, plan = every[name]
        others = [every[other] for other in sorted(names_in(bound.virtual.formula)) if other in every]
        inputs = {real.name: real for _, _, one in (every[name], *others) for real in one.inputs}
        wanted = dict.fromkeys(real for one in (bound, *(other[0] for other in others)) for real in one.inputs)
        tags = (tag, *(other[1] for other in others))
        bounds = (bound, *(other[0] for other in others))
        return bound, DevicePlan(plan.device_id, plan.step_us, tags, bounds, tuple(inputs[real] for real in wanted))

    async def _row(self, plan: DevicePlan, from_us: int, to_us: int) -> _Row | None:
        """The last one before the end of the window, computed anew by the code of the live stream."""
        begin_us = min(max(from_us, to_us - LOOK_BACK_ROWS * plan.step_us), to_us - LEAST_LOOK_BACK_US)
        last = None
        async for batches, _ in self._history.batches(plan, begin_us, to_us):
            for batch in batches:
                last = _Row(batch.time_us, list(batch.values), list(batch.qualities))
        return last

    async def _terms(
        self, plan: DevicePlan, symbols: Mapping[str, str], row: _Row | None, at_us: int
    ) -> tuple[tuple[Term, ...], tuple[Span, ...], tuple[Span, ...]]:
        places = {tag.name: n for n, tag in enumerate(plan.tags)}
        real = {tag.name: tag for tag in plan.inputs}
        terms, spans, gaps = [], [], []
        for name, symbol in symbols.items():
            if name in places:
                value = row.values[places[name]] if row is not None else None
                tag, heard_us = plan.tags[places[name]], at_us - plan.step_us
            else:
                tag = real[name]
                heard_us, value = await self._last(plan, tag, at_us)
            terms.append(Term(symbol, value, tag.unit, name))
            if value is None:
                gaps.append(Span(heard_us, at_us, name))
            else:
                spans.append(Span(heard_us, at_us, name, value, tag.unit))
        return tuple(terms), tuple(spans), tuple(gaps)

    async def _last(self, plan: DevicePlan, tag: Tag, at_us: int) -> tuple[int, float | None]:
        """The sample that the row saw: at most three intervals old."""
        begin_us = at_us - round(HELD_INTERVALS * plan.interval_us(tag))
        series = await self._samples.raw(tag.id, begin_us, at_us + 1)
        for time_us, value, quality in zip(
            reversed(series.times_us), reversed(series.values), reversed(series.qualities), strict=True
        ):
            if value is not None and quality < FIRST_BAD:
                return time_us, value
        return begin_us, None


def _symbols(plan: DevicePlan) -> dict[str, str]:
    """Tag -> symbol: those the formula names, in its order, then those its patterns (sum over many) stand for."""
    first, *others = plan.bound
    text = first.virtual.formula
    named = sorted(names_in(text), key=text.find)
    inside = {real for other in others for real in other.inputs}  # of virtual tags that the formula names
    hidden = [real for real in first.inputs if real not in named and real not in inside]
    return {name: f"x_{n}" for n, name in enumerate([*named, *hidden], 1)}


def _with_symbols(formula: str, symbols: Mapping[str, str]) -> str:
    """The formula with a symbol in place of each tag's name, the longest names first."""
    if not symbols:
        return formula
    names = sorted(symbols, key=len, reverse=True)
    pattern = re.compile("|".join(rf"(?<![\w.\-]){re.escape(name)}(?![\w.])" for name in names))
    return pattern.sub(lambda found: symbols[found[0]], formula)


def _why(row: _Row | None) -> str:
    """Key of the catalogues: the reason of a row without value."""
    if row is None:
        return "explain.note.no_row"
    return f"quality.{Quality(row.qualities[0]).reason}" if row.qualities[0] else "explain.note.no_row"
