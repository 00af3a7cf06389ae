"""Values of the efficiency cards (domain/efficiency.py). Pure: measured inputs in, a value with its terms or a reason out.

A card is a quotient of two energies [kWh]. Where an input is missing the value is None and the reason says which; nothing is
guessed. Machines and intervals of one card are summed above and below the line; cards of different kinds are never mixed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from analysis.energy import COMPLETE
from domain.efficiency import CARDS, Card, KefSettings
from domain.energy import Efficiency, EnergyAccount
from domain.explain import Term
from domain.state import MachineState

REASON = "kef.reason."
NO_SETTINGS = KefSettings()
Energies = tuple[float | None, float | None]  # above and below the line, kWh


@dataclass(frozen=True, slots=True)
class Inputs:
    """What one machine measured in one interval. `idle_kw` is the setting, or what the history teaches (`idle_learned`).

    `process_kwh`: integral of the process power; `process_share` and `parts_share`: 0..1, time in which they are known.
    """

    account: EnergyAccount
    settings: KefSettings = NO_SETTINGS
    idle_kw: float | None = None
    idle_learned: bool = False
    parts: int | None = None
    good_parts: int | None = None
    parts_share: float = 1.0
    process_kwh: float | None = None
    process_share: float = 1.0


@dataclass(frozen=True, slots=True)
class _Found:
    """Terms in the order of the formula; `missing` names the first input that is not there."""

    energies: Energies
    terms: tuple[Term, ...]
    missing: str | None = None
    share: float = 1.0


def evaluate(card_id: str, inputs: Inputs) -> Efficiency:
    """The card's value. Raises KeyError for a card that does not exist."""
    card, account = CARDS[card_id], inputs.account
    found = _FORMULAS[card_id](inputs)
    above, below = found.energies
    total = account.energy_kwh
    missing = "no_energy" if total is None or total <= 0 else found.missing
    if missing is None and (below is None or below <= 0):
        missing = "no_energy"
    value = above / below if missing is None and above is not None and below else None
    completeness = min(account.completeness, found.share)
    return Efficiency(
        card=card.id,
        version=card.version,
        formula=card.formula,
        value=value,
        numerator_kwh=above or 0.0 if missing is None else 0.0,
        denominator_kwh=below or 0.0,
        completeness=completeness,
        estimated_share=min(1.0, account.estimated_kwh / total) if total else 0.0,
        complete=value is not None and completeness >= COMPLETE,
        account=account,
        reason=None if missing is None else REASON + missing,
        terms=found.terms,
    )


def together(values: Sequence[Efficiency]) -> Efficiency:
    """Several machines or intervals of one card: sums above and below the line over those that have a value.

    Completeness is weighted by the length of the intervals, the estimated share by energy. Raises ValueError for no values or
    different cards.
    """
    kinds = {(value.card, value.version) for value in values}
    if len(kinds) != 1:
        raise ValueError(f"efficiencies of {len(kinds)} cards cannot be put together")
    known = [value for value in values if value.value is not None]
    above, below = sum(v.numerator_kwh for v in known), sum(v.denominator_kwh for v in known)
    weights = [_length(value) for value in known]
    completeness = sum(v.completeness * w for v, w in zip(known, weights, strict=True)) / sum(weights) if known else 0.0
    first = values[0]
    reasons = [value.reason for value in values if value.reason is not None]
    result = above / below if below > 0 else None
    return replace(
        first,
        value=result,
        numerator_kwh=above,
        denominator_kwh=below,
        completeness=completeness,
        estimated_share=sum(v.estimated_share * v.denominator_kwh for v in known) / below if below > 0 else 0.0,
        complete=result is not None and completeness >= COMPLETE and len(known) == len(values),
        account=None,
        reason=None if result is not None else reasons[0] if reasons else REASON + "no_energy",
        terms=_summed(CARDS[first.card], known, above, below),
    )


def _length(value: Efficiency) -> int:
    account = value.account
    return (account.to_us - account.from_us) or 1 if account is not None else 1


def _summed(card: Card, known: Sequence[Efficiency], above: float, below: float) -> tuple[Term, ...]:
    """Energies add up term by term; what does not (a power, a share) is left to the single machines."""
    if card.id == "K1":
        return Term("E_prod", above, "kWh", "sum"), Term("E_total", below, "kWh", "sum")
    return Term("E_above", above, "kWh", "sum"), Term("E_below", below, "kWh", "sum")


# -- the cards -------------------------------------------------------------------------------------------------------------


def _production(inputs: Inputs) -> tuple[float | None, float | None]:
    """(kWh, h) in state production; None without thresholds."""
    account = inputs.account
    if not account.by_state_kwh:
        return None, None
    seconds = account.by_state_s.get(MachineState.PRODUCTION, 0.0)
    return account.by_state_kwh.get(MachineState.PRODUCTION, 0.0), seconds / 3600.0


