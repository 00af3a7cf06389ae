"""The rate of alarms, opened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from analysis.basic_figures import explain_path
from domain.errors import ConfigError, NotFound
from domain.explain import Explanation, Span, Term, substitute
from domain.hygiene import Hygiene

ALARM_RATE = "alarm_rate"
FORMULA = "R = 600 · N / (p · T)"
SOURCE = "EEMUA 191; ISA-18.2 clause 16"


class _Desk(Protocol):
    async def hygiene(self, from_us: int, to_us: int, positions: int = 1) -> Hygiene: ...


class HygieneExplained:
    """Implements domain.explain.Explains for the average rate per 10 min and operator position; option positions."""

    def __init__(self, desk: _Desk) -> None:
        self._desk = desk

    async def explain(self, figure: str, subject: str, from_us: int, to_us: int, options: Mapping[str, str]) -> Explanation:
        """Raises NotFound, ConfigError."""
        if figure != ALARM_RATE or subject != "site":
            raise NotFound("figure", figure, (ALARM_RATE,))
        asked = options.get("positions", "1")
        if not (asked.isascii() and asked.isdecimal() and 1 <= int(asked[:4]) <= 100):
            raise ConfigError(f"positions: is {asked[:20]!r}; expected 1 to 100")
        found = await self._desk.hygiene(from_us, to_us, int(asked))
        terms = (
            Term("N", float(found.raises), "1", "alerts"), Term("p", float(found.positions), "1", "setting"),
            Term("T", (to_us - from_us) / 1e6, "s", "calendar"),
        )  # fmt: skip
        spans = tuple(Span(flood.from_us, flood.to_us, "flood", float(flood.raises), "1") for flood in found.floods)
        return Explanation(
            ALARM_RATE, 1, subject, from_us, to_us, found.per_10_min, "1", FORMULA, substitute(FORMULA.partition("= ")[2], terms),
            terms, explain_path(ALARM_RATE, subject, from_us, to_us, options), SOURCE, spans, options=dict(options),
        )  # fmt: skip
