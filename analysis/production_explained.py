"""Opens energy per part ("specific_energy") and the time figures ("oee", "oee.availability" ...)."""

from __future__ import annotations

from collections.abc import Mapping

from analysis.basic_figures import explain_path, stamp
from analysis.production_figures import ProductionFigures
from domain.errors import NotFound
from domain.explain import Explanation, Span, Term, substitute
from domain.kpi import KPIS, GroupKpis, SpecificEnergy

SPECIFIC, OEE = "specific_energy", "oee"
VERSION = 1
FORMULAS = {
    "availability": "APT / PBT",
    "utilisation": "APT / AUBT",
    "allocation": "AUBT / PBT",
    "effectiveness": "PRI_PQ / APT",
    "quality": "GQ / PQ",
    "oee": "a_avail · a_perf · a_qual",
}


class ProductionExplained:
    """Implements domain.explain.Explains for both families."""

    def __init__(self, figures: ProductionFigures) -> None:
        self._figures = figures

    async def explain(self, figure: str, subject: str, from_us: int, to_us: int, options: Mapping[str, str]) -> Explanation:
        """Raises NotFound."""
        family, _, part = figure.partition(".")
        if family == SPECIFIC and not part:
            return _specific(await self._figures.specific(subject, from_us, to_us))
        if family != OEE or (part and part not in KPIS):
            raise NotFound("figure", figure, (SPECIFIC, OEE, *(f"{OEE}.{name}" for name in KPIS)))
        groups = await self._figures.oee("site", from_us, to_us, subject)
        if not groups:
            raise NotFound("machine", subject)
        return _time_figure(figure, part or "oee", subject, groups[0])


def _specific(found: SpecificEnergy) -> Explanation:
    terms = (Term("W", found.energy_kwh, "kWh", "counter"), Term("N", found.parts, "1", "parts"))
    notes = () if found.parts is not None else ("kef.reason.no_parts",)
    extra = (Term("w_norm", found.norm_kwh_per_part, "kWh", "setting"),) if found.norm_kwh_per_part is not None else ()
    path = f"/api/energy/specific?machine={found.machine_id}&by=part&from={stamp(found.from_us)}&to={stamp(found.to_us)}"
    share = min(1.0, found.estimated_kwh / found.energy_kwh) if found.energy_kwh else 0.0
    return Explanation(
        SPECIFIC, VERSION, found.machine_id, found.from_us, found.to_us, found.kwh_per_part, "kWh/part", "W / N",
        substitute("W / N", terms), (*terms, *extra), path, "formulas.md#8", completeness=found.completeness,
        estimated_share=share, notes=notes,
    )  # fmt: skip


def _time_figure(figure: str, name: str, subject: str, group: GroupKpis) -> Explanation:
    e, k = group.elements, group.kpis
    values = {
        "APT": Term("APT", _hours(e.apt_s), "h", "states"), "AUBT": Term("AUBT", _hours(e.aubt_s), "h", "states"),
        "PBT": Term("PBT", _hours(e.pbt_s), "h", "calendar"), "PRI_PQ": Term("PRI_PQ", _hours(e.pri_pq_s), "h", "parts"),
        "GQ": Term("GQ", e.good, "1", "parts"), "PQ": Term("PQ", e.produced, "1", "parts"),
        "a_avail": Term("a_avail", k.availability, "1", "states"), "a_perf": Term("a_perf", k.effectiveness, "1", "parts"),
        "a_qual": Term("a_qual", k.quality, "1", "parts"),
    }  # fmt: skip
    formula = FORMULAS[name]
    terms = tuple(term for symbol, term in values.items() if symbol in formula.replace("·", " ").replace("/", " ").split())
    value: float | None = getattr(k, name)
    notes = tuple(dict.fromkeys(reason for _, reason in group.reasons)) if value is None else ()
    return Explanation(
        figure, VERSION, subject, group.from_us, group.to_us, value, "1", formula, substitute(formula, terms), terms,
        explain_path(figure, subject, group.from_us, group.to_us), "formulas.md#9", completeness=e.completeness, notes=notes,
        gaps=_unplanned(group),
    )  # fmt: skip


def _hours(seconds: float | None) -> float | None:
    return None if seconds is None else seconds / 3600.0


def _unplanned(group: GroupKpis) -> tuple[Span, ...]:
    """Without planned time in the window all of it is missing."""
    return () if group.elements.pbt_s is not None else (Span(group.from_us, group.to_us, "no_shifts"),)
