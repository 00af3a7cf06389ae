"""The basic figures opened: the worked example of docs/formulas.md through the real accounting, and what cannot be known."""

from __future__ import annotations

import pytest

from analysis.accounting import EnergyAccounting
from analysis.basic_figures import BasicFigures
from domain.errors import NotFound
from tests.analysis.fakes import H, MemoryHistory, MemoryStates, S, load, meter_device, plant_of
from tests.conftest import FakeClock

START = 1_763_000_000 * S // (24 * H) * (24 * H)
SHIFT = (START, START + 8 * H)
PARTS = [(6.0, 3 * 3600), (2.4, 12600), (0.1, 5400)]  # production, idle, off


@pytest.fixture
def figures() -> BasicFigures:
    history, clock = MemoryHistory(), FakeClock(SHIFT[1] + H)
    plant, tags = plant_of(meter_device("m1", scan_s=5), meter_device("m2", scan_s=5))
    load(history, tags, "m1", START - 600 * S, [(0.1, 600), *PARTS, (0.1, 600)], step_s=5)
    load(history, tags, "m2", START - 600 * S, [(0.1, 600), (1.0, 8 * 3600), (0.1, 600)], step_s=5)
    accounting = EnergyAccounting(lambda: plant, lambda: tags, history, MemoryStates(), clock)
    return BasicFigures(lambda: plant, lambda: tags, accounting, history, clock)


@pytest.mark.parametrize(
    ("figure", "value"),
    [
        ("energy", 26.55), ("average_power", 3.319), ("idle_share", 0.316), ("idle_time_share", 3.5 / 6.5),
        ("production_time_share", 3 / 8), ("state_time.idle", 12600), ("completeness", 1.0), ("load_factor", 26.55 / 8 / 6.0),
    ],
)  # fmt: skip
async def test_worked_example(figures: BasicFigures, figure: str, value: float) -> None:
    opened = await figures.explain(figure, "m1-m", *SHIFT, {})
    assert opened.value == pytest.approx(value, rel=2e-3)
    assert opened.completeness == pytest.approx(1.0, abs=1e-3)
    assert opened.api.startswith(f"/api/explain?figure={figure}&subject=m1-m&from=")


async def test_terms_of_energy_are_the_states_and_add_up(figures: BasicFigures) -> None:
    opened = await figures.explain("energy", "m1-m", *SHIFT, {})
    assert {term.symbol for term in opened.terms} >= {"E_prod", "E_idle", "E_off"}
    assert sum(term.value or 0 for term in opened.terms) == pytest.approx(opened.value)
    assert [span.what for span in opened.spans] == ["production", "idle", "off"]
    assert opened.formula.startswith("E_prod + ")
    assert "E_prod" not in opened.substituted


async def test_a_group_sums_its_machines(figures: BasicFigures) -> None:
    opened = await figures.explain("energy", "site", *SHIFT, {})
    assert opened.value == pytest.approx(26.55 + 8.0, rel=1e-3)
    assert [term.source for term in opened.terms] == ["m1-m", "m2-m"]
    share = await figures.explain("idle_share", "site", *SHIFT, {})
    assert share.value == pytest.approx((8.4 + 8.0) / 34.55, rel=2e-3), "sums, never a mean of ratios"


async def test_what_is_missing_is_told(figures: BasicFigures) -> None:
    opened = await figures.explain("tg_phi", "m1-m", *SHIFT, {})
    assert (opened.value, opened.notes) == (None, ("explain.note.no_reactive",))


@pytest.mark.parametrize(
    ("figure", "subject"), [("energy", "no-such"), ("energy", "section:none"), ("state_time.sleeping", "m1-m"), ("state_time", "m1-m")]
)
async def test_what_does_not_exist_is_named(figures: BasicFigures, figure: str, subject: str) -> None:
    with pytest.raises(NotFound):
        await figures.explain(figure, subject, *SHIFT, {})
