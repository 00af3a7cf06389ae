"""Where a number comes from: what any figure of the product can tell about itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from domain.errors import NotFound


@dataclass(frozen=True, slots=True)
class Term:
    """One input of a formula: its symbol ("E_prod"), value (None unknown) and unit; `source` counter | power | setting | ..."""

    symbol: str
    value: float | None
    unit: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch [from_us, to_us) that went in (a state interval, an hour ...) or is missing; `value` in `unit`."""

    from_us: int
    to_us: int
    what: str  # a state, a zone, a reason; translated by the pages where it is a known key
    value: float | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """A figure opened. `figure`: its stable name ("kef.K1", "cost", "idle_ledger"); `subject`: a machine id, a section or "site".

    `formula` in symbols; `substituted` the same with the numbers in it. `filters`: what was left in or out ("state=idle").
    `api`: path and query that give the same figure. `formula_source`: section of docs/formulas.md, standard or paper.
    """

    figure: str
    version: int
    subject: str
    from_us: int
    to_us: int
    value: float | None
    unit: str
    formula: str
    substituted: str
    terms: tuple[Term, ...]
    api: str
    formula_source: str
    spans: tuple[Span, ...] = ()
    filters: tuple[str, ...] = ()
    gaps: tuple[Span, ...] = ()
    completeness: float = 1.0
    estimated_share: float = 0.0
    notes: tuple[str, ...] = ()  # keys of the catalogues: what would raise it, why it is not shown
    options: Mapping[str, str] = field(default_factory=dict)  # further parameters of the figure


SYMBOL = re.compile(r"[^\W\d]\w*")
MISSING = "?"


def substitute(formula: str, terms: Sequence[Term], show: Callable[[Term], str] | None = None) -> str:
    """The right side of `formula` with the terms' values in place of their symbols; an unknown value is a question mark.

    `show` writes one value; without it four significant figures with a decimal point, as the API does.
    """
    values = {term.symbol: term for term in terms}
    write = show or _plain

    def value_of(found: re.Match[str]) -> str:
        term = values.get(found[0])
        return found[0] if term is None else write(term)

    return SYMBOL.sub(value_of, formula)


def _plain(term: Term) -> str:
    return MISSING if term.value is None else f"{term.value:.4g}" if abs(term.value) < 1000 else f"{term.value:.1f}"


class Explains(Protocol):
    """Opens figures of one family."""

    async def explain(self, figure: str, subject: str, from_us: int, to_us: int, options: Mapping[str, str]) -> Explanation:
        """Raises NotFound for a figure, machine or section that does not exist."""
        ...


class Explainer:
    """Finds who explains a figure by the longest registered beginning of its name."""

    def __init__(self) -> None:
        self._families: dict[str, Explains] = {}

    def register(self, prefix: str, family: Explains) -> None:
        """`family` explains `prefix` itself and "prefix.anything"."""
        self._families[prefix] = family

    def figures(self) -> tuple[str, ...]:
        """Registered beginnings."""
        return tuple(sorted(self._families))

    async def explain(
        self, figure: str, subject: str, from_us: int, to_us: int, options: Mapping[str, str] | None = None
    ) -> Explanation:
        """Raises NotFound."""
        prefix = figure
        while prefix not in self._families:
            prefix, dot, _ = prefix.rpartition(".")
            if not dot:
                raise NotFound("figure", figure, self.figures()[:5])
        return await self._families[prefix].explain(figure, subject, from_us, to_us, options or {})
