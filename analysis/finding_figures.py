"""The figure "finding": energy that findings wasted in a window, opened: which findings, how much each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from analysis.basic_figures import stamp
from domain.explain import Explanation, Span, Term
from domain.finding import Finding

FIGURE = "finding"
MOST_SPANS = 60


class AsksFindings(Protocol):
    async def findings(
        self, from_us: int, to_us: int, *, machine: str | None = None, rule: str | None = None, limit: int = 1000
    ) -> Sequence[Finding]: ...


class FindingFigures:
    """Implements domain.explain.Explains for "finding" (all rules) and "finding.<rule>"."""

    def __init__(self, findings: AsksFindings) -> None:
        self._findings = findings

    async def explain(self, figure: str, subject: str, from_us: int, to_us: int, options: Mapping[str, str]) -> Explanation:
        """`subject` "site" means all machines. Raises NotFound for an unknown machine or rule."""
        rule = figure.partition(".")[2] or None
        machine = None if subject == "site" else subject
        found = await self._findings.findings(from_us, to_us, machine=machine, rule=rule)
        wasted = [f for f in found if f.waste_kwh is not None]
        by_rule: dict[str, float] = {}
        for finding in wasted:
            by_rule[finding.rule] = by_rule.get(finding.rule, 0.0) + (finding.waste_kwh or 0.0)
        terms = tuple(Term(f"W_{name}", kwh, "kWh", "integrated_power") for name, kwh in sorted(by_rule.items()))
        spans = [Span(f.from_us, f.to_us or to_us, f.rule, f.waste_kwh, "kWh") for f in wasted[:MOST_SPANS]]
        total = sum(by_rule.values()) if by_rule else None
        query = f"from={stamp(from_us)}&to={stamp(to_us)}"
        query += "".join(f"&{name}={value}" for name, value in (("machine", machine), ("rule", rule)) if value)
        return Explanation(
            figure, 1, subject, from_us, to_us, total, "kWh", " + ".join(t.symbol for t in terms) or "0",
            " + ".join(f"{t.value:.3g}" for t in terms) or "0", terms, f"/api/findings?{query}", "analysis.md#detectors",
            spans=tuple(sorted(spans, key=lambda span: span.from_us)), filters=(f"rule={rule}",) if rule else (),
            estimated_share=1.0 if total else 0.0, options=dict(options),
        )  # fmt: skip