def _total(inputs: Inputs) -> Term:
    return Term("E_total", inputs.account.energy_kwh, "kWh", inputs.account.source)


def _missing(*wanted: tuple[str, object]) -> str | None:
    """The first input without a value."""
    return next((name for name, value in wanted if value is None), None)


def _k1(inputs: Inputs) -> _Found:
    """Productive-energy share."""
    energy, _ = _production(inputs)
    terms = (Term("E_prod", energy, "kWh", inputs.account.source), _total(inputs))
    return _Found((energy, inputs.account.energy_kwh), terms, _missing(("no_states", energy)))


def _k2(inputs: Inputs) -> _Found:
    """Useful energy above idle: the energy of production without what the machine would draw idling all that time."""
    energy, hours = _production(inputs)
    idle = inputs.idle_kw
    above = energy - idle * hours if energy is not None and hours is not None and idle is not None else None
    terms = (
        Term("E_prod", energy, "kWh", inputs.account.source),
        Term("P_idle", idle, "kW", "learned" if inputs.idle_learned else "setting"),
        Term("t_prod", hours, "h", "states"),
        _total(inputs),
    )
    return _Found((above, inputs.account.energy_kwh), terms, _missing(("no_states", energy), ("no_idle_power", idle)))


def _k3(inputs: Inputs) -> _Found:
    """Power efficiency: what spindle and axes take over all the machine takes, over the same time."""
    terms = (Term("E_process", inputs.process_kwh, "kWh", "power"), _total(inputs))
    missing = _missing(("no_process_power", inputs.process_kwh))
    return _Found((inputs.process_kwh, inputs.account.energy_kwh), terms, missing, inputs.process_share)


def _k4(inputs: Inputs) -> _Found:
    """Norm over fact: w_norm / (E_total / N)."""
    norm, parts = inputs.settings.norm_kwh_per_part, inputs.parts
    above = norm * parts if norm is not None and parts is not None else None
    terms = (Term("w_norm", norm, "kWh", "setting"), Term("N", parts, "1", "parts"), _total(inputs))
    missing = _missing(("no_norm", norm), ("no_parts", parts))
    return _Found((above, inputs.account.energy_kwh), terms, missing, inputs.parts_share)


def _k5(inputs: Inputs) -> _Found:
    """Specific-energy criterion: energy the material needs over energy in the cutting zone."""
    material, parts = inputs.settings.material_energy_kwh_per_part, inputs.parts
    above = material * parts if material is not None and parts is not None else None
    terms = (
        Term("e_material", material, "kWh", "setting"),
        Term("N", parts, "1", "parts"),
        Term("E_process", inputs.process_kwh, "kWh", "power"),
    )
    missing = _missing(("no_material_energy", material), ("no_parts", parts), ("no_process_power", inputs.process_kwh))
    return _Found((above, inputs.process_kwh), terms, missing, min(inputs.parts_share, inputs.process_share))


def _k7(inputs: Inputs) -> _Found:
    """K1 weighted with performance (ideal time of the parts over production time) and quality (good over all parts)."""
    energy, hours = _production(inputs)
    performance, quality = performance_of(inputs, hours), quality_of(inputs)
    above = energy * performance * quality if None not in {energy, performance, quality} else None  # type: ignore[operator]
    terms = (
        Term("E_prod", energy, "kWh", inputs.account.source),
        Term("a_perf", performance, "1", "parts"),
        Term("a_qual", quality, "1", "parts" if inputs.good_parts is not None else "setting"),
        _total(inputs),
    )
    missing = _missing(
        ("no_states", energy), ("no_ideal_time", inputs.settings.ideal_s_per_part), ("no_parts", inputs.parts),
        ("no_quality", quality), ("no_production", performance),
    )  # fmt: skip
    return _Found((above, inputs.account.energy_kwh), terms, missing, inputs.parts_share)


def performance_of(inputs: Inputs, production_h: float | None) -> float | None:
    """Ideal time of the parts over the time in production."""
    ideal = inputs.settings.ideal_s_per_part
    if ideal is None or inputs.parts is None or not production_h:
        return None
    return ideal * inputs.parts / (production_h * 3600.0)


def quality_of(inputs: Inputs) -> float | None:
    """Good parts over all parts where both are counted, else the share that was set."""
    if inputs.good_parts is not None and inputs.parts:
        return inputs.good_parts / inputs.parts
    return inputs.settings.good_share


_FORMULAS: Mapping[str, Callable[[Inputs], _Found]] = {"K1": _k1, "K2": _k2, "K3": _k3, "K4": _k4, "K5": _k5, "K7": _k7}
