"""Units convert once, and a unit that does not measure the quantity is refused."""

import pytest

from domain.quantity import Quantity, canonical_factor, units_of


@pytest.mark.parametrize(
    ("quantity", "unit", "factor"),
    [("active_power", "W", 1e-3), ("active_power", "MW", 1e3), ("energy_import", "Wh", 1e-3),
     ("reactive_energy_import", "varh", 1e-3), ("apparent_power", "VA", 1e-3),
     ("flow", "l/min", 0.06), ("power_factor", "%", 0.01), ("other", "Furlong", 1.0)],
)
def test_factor(quantity: str, unit: str, factor: float) -> None:
    assert canonical_factor(Quantity(quantity), unit) == pytest.approx(factor)


def test_wrong_unit_names_what_was_expected() -> None:
    with pytest.raises(ValueError, match="'V' does not measure active_power; expected one of W, kW, MW"):
        canonical_factor(Quantity.ACTIVE_POWER, "V")


def test_every_quantity_has_its_canonical_unit_among_its_units() -> None:
    for quantity in Quantity:
        if units_of(quantity):
            assert canonical_factor(quantity, quantity.unit) == 1.0
