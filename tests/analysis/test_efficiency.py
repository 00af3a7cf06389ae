"""Efficiency cards: the golden example, a worked value each, sums of machines, what is missing."""

from __future__ import annotations

import pytest

from analysis.efficiency import Inputs, evaluate, together
from domain.efficiency import CARDS, KefSettings
from domain.energy import EnergyAccount
from domain.state import MachineState as M

HOUR_US = 3_600_000_000


def account(machine: str = "m", *, prod: float = 18.0, states: bool = True, completeness: float = 1.0, hours: int = 8) -> EnergyAccount:
    """3 h at 6 kW, 3.5 h idle at 2.4 kW, 1.5 h off at 0.1 kW."""
    by_kwh = {M.PRODUCTION: prod, M.IDLE: 8.4, M.OFF: 0.15}
    by_s = {M.PRODUCTION: 3 * 3600.0, M.IDLE: 3.5 * 3600, M.OFF: 1.5 * 3600}
    return EnergyAccount(
        machine, 0, hours * HOUR_US, sum(by_kwh.values()), 0.0, completeness, "counter",
        by_state_kwh=by_kwh if states else {}, by_state_s=by_s if states else {},
    )  # fmt: skip


def test_golden_example() -> None:
    assert evaluate("K1", Inputs(account())).value == pytest.approx(0.678, abs=5e-4)
    k2 = evaluate("K2", Inputs(account(), idle_kw=2.4))
    assert (k2.value, k2.numerator_kwh) == (pytest.approx(0.407, abs=5e-4), pytest.approx(10.8))


@pytest.mark.parametrize(
    ("card", "inputs", "value"),
    [
        ("K3", Inputs(account(), process_kwh=9.0), 9.0 / 26.55),
        ("K4", Inputs(account(), KefSettings("K4", norm_kwh_per_part=3.9), parts=7), 3.9 * 7 / 26.55),
        ("K5", Inputs(account(), KefSettings("K5", material_energy_kwh_per_part=0.9), parts=7, process_kwh=9.0), 0.7),
        (  # 7 parts of 20 min in 3 h of production, 6 of them good: 18 · 0.7778 · 0.857 / 26.55
            "K7", Inputs(account(), KefSettings("K7", ideal_s_per_part=1200), parts=7, good_parts=6),
            18 * (7 * 1200 / 10800) * (6 / 7) / 26.55,
        ),
        ("K7", Inputs(account(), KefSettings("K7", ideal_s_per_part=1200, good_share=0.5), parts=7), 18 * 7 / 9 * 0.5 / 26.55),
    ],
)  # fmt: skip
def test_a_worked_value_of_each_card(card: str, inputs: Inputs, value: float) -> None:
    found = evaluate(card, inputs)
    assert found.value == pytest.approx(value)
    assert found.reason is None
    assert found.value == pytest.approx(found.numerator_kwh / found.denominator_kwh)


@pytest.mark.parametrize(
    ("card", "inputs", "reason"),
    [
        ("K1", Inputs(account(states=False)), "no_states"),
        ("K2", Inputs(account()), "no_idle_power"),
        ("K3", Inputs(account()), "no_process_power"),
        ("K4", Inputs(account(), parts=7), "no_norm"),
        ("K4", Inputs(account(), KefSettings("K4", norm_kwh_per_part=3.9)), "no_parts"),
        ("K5", Inputs(account(), KefSettings("K5", material_energy_kwh_per_part=0.9), parts=7), "no_process_power"),
        ("K7", Inputs(account(), KefSettings("K7", ideal_s_per_part=60), parts=7), "no_quality"),
        ("K7", Inputs(account(), KefSettings("K7", good_share=1), parts=7), "no_ideal_time"),
        ("K1", Inputs(EnergyAccount("m", 0, HOUR_US, None, 0.0, 0.0, "none")), "no_energy"),
        ("K1", Inputs(EnergyAccount("m", 0, HOUR_US, 0.0, 0.0, 1.0, "counter", by_state_kwh={M.OFF: 0.0})), "no_energy"),
    ],
)  # fmt: skip
def test_a_missing_input_is_named_and_nothing_is_guessed(card: str, inputs: Inputs, reason: str) -> None:
    found = evaluate(card, inputs)
    assert (found.value, found.reason, found.complete) == (None, f"kef.reason.{reason}", False)


def test_completeness_is_that_of_the_weakest_input() -> None:
    half = evaluate("K3", Inputs(account(), process_kwh=9.0, process_share=0.5))
    assert (half.completeness, half.complete) == (0.5, False)
    assert not evaluate("K1", Inputs(account(completeness=0.9))).complete


def test_machines_are_summed_and_ratios_are_never_averaged() -> None:
    one, other = evaluate("K1", Inputs(account("a"))), evaluate("K1", Inputs(account("b", prod=200.0)))
    both = together([one, other])
    assert both.value == pytest.approx(218 / (26.55 + 208.55))
    assert both.value != pytest.approx(((one.value or 0) + (other.value or 0)) / 2, abs=0.01)
    assert {term.symbol: term.value for term in both.terms} == {"E_prod": pytest.approx(218), "E_total": pytest.approx(235.1)}


def test_completeness_of_a_sum_is_weighted_by_time() -> None:
    long, short = Inputs(account(hours=8)), Inputs(account(completeness=0.5, hours=2))
    assert together([evaluate("K1", long), evaluate("K1", short)]).completeness == pytest.approx((8 + 1) / 10)


def test_a_machine_without_a_value_is_left_out_and_makes_the_sum_incomplete() -> None:
    whole, none = evaluate("K1", Inputs(account("a"))), evaluate("K1", Inputs(account("b", states=False)))
    both = together([whole, none])
    assert (both.value, both.complete) == (whole.value, False)
    assert together([none]).reason == "kef.reason.no_states"


def test_different_cards_are_refused() -> None:
    with pytest.raises(ValueError, match="2 cards"):
        together([evaluate("K1", Inputs(account())), evaluate("K2", Inputs(account(), idle_kw=2.4))])


def test_every_card_has_a_formula_that_names_its_terms() -> None:
    everything = KefSettings("K7", 2.4, 3.9, "x.p", 0.9, 1200, None, 1.0)
    for card in CARDS.values():
        found = evaluate(card.id, Inputs(account(), everything, 2.4, parts=7, process_kwh=9.0))
        assert found.value is not None
        assert [term.symbol for term in found.terms if term.symbol not in card.formula] == []
