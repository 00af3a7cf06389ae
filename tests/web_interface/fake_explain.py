"""Explanations of the invented shop: the same words for every figure, so that the panel has all its blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from domain.errors import NotFound
from domain.explain import Explanation, Span, Term, substitute
from tests.web_interface import fake_shop as shop

KNOWN = ("energy", "kef", "cost", "power", "average_power", "idle_share", "completeness", "state_time")


class FakeExplain:
    """ExplainService."""

    def figures(self) -> Sequence[str]:
        return KNOWN

    async def explain(
        self, figure: str, subject: str, from_us: int, to_us: int, options: Mapping[str, str] | None = None
    ) -> Explanation:
        if figure.partition(".")[0] not in KNOWN:
            raise NotFound("figure", figure, KNOWN)
        if subject not in {"site", *(tool.machine.id for tool in shop.TOOLS)}:
            raise NotFound("machine", subject, tuple(tool.machine.id for tool in shop.TOOLS)[:5])
        terms = (Term("E_prod", 77.46, "kWh", "counter"), Term("E_total", 86.2, "kWh", "counter"))
        minute = shop.MIN
        return Explanation(
            figure, 1, subject, from_us, to_us, 77.46 / 86.2, "1", "E_prod / E_total", substitute("E_prod / E_total", terms), terms,
            f"/api/explain?figure={figure}&subject={subject}", "formulas.md#4",
            spans=(
                Span(from_us, from_us + 90 * minute, "production", 21.4, "kWh"),
                Span(from_us + 90 * minute, from_us + 100 * minute, "idle", 0.92, "kWh"),
            ),
            filters=("state=production",), gaps=(Span(from_us + 100 * minute, from_us + 102 * minute, "no_data", 0.53, "kWh"),),
            completeness=0.995, estimated_share=0.006, notes=("explain.note.no_states",), options=dict(options or {}),
        )  # fmt: skip
