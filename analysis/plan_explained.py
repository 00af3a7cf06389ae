"""Opens plan against fact: what was used or made, what of the plan was due by then, interval by interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from analysis.basic_figures import SECTION, SITE, explain_path
from domain.errors import NotFound
from domain.explain import Explanation, Span, Term, substitute
from domain.plan import PlanFact, PlanInterval, PlanScope, Progress

PLAN, PARTS = "plan", "plan.parts"
VERSION = 1
SOURCE = "docs/plant-file.md#plans"


class Plans(Protocol):
    """What is asked of plan against fact."""

    async def facts(self, interval: PlanInterval, from_us: int, to_us: int) -> Sequence[PlanFact]: ...


class PlanExplained:
    """Implements domain.explain.Explains: "plan" in kWh, "plan.parts" in parts; option interval shift | day | month."""

    def __init__(self, plans: Plans) -> None:
        self._plans = plans

    async def explain(self, figure: str, subject: str, from_us: int, to_us: int, options: Mapping[str, str]) -> Explanation:
        """Fact less what was due, summed over the intervals of the window. Raises NotFound without a plan of that subject."""
        if figure not in {PLAN, PARTS}:
            raise NotFound("figure", figure, (PLAN, PARTS))
        known = {interval.value: interval for interval in PlanInterval}
        interval = known.get(options.get("interval", PlanInterval.SHIFT.value))
        if interval is None:
            raise NotFound("interval", options["interval"], tuple(known))
        scope, name = _scope_of(subject)
        facts = await self._plans.facts(interval, from_us, to_us)
        own = [fact for fact in facts if (fact.plan.scope, fact.plan.subject) == (scope, name)]
        mine = [(fact, progress) for fact in own if (progress := _progress(fact, figure)) is not None]
        if not mine:
            raise NotFound("plan", subject)
        return _opened(figure, subject, from_us, to_us, dict(options), mine)


def _scope_of(subject: str) -> tuple[PlanScope, str]:
    if subject == SITE:
        return PlanScope.SITE, ""
    if subject.startswith(SECTION):
        return PlanScope.SECTION, subject.removeprefix(SECTION)
    return PlanScope.MACHINE, subject


def _progress(fact: PlanFact, figure: str) -> Progress | None:
    return fact.kwh if figure == PLAN else fact.parts


def _opened(
    figure: str, subject: str, from_us: int, to_us: int, options: dict[str, str], mine: Sequence[tuple[PlanFact, Progress]]
) -> Explanation:
    unit, letter = ("kWh", "W") if figure == PLAN else ("1", "N")
    known = [p for _, p in mine if p.actual is not None]
    actual = sum(p.actual or 0.0 for p in known) if known else None
    due = sum(p.expected for p in known)
    terms = (
        Term(f"{letter}_fact", actual, unit, "counter"), Term(f"{letter}_due", due, unit, "setting"),
        Term(f"{letter}_plan", sum(p.planned for _, p in mine), unit, "setting"),
    )  # fmt: skip
    formula = f"{letter}_fact - {letter}_due"
    spans = tuple(Span(f.from_us, f.to_us, f.label, p.deviation, unit) for f, p in mine if p.actual is not None)
    gaps = tuple(Span(f.from_us, f.to_us, f.label) for f, p in mine if p.actual is None)
    length = sum(f.to_us - f.from_us for f, _ in mine)
    used = sum(p.actual or 0.0 for p in known)
    return Explanation(
        figure, VERSION, subject, from_us, to_us, None if actual is None else actual - due, unit, formula,
        substitute(formula, terms), terms, explain_path(figure, subject, from_us, to_us, options), SOURCE, spans=spans,
        gaps=gaps,
        completeness=sum(p.completeness * (f.to_us - f.from_us) for f, p in mine) / length if length else 0.0,
        estimated_share=sum(p.estimated_share * (p.actual or 0.0) for p in known) / used if used else 0.0, options=options,
    )  # fmt: skip
