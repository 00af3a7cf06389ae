"""Explanations of the invented shop: one machine's figures for all, so that the panel has all its blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from domain.errors import NotFound
from domain.explain import Explanation, Span, Term, substitute
from tests.web_interface import fake_shop as shop

E, T = Term("E_total", 86.2, "kWh", "counter"), Term("t", 6.7, "h", "window")
SHARE = ("E_prod / E_total", (Term("E_prod", 77.46, "kWh", "counter"), E), 77.46 / 86.2, "1")
FIGURES: dict[str, tuple[str, tuple[Term, ...], float | None, str]] = {
    "energy": ("E_prod + E_idle", (Term("E_prod", 77.46, "kWh", "counter"), Term("E_idle", 8.74, "kWh", "counter")), 86.2, "kWh"),
    "cube": ("E_prod + E_idle", (Term("E_prod", 77.46, "kWh", "counter"), Term("E_idle", 8.74, "kWh", "counter")), 86.2, "kWh"),
    "virtual": ("x_1 + x_2", (Term("x_1", 5.1, "kW", "m1.active_power"), Term("x_2", 3.4, "kW", "m2.active_power")), 8.5, "kW"),
    "kef": SHARE,
    "cost": ("E_total · c", (E, Term("c", 8.24, "1", "setting")), 710.3, "1"),
    "average_power": ("E_total / t", (E, T), 12.87, "kW"),
    "load_factor": ("(E_total / t) / P_max", (E, T, Term("P_max", 18.9, "kW", "power")), 0.681, "1"),
    "idle_share": ("E_idle / E_total", (Term("E_idle", 8.74, "kWh", "counter"), E), 0.101, "1"),
    "production_time_share": ("t_prod / t", (Term("t_prod", 5.13, "h", "states"), T), 0.766, "1"),
    "completeness": ("t_known / t", (Term("t_known", 6.67, "h", "states"), T), 0.995, "1"),
    "state_time": ("t_idle", (Term("t_idle", 4740.0, "s", "states"),), 4740.0, "s"),
    "tg_phi": ("W_Q / W_P", (Term("W_Q", 24.8, "kvarh", "counter"), Term("W_P", 86.2, "kWh", "counter")), 0.288, "1"),
    "specific_energy": (
        "W / N", (Term("W", 86.2, "kWh", "counter"), Term("N", 23, "1", "parts"), Term("w_norm", 3.9, "kWh", "setting")), 3.748,
        "kWh/part",
    ),
    "oee": ("a_avail · a_perf · a_qual", (Term("a_avail", 0.667, "1", "states"), Term("a_perf", 0.92, "1", "parts"),
                                          Term("a_qual", 0.957, "1", "parts")), 0.587, "1"),
}  # fmt: skip
KNOWN = tuple(FIGURES)


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
        formula, terms, value, unit = FIGURES[figure.partition(".")[0]]
        minute = shop.MIN
        return Explanation(
            figure, 1, subject, from_us, to_us, value, unit, formula, substitute(formula, terms), terms,
            f"/api/explain?figure={figure}&subject={subject}", "formulas.md#4",
            spans=(
                Span(from_us, from_us + 90 * minute, "production", 21.4, "kWh"),
                Span(from_us + 90 * minute, from_us + 100 * minute, "idle", 0.92, "kWh"),
            ),
            filters=("state=production",), gaps=(Span(from_us + 100 * minute, from_us + 102 * minute, "no_data", 0.53, "kWh"),),
            completeness=0.995, estimated_share=0.006, notes=("explain.note.no_states",), options=dict(options or {}),
        )  # fmt: skip
