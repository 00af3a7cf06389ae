"""Opens cells of the cube of energy: which machines, states and hours a sum is made of, what is missing, how to ask again."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from analysis.basic_figures import SECTION, SITE, explain_path
from analysis.calendar import Calendar
from analysis.cube import slots_of
from analysis.explanations import MOST_SPANS, SYMBOL_OF
from domain.cube import CubeAnswer, CubeRow, Dimension
from domain.errors import NotFound
from domain.explain import Explanation, Span, Term, substitute
from domain.plant import Plant
from domain.state import MachineState

CUBE = "cube"
VERSION = 1
SOURCE = "formulas.md#3"
MOST_TERMS = 12
BY_HOUR_US = 3 * 86_400_000_000  # longer windows are told by days
Key = str | int | bool | date
_When = tuple[Key, Key]  # day and hour of the site


class AsksCube(Protocol):
    """What is asked of the cube."""

    async def ask(
        self, from_us: int, to_us: int, by: Sequence[Dimension], machines: Sequence[str] = (), sections: Sequence[str] = ()
    ) -> CubeAnswer: ...


class CubeExplained:
    """Implements domain.explain.Explains: "cube"; options are dimensions of the cell ("state" = "idle", "shift" = "1" ...)."""

    def __init__(self, plant: Callable[[], Plant], calendar: Callable[[], Calendar], cube: AsksCube) -> None:
        self._plant, self._calendar, self._cube = plant, calendar, cube

    async def explain(self, figure: str, subject: str, from_us: int, to_us: int, options: Mapping[str, str]) -> Explanation:
        """Raises NotFound: figure, machine, section, or a dimension the cube does not have."""
        if figure != CUBE:
            raise NotFound("figure", figure, (CUBE,))
        cell = _cell(subject, options)
        group = Dimension.HOUR if to_us - from_us <= BY_HOUR_US else Dimension.DAY
        split = self._split(cell)
        by = list(dict.fromkeys([*cell.kept, split, Dimension.DAY, group]))
        answer = await self._cube.ask(from_us, to_us, by, cell.machines, cell.sections)
        rows = [row for row in answer.rows if all(_said(row.key[d]) == value for d, value in cell.kept.items())]
        return self._opened(subject, from_us, to_us, options, answer, rows, split, group)

    def _split(self, cell: _Cell) -> Dimension:
        """What the sum is told by: machines of a group, states of one, else its hours' shifts."""
        mine = [m for m in self._plant().machines if (not cell.machines or m.id in cell.machines)
                and (not cell.sections or m.section in cell.sections)]  # fmt: skip
        if len(mine) > 1:
            return Dimension.MACHINE
        return Dimension.SHIFT if Dimension.STATE in cell.kept else Dimension.STATE

    def _opened(
        self, subject: str, from_us: int, to_us: int, options: Mapping[str, str], answer: CubeAnswer, rows: Sequence[CubeRow],
        split: Dimension, group: Dimension,
    ) -> Explanation:  # fmt: skip
        value = _sum(rows)
        terms = _terms(rows, split)
        formula = " + ".join(term.symbol for term in terms) or "E_total"
        spans, gaps = self._spans(rows, group, from_us, answer.to_us)
        duration, known = sum(row.duration_us for row in rows), sum(row.known_us for row in rows)
        uncertain = math.fsum(row.uncertain_kwh for row in rows)
        filters = tuple(f"{name}={said}" for name, said in options.items())
        return Explanation(
            CUBE, VERSION, subject, from_us, to_us, value, "kWh", formula, substitute(formula, terms), terms,
            explain_path(CUBE, subject, from_us, to_us, options), SOURCE, spans, filters, gaps,
            known / duration if duration else 0.0, min(1.0, uncertain / value) if value else 0.0,
            ("explain.note.cube_pending",) if answer.pending_us else (), dict(options),
        )  # fmt: skip

    def _spans(
        self, rows: Sequence[CubeRow], group: Dimension, from_us: int, to_us: int
    ) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
        """The hours (days) that went in, the largest first, and those of which something is not known."""
        hourly = group is Dimension.HOUR
        when: dict[_When, tuple[int, int]] = {}
        for slot in slots_of(self._calendar(), from_us, to_us):
            at: _When = (slot.day, slot.hour if hourly else 0)
            when[at] = (when[at][0] if at in when else slot.from_us, slot.to_us)
        sums: dict[_When, list[CubeRow]] = {}
        for row in rows:
            sums.setdefault((row.key[Dimension.DAY], row.key[Dimension.HOUR] if hourly else 0), []).append(row)
        spans, gaps = [], []
        for at in (known for known in sums if known in when):
            begin, end = when[at]
            energy, mine = _sum(sums[at]), sums[at]
            if energy:
                spans.append(Span(begin, end, group.value, energy, "kWh"))
            if sum(row.known_us for row in mine) < sum(row.duration_us for row in mine):
                gaps.append(Span(begin, end, "no_data", energy, "kWh"))
        spans.sort(key=lambda span: -(span.value or 0.0))
        return tuple(spans[:MOST_SPANS]), tuple(sorted(gaps, key=lambda span: span.from_us)[:MOST_SPANS])


@dataclass(frozen=True, slots=True)
class _Cell:
    machines: tuple[str, ...]
    sections: tuple[str, ...]
    kept: Mapping[Dimension, str]


def _cell(subject: str, options: Mapping[str, str]) -> _Cell:
    known = {dimension.value: dimension for dimension in Dimension}
    kept: dict[Dimension, str] = {}
    machines, sections = [], []
    if subject.startswith(SECTION):
        sections.append(subject.removeprefix(SECTION))
    elif subject != SITE:
        machines.append(subject)
    for name, value in options.items():
        if name not in known:
            raise NotFound("dimension", name, tuple(known)[:5])
        kept[known[name]] = value
    return _Cell(tuple(machines), tuple(sections), kept)


def _said(value: Key) -> str:
    """A dimension's value as it stands in an address."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date) else str(value)


def _sum(rows: Sequence[CubeRow]) -> float | None:
    known = [row.energy_kwh for row in rows if row.energy_kwh is not None]
    return math.fsum(known) if known else None


def _terms(rows: Sequence[CubeRow], split: Dimension) -> tuple[Term, ...]:
    """One a value of the dimension, the largest first; what is beyond a dozen is one term."""
    by: dict[Key, list[CubeRow]] = {}
    for row in rows:
        by.setdefault(row.key[split], []).append(row)
    sums = sorted(((key, _sum(mine)) for key, mine in by.items()), key=lambda item: -(item[1] or 0.0))
    if split is Dimension.STATE:
        return tuple(Term(f"E_{SYMBOL_OF[MachineState(str(key))]}", kwh, "kWh", "counter") for key, kwh in sums)
    shown = sums if len(sums) <= MOST_TERMS else sums[: MOST_TERMS - 1]
    terms = [Term(f"E_{n}", kwh, "kWh", _source(split, key)) for n, (key, kwh) in enumerate(shown, 1)]
    rest = [kwh for _, kwh in sums[len(shown) :] if kwh is not None]
    return (*terms, Term("E_rest", math.fsum(rest), "kWh", "counter")) if rest else tuple(terms)


def _source(split: Dimension, key: Key) -> str:
    if split is not Dimension.SHIFT:
        return str(key)
    return f"shift:{key}" if key else "between_shifts"
