"""The basic figures of a window opened: energy, time in a state, mean power, load factor, shares, tg φ. Pure.

Each function takes what was measured and returns the figure's name, value, formula and terms; the service in basic_figures.py
adds where, when and how far to trust it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis.energy import US_PER_HOUR, load_factor, power_factor_of, tangent_phi
from domain.energy import EnergyAccount
from domain.explain import Span, Term
from domain.state import MachineState, StateInterval

MOST_SPANS = 60  # of an explanation; longer ones are joined in their sum anyway
SYMBOL_OF = {
    MachineState.PRODUCTION: "prod", MachineState.IDLE: "idle", MachineState.OFF: "off",
    MachineState.ALARM: "alarm", MachineState.NO_DATA: "nodata",
}


@dataclass(frozen=True, slots=True)
class Opened:
    """A figure with its formula; `value` None where a term it needs is unknown."""

    value: float | None
    unit: str
    formula: str
    terms: tuple[Term, ...]
    source: str
    filters: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Measured:
    """What the basic figures are made of. `accounts`: one a machine; `elapsed_us` of the window so far, once."""

    accounts: Sequence[EnergyAccount]
    elapsed_us: int
    maximum_kw: float | None = None  # highest mean of a minute
    reactive_kvarh: float | None = None

    @property
    def energy_kwh(self) -> float | None:
        """Of all machines whose energy is known; None when none is."""
        known = [a.energy_kwh for a in self.accounts if a.energy_kwh is not None]
        return sum(known) if known else None

    @property
    def source(self) -> str:
        """counter, integrated_power, or mixed."""
        sources = {a.source for a in self.accounts if a.energy_kwh is not None}
        return sources.pop() if len(sources) == 1 else "mixed" if sources else "none"

    def state_kwh(self, state: MachineState) -> float:
        """Energy of all machines in that state."""
        return sum(a.by_state_kwh.get(state, 0.0) for a in self.accounts)

    def state_s(self, state: MachineState) -> float:
        """Time of all machines in that state."""
        return sum(a.by_state_s.get(state, 0.0) for a in self.accounts)

    @property
    def has_states(self) -> bool:
        """Is the energy split by states?"""
        return any(a.by_state_kwh for a in self.accounts)


def energy(m: Measured) -> Opened:
    """E = sum over the states of one machine, or over the machines of a group. kWh."""
    if len(m.accounts) == 1 and m.has_states:
        found = [s for s in SYMBOL_OF if s in m.accounts[0].by_state_kwh]
        terms = tuple(Term(f"E_{SYMBOL_OF[s]}", m.state_kwh(s), "kWh", m.source) for s in found)
        return Opened(m.energy_kwh, "kWh", " + ".join(term.symbol for term in terms) or "E_total", terms, "formulas.md#3")
    if len(m.accounts) == 1:
        return Opened(m.energy_kwh, "kWh", "E_total", (Term("E_total", m.energy_kwh, "kWh", m.source),), "formulas.md#3")
    terms = tuple(Term(f"E_{n}", a.energy_kwh, "kWh", a.machine_id) for n, a in enumerate(m.accounts, 1))
    notes = ("explain.note.machine_unknown",) if any(a.energy_kwh is None for a in m.accounts) else ()
    return Opened(m.energy_kwh, "kWh", " + ".join(term.symbol for term in terms), terms, "formulas.md#3", notes=notes)


def state_time(m: Measured, state: MachineState) -> Opened:
    """Sum of the intervals in that state, cut at the window. s."""
    terms = (Term(f"t_{SYMBOL_OF[state]}", m.state_s(state), "s", "states"),)
    known = any(a.by_state_s for a in m.accounts)
    return Opened(
        m.state_s(state) if known else None, "s", terms[0].symbol, terms, "formulas.md#2", (f"state={state.value}",),
        () if known else ("explain.note.no_states",),
    )  # fmt: skip


def average_power(m: Measured) -> Opened:
    """P_avg = E / t. kW."""
    hours = m.elapsed_us / US_PER_HOUR
    total = m.energy_kwh
    value = total / hours if total is not None and hours > 0 else None
    terms = (Term("E_total", total, "kWh", m.source), Term("t", hours, "h", "window"))
    return Opened(value, "kW", "E_total / t", terms, "formulas.md#3")


def load(m: Measured) -> Opened:
    """Load factor (заполнение графика) = P_avg / P_max; P_max is the highest mean of a minute."""
    average = average_power(m)
    value = load_factor(average.value, m.maximum_kw) if average.value is not None and m.maximum_kw is not None else None
    terms = (*average.terms, Term("P_max", m.maximum_kw, "kW", "power"))
    return Opened(value, "1", "(E_total / t) / P_max", terms, "formulas.md#3")


def idle_share(m: Measured) -> Opened:
    """E_idle / E_total."""
    total, idle = m.energy_kwh, m.state_kwh(MachineState.IDLE) if m.has_states else None
    value = idle / total if total and idle is not None else None
    terms = (Term("E_idle", idle, "kWh", m.source), Term("E_total", total, "kWh", m.source))
    notes = () if m.has_states else ("explain.note.no_states",)
    return Opened(value, "1", "E_idle / E_total", terms, "formulas.md#4", notes=notes)


def idle_time_share(m: Measured) -> Opened:
    """t_idle / (t_prod + t_idle)."""
    idle, production = m.state_s(MachineState.IDLE), m.state_s(MachineState.PRODUCTION)
    value = idle / (idle + production) if idle + production > 0 else None
    terms = (Term("t_idle", idle / 3600, "h", "states"), Term("t_prod", production / 3600, "h", "states"))
    return Opened(value, "1", "t_idle / (t_prod + t_idle)", terms, "formulas.md#4")


def production_time_share(m: Measured) -> Opened:
    """k_t = t_prod / t, the power-based stand-in for utilisation."""
    hours = m.elapsed_us * max(1, len(m.accounts)) / US_PER_HOUR
    production = m.state_s(MachineState.PRODUCTION) / 3600
    known = any(a.by_state_s for a in m.accounts)
    terms = (Term("t_prod", production if known else None, "h", "states"), Term("t", hours, "h", "window"))
    value = production / hours if known and hours > 0 else None
    return Opened(value, "1", "t_prod / t", terms, "formulas.md#4", notes=() if known else ("explain.note.no_states",))


def tangent(m: Measured) -> Opened:
    """tg φ = W_Q / W_P over the interval. kvarh/kWh."""
    total, reactive = m.energy_kwh, m.reactive_kvarh
    value = tangent_phi(reactive, total) if reactive is not None and total is not None else None
    notes = () if reactive is not None else ("explain.note.no_reactive",)
    return Opened(value, "1", "W_Q / W_P", _powers(m), "formulas.md#3", notes=notes)


def power_factor(m: Measured) -> Opened:
    """cos φ of an interval from its energies."""
    total, reactive = m.energy_kwh, m.reactive_kvarh
    value = power_factor_of(reactive, total) if reactive is not None and total is not None else None
    notes = () if reactive is not None else ("explain.note.no_reactive",)
    return Opened(value, "1", "W_P / √(W_P² + W_Q²)", _powers(m), "formulas.md#3", notes=notes)


def _powers(m: Measured) -> tuple[Term, ...]:
    return Term("W_Q", m.reactive_kvarh, "kvarh", "counter"), Term("W_P", m.energy_kwh, "kWh", m.source)


def completeness(m: Measured) -> Opened:
    """Time in which energy and state are known over the elapsed time of all machines."""
    hours = m.elapsed_us / US_PER_HOUR
    known = sum(a.completeness for a in m.accounts) * hours
    terms = (Term("t_known", known, "h", "states"), Term("t", hours * len(m.accounts), "h", "window"))
    value = known / (hours * len(m.accounts)) if hours > 0 and m.accounts else None
    return Opened(value, "1", "t_known / t", terms, "formulas.md#3")


FIGURES = {
    "energy": energy, "average_power": average_power, "load_factor": load, "idle_share": idle_share,
    "idle_time_share": idle_time_share, "production_time_share": production_time_share, "tg_phi": tangent,
    "cos_phi": power_factor, "completeness": completeness,
}  # fmt: skip


def spans_of(intervals: Sequence[StateInterval], end_us: int, state: MachineState | None = None) -> tuple[Span, ...]:
    """State intervals as spans in time order, the longest ones when there are many; `state` picks one state."""
    chosen = [i for i in intervals if i.state is not MachineState.NO_DATA and state in {None, i.state}]
    if len(chosen) > MOST_SPANS:
        longest = sorted(chosen, key=lambda i: (i.to_us or end_us) - i.from_us, reverse=True)[:MOST_SPANS]
        chosen = sorted(longest, key=lambda i: i.from_us)
    return tuple(Span(i.from_us, i.to_us or end_us, i.state.value, i.energy_kwh, "kWh") for i in chosen)


def gaps_of(intervals: Sequence[StateInterval], end_us: int) -> tuple[Span, ...]:
    """Stretches without data, with the energy that the counter says was used in them."""
    missing = [i for i in intervals if i.state is MachineState.NO_DATA]
    return tuple(Span(i.from_us, i.to_us or end_us, "no_data", i.energy_kwh, "kWh") for i in missing[:MOST_SPANS])


def trust(accounts: Sequence[EnergyAccount]) -> Mapping[str, float]:
    """completeness and estimated_share of several accounts over one window: sums, never means of ratios."""
    total = sum(a.energy_kwh or 0.0 for a in accounts)
    estimated = sum(a.estimated_kwh for a in accounts)
    return {
        "completeness": sum(a.completeness for a in accounts) / len(accounts) if accounts else 0.0,
        "estimated_share": min(1.0, estimated / total) if total > 0 else 0.0,
    }
