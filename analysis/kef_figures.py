"""Opens the efficiency of a machine, a section or the site: the card's formula, its terms, the machines that are in and out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from analysis.accounting import EnergyAccounting
from analysis.basic_figures import explain_path, machines_of, stamp
from analysis.efficiency import together
from analysis.efficiency_service import EfficiencyService
from analysis.explanations import gaps_of, spans_of
from analysis.uncertainty import machine_limit
from domain.efficiency import CARDS, DEFAULT_CARD
from domain.energy import Efficiency
from domain.errors import NotFound
from domain.explain import Explanation, Span, Term, substitute
from domain.plant import Plant
from domain.ports import Clock
from domain.state import MachineState

KEF = "kef"
GROUP_FORMULA = {"K1": "E_prod / E_total"}


class KefFigures:
    """Implements domain.explain.Explains for "kef" (the own card) and "kef.K1", "kef.K2" ..."""

    def __init__(
        self, plant: Callable[[], Plant], service: EfficiencyService, accounting: EnergyAccounting, clock: Clock
    ) -> None:
        self._plant, self._service, self._accounting, self._clock = plant, service, accounting, clock

    async def explain(self, figure: str, subject: str, from_us: int, to_us: int, options: Mapping[str, str]) -> Explanation:
        """Raises NotFound."""
        card = figure.partition(".")[2] or options.get("card")
        if card is not None and card not in CARDS:
            raise NotFound("efficiency card", card, tuple(CARDS))
        ids = machines_of(self._plant(), subject)
        values = [await self._service.efficiency(machine_id, from_us, to_us, card) for machine_id in ids]
        notes: tuple[str, ...] = ()
        if len({value.card for value in values}) > 1:  # the one card that all of them have stands for the group
            values = [await self._service.of_account(v.account, DEFAULT_CARD) for v in values if v.account is not None]
            notes = ("kef.note.mixed",)
        if len(ids) == 1:
            return await self._of_machine(ids[0], values[0], subject, from_us, to_us)
        return _of_group(dict(zip(ids, values, strict=True)), subject, from_us, to_us, card, notes)

    async def _of_machine(self, machine_id: str, value: Efficiency, subject: str, from_us: int, to_us: int) -> Explanation:
        end_us = min(to_us, self._clock.now_us())
        intervals = await self._accounting.states(machine_id, from_us, to_us)
        above = CARDS[value.card].valid_states
        state = MachineState.PRODUCTION if above == {MachineState.PRODUCTION} else None
        path = f"/api/machines/{machine_id}/efficiency?card={value.card}&from={stamp(from_us)}&to={stamp(to_us)}"
        return _explanation(
            value, subject, from_us, to_us, value.formula, value.terms, path, () if value.reason is None else (value.reason,),
            spans=spans_of(intervals, end_us, state), gaps=gaps_of(intervals, end_us),
            uncertainty=self._uncertainty(machine_id, value),
        )  # fmt: skip

    def _uncertainty(self, machine_id: str, value: Efficiency) -> float | None:
        """Limits of error of the energies. One meter measures both sides of the line: for the quotient they are a ceiling."""
        return machine_limit(self._plant(), machine_id, value.estimated_share)


def _of_group(
    singles: Mapping[str, Efficiency], subject: str, from_us: int, to_us: int, card: str | None, notes: tuple[str, ...]
) -> Explanation:
    """The sum of the machines, each with its own figure; `card`: the one that was asked for."""
    value = together(list(singles.values()))
    members = tuple(Term(f"{v.card}_{n}", v.value, "1", machine) for n, (machine, v) in enumerate(singles.items(), 1))
    out = ("kef.note.left_out",) if any(v.reason is not None for v in singles.values()) else ()
    reasons = () if value.reason is None else (value.reason,)
    formula = GROUP_FORMULA.get(value.card, "E_above / E_below")
    path = explain_path(KEF if card is None else f"{KEF}.{card}", subject, from_us, to_us)
    return _explanation(value, subject, from_us, to_us, formula, (*value.terms, *members), path, (*reasons, *out, *notes))


def _explanation(
    value: Efficiency, subject: str, from_us: int, to_us: int, formula: str, terms: Sequence[Term], path: str,
    notes: tuple[str, ...], *, spans: tuple[Span, ...] = (), gaps: tuple[Span, ...] = (), uncertainty: float | None = None,
) -> Explanation:  # fmt: skip
    states = CARDS[value.card].valid_states
    filters = tuple(f"state={s.value}" for s in MachineState if s in states) if len(states) < len(MachineState) else ()
    options = {"card": value.card} | ({} if uncertainty is None else {"uncertainty": f"{uncertainty:.5f}"})
    return Explanation(
        f"{KEF}.{value.card}", value.version, subject, from_us, to_us, value.value, "1", formula, substitute(formula, terms),
        tuple(terms), path, "formulas.md#4", spans, filters, gaps, value.completeness, value.estimated_share, notes, options,
    )  # fmt: skip
