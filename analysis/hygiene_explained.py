"""The rate of alarms and the share of those that come most, opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from analysis.basic_figures import explain_path
from domain.errors import ConfigError, NotFound
from domain.explain import Explanation, Span, Term, substitute
from domain.hygiene import Hygiene

ALARM_RATE, TOP_SHARE = "alarm_rate", "alarm_top_share"
FIGURES = (ALARM_RATE, TOP_SHARE)
FORMULA = "R = 600 · N / (p · T)"
TOP_FORMULA = "S = N_top / N"
FEW = "hygiene.top_share.few"
SOURCE = "EEMUA 191; ISA-18.2 clause 16"


class _Desk(Protocol):
    async def hygiene(self, from_us: int, to_us: int, positions: int = 1) -> Hygiene: ...


class HygieneExplained:
    """Implements domain.explain.Explains for the average rate per 10 min and operator position (option positions), and for the
    share of the ten conditions that come most."""

    def __init__(self, desk: _Desk) -> None:
        self._desk = desk

    async def explain(self, figure: str, subject: str, from_us: int, to_us: int, options: Mapping[str, str]) -> Explanation:
        """Raises NotFound, ConfigError."""
        if figure not in FIGURES or subject != "site":
            raise NotFound("figure", figure, FIGURES)
        asked = options.get("positions", "1")
        if not (asked.isascii() and asked.isdecimal() and 1 <= int(asked[:4]) <= 100):
            raise ConfigError(f"positions: is {asked[:20]!r}; expected 1 to 100")
        found = await self._desk.hygiene(from_us, to_us, int(asked))
        path = explain_path(figure, subject, from_us, to_us, options)
        opened = _rate(found, path) if figure == ALARM_RATE else _top_share(found, path)
        return replace(opened, options=dict(options))


def _rate(found: Hygiene, path: str) -> Explanation:
    terms = (
        Term("N", float(found.raises), "1", "alerts"), Term("p", float(found.positions), "1", "setting"),
        Term("T", (found.to_us - found.from_us) / 1e6, "s", "calendar"),
    )  # fmt: skip
    spans = tuple(Span(flood.from_us, flood.to_us, "flood", float(flood.raises), "1") for flood in found.floods)
    return Explanation(
        ALARM_RATE, 1, "site", found.from_us, found.to_us, found.per_10_min, "1", FORMULA,
        substitute(FORMULA.partition("= ")[2], terms), terms, path, SOURCE, spans,
    )  # fmt: skip


def _top_share(found: Hygiene, path: str) -> Explanation:
    most = float(sum(noisy.raises for noisy in found.top))
    terms = (Term("N_top", most, "1", "alerts"), Term("N", float(found.raises), "1", "alerts"))
    notes = () if found.top_share is not None else (FEW,)
    return Explanation(
        TOP_SHARE, 1, "site", found.from_us, found.to_us, found.top_share, "1", TOP_FORMULA,
        substitute(TOP_FORMULA.partition("= ")[2], terms), terms, path, SOURCE, notes=notes,
    )  # fmt: skip
