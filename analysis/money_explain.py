"""Opens the figures of money: cost, CO2, fuel, demand, idle ledger, load curve, kvar, stand-by. Formulas: docs/formulas.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from analysis.basic_figures import SITE, explain_path, machines_of
from analysis.energy_figures import EnergyFigures
from analysis.idle import RULE_VERSION
from analysis.idle_ledger import IdleAccounts
from analysis.standby_adviser import StandbyAdviser
from domain.errors import NotFound
from domain.explain import Explanation, Span, Term, substitute
from domain.figures import IdleEntry, Trust
from domain.plant import Plant

VERSION = 1
SOURCE = "formulas.md#7"
FAMILIES = ("cost", "co2", "fuel", "demand", "idle_ledger", "load_curve", "required_kvar", "standby")
CURVE = {  # figure: (symbol, formula, numerator, denominator)
    "use": ("K_i", "P_avg / P_nom", "mean_kw", "rated_kw"),
    "demand": ("K_s", "P_max / P_nom", "max_kw", "rated_kw"),
    "maximum": ("K_m", "P_max / P_avg", "max_kw", "mean_kw"),
    "form": ("K_f", "P_rms / P_avg", "rms_kw", "mean_kw"),
    "load_factor": ("K_zap", "P_avg / P_max", "mean_kw", "max_kw"),
    "t_max_h": ("T_max", "W / P_max", "energy_kwh", "max_kw"),
    "load": ("K_z", "P_avg_on / P_nom", "mean_on_kw", "rated_kw"),
}


class MoneyExplains:
    """Implements domain.explain.Explains for FAMILIES."""

    def __init__(
        self, plant: Callable[[], Plant], energy: EnergyFigures, idle: IdleAccounts, adviser: StandbyAdviser
    ) -> None:
        self._plant, self._energy, self._idle, self._adviser = plant, energy, idle, adviser

    async def explain(self, figure: str, subject: str, from_us: int, to_us: int, options: Mapping[str, str]) -> Explanation:
        """Raises NotFound."""
        machines_of(self._plant(), subject)
        family, _, part = figure.partition(".")
        if family in {"cost", "co2", "fuel"} and not part:
            return await self._cost(figure, subject, from_us, to_us)
        if family == "demand" and not part and subject == SITE:
            return await self._demand(figure, from_us, to_us)
        if family == "idle_ledger" and not part:
            return await self._idle_ledger(figure, subject, from_us, to_us)
        if family == "load_curve" and part in CURVE:
            return await self._curve(figure, part, subject, from_us, to_us)
        if family == "required_kvar" and not part:
            return await self._kvar(figure, subject, from_us, to_us)
        if family == "standby" and not part and subject in {m.id for m in self._plant().machines}:
            return await self._standby(figure, subject, from_us, to_us)
        raise NotFound("figure", figure, (*FAMILIES[:4], *(f"load_curve.{name}" for name in CURVE))[:5])

    async def _cost(self, figure: str, subject: str, from_us: int, to_us: int) -> Explanation:
        cost = await self._energy.cost(subject, from_us, to_us)
        currency = self._plant().site.currency
        if figure == "cost":
            terms: list[Term] = []
            for number, zone in enumerate(cost.zones, 1):
                terms.append(Term(f"E_{number}", zone.energy_kwh, "kWh", "counter"))
                price = zone.cost / zone.energy_kwh if zone.cost is not None and zone.energy_kwh else zone.price_per_kwh
                terms.append(Term(f"c_{number}", price, f"{currency}/kWh", "setting"))
            formula = " + ".join(f"E_{n} * c_{n}" for n in range(1, len(cost.zones) + 1)) or "E * c"
            notes = ("explain.note.unpriced",) if cost.unpriced_kwh > 0 else ()
            filters = tuple(f"E_{n}: zone={z.zone}" for n, z in enumerate(cost.zones, 1))
            return _made(
                figure, subject, from_us, to_us, cost.cost, currency, formula, terms, cost.trust, filters=filters, notes=notes
            )
        value, unit = (cost.co2_kg, "kg") if figure == "co2" else (cost.fuel_t, "t")
        source = cost.co2_source if figure == "co2" else cost.fuel_source
        factor = value / cost.energy_kwh if value is not None and cost.energy_kwh else None
        per = f"{unit}/kWh"
        terms = [Term("E", cost.energy_kwh, "kWh", "counter"), Term("k", factor, per, "setting")]
        notes = () if value is not None else ("explain.note.no_factor",)
        filters = (f"source={source}",) if source else ()
        return _made(figure, subject, from_us, to_us, value, unit, "E * k", terms, cost.trust, filters=filters, notes=notes)

    async def _demand(self, figure: str, from_us: int, to_us: int) -> Explanation:
        found = await self._energy.demand(from_us, to_us)
        peak = found.peaks[0].window if found.peaks else None
        hours = found.window_min / 60.0
        value = peak.demand_kw if peak else None
        terms = [Term("W", None if value is None else value * hours, "kWh", "counter"), Term("T", hours, "h", "setting")]
        spans = tuple(Span(p.window.from_us, p.window.to_us, "demand", p.window.demand_kw, "kW") for p in found.peaks)
        gaps = tuple(Span(w.from_us, w.to_us, "no_data") for w in found.windows if not w.complete and not w.running)
        return _made(
            figure, SITE, from_us, to_us, value, "kW", "W / T", terms, found.trust, spans=spans, gaps=gaps,
            filters=(f"window={found.window_min} min", f"source={found.source}"),
        )  # fmt: skip

    async def _idle_ledger(self, figure: str, subject: str, from_us: int, to_us: int) -> Explanation:
        ledger = await self._idle.ledger(from_us, to_us)
        ids = set(machines_of(self._plant(), subject))
        mine = [entry for entry in ledger.entries if entry.machine_id in ids]
        sums: dict[str, float] = {}
        for entry in mine:
            sums[entry.reason] = sums.get(entry.reason, 0.0) + (entry.energy_kwh or 0.0)
        terms = [Term(f"E_{reason}", energy, "kWh", "counter") for reason, energy in sums.items()]
        total = sum(sums.values()) if mine else 0.0
        formula = " + ".join(term.symbol for term in terms) or "E_idle"
        return _made(
            figure, subject, from_us, to_us, total, "kWh", formula, terms, ledger.trust, spans=_spans(mine),
            filters=("state=idle",),
        )  # fmt: skip

    async def _curve(self, figure: str, part: str, subject: str, from_us: int, to_us: int) -> Explanation:
        curve = await self._energy.load_curve(subject, from_us, to_us)
        _symbol, formula, top, bottom = CURVE[part]
        names = formula.split(" / ")
        unit = "h" if part == "t_max_h" else "1"
        sources = {"rated_kw": "setting"}
        terms = [
            Term(name, getattr(curve, field), "kWh" if field == "energy_kwh" else "kW", sources.get(field, "counter"))
            for name, field in zip(names, (top, bottom), strict=True)
        ]
        notes = ("explain.note.no_rated_kw",) if curve.rated_kw is None and bottom == "rated_kw" else ()
        return _made(figure, subject, from_us, to_us, getattr(curve, part), unit, formula, terms, curve.trust, notes=notes)

    async def _kvar(self, figure: str, subject: str, from_us: int, to_us: int) -> Explanation:
        found = await self._energy.power_factor(subject, from_us, to_us)
        mean = None
        if found.required_kvar and found.high_tg_phi is not None and found.tg_limit is not None:
            mean = found.required_kvar / (found.high_tg_phi - found.tg_limit)
        terms = [
            Term("P", mean, "kW", "counter"), Term("tg_1", found.high_tg_phi, "1", found.source),
            Term("tg_2", found.tg_limit, "1", "setting"),
        ]  # fmt: skip
        return _made(
            figure, subject, from_us, to_us, found.required_kvar, "kvar", "P * (tg_1 - tg_2)", terms, found.trust,
            filters=("hours=high_load",), notes=() if found.tg_limit is not None else ("explain.note.no_tg_limit",),
        )  # fmt: skip

    async def _standby(self, figure: str, subject: str, from_us: int, to_us: int) -> Explanation:
        found = await self._adviser.of(subject)
        source = {name: "learned" if name in found.learned else "setting" for name in ("warm_up_kwh", "idle_kw", "off_kw")}
        facts = found.facts
        terms = [
            Term("E_warm", facts.warm_up_kwh, "kWh", source["warm_up_kwh"]),
            Term("P_idle", facts.idle_kw, "kW", source["idle_kw"]),
            Term("P_off", facts.off_kw, "kW", source["off_kw"]),
        ]  # fmt: skip
        hours = None if found.break_even_min is None else found.break_even_min / 60.0
        return _made(
            figure, subject, from_us, to_us, hours, "h", "E_warm / (P_idle - P_off)", terms, Trust(1.0, 0.0),
            filters=(f"pauses={found.pauses_known}",),
        )  # fmt: skip


def _spans(entries: Sequence[IdleEntry]) -> tuple[Span, ...]:
    longest = sorted(entries, key=lambda e: -(e.energy_kwh or 0.0))[:20]
    return tuple(Span(e.from_us, e.to_us, e.reason, e.energy_kwh, "kWh") for e in sorted(longest, key=lambda e: e.from_us))


def _made(
    figure: str, subject: str, from_us: int, to_us: int, value: float | None, unit: str, formula: str, terms: Sequence[Term],
    trust: Trust, *, spans: tuple[Span, ...] = (), gaps: tuple[Span, ...] = (), filters: tuple[str, ...] = (),
    notes: tuple[str, ...] = (),
) -> Explanation:
    version = RULE_VERSION if figure == "idle_ledger" else VERSION
    return Explanation(
        figure, version, subject, from_us, to_us, value, unit, formula, substitute(formula, terms), tuple(terms),
        explain_path(figure, subject, from_us, to_us), SOURCE, spans=spans, filters=filters, gaps=gaps,
        completeness=trust.completeness, estimated_share=trust.estimated_share, notes=notes,
    )  # fmt: skip
