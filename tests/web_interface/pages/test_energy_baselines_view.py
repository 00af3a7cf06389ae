"""The tabs of baselines and of the balance: plain verdicts, bounds beside figures, sentences of findings in both languages."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from analysis.baseline import MAX_CONDITION, MAX_CV_RMSE, MAX_NMBE, MAX_P, MIN_POINTS, MIN_R2
from domain.balance import BalanceFinding, FaultKind
from domain.baseline import Baseline, Period, Reason
from tests.web_interface import fake_shop as shop
from tests.web_interface.fake_balance import FakeBalance
from tests.web_interface.fake_baselines import fake_baselines
from tests.web_interface.fakes import build_services
from tests.web_interface.memory_stores import MemoryAudit
from web_interface.format import Format
from web_interface.locale import has
from web_interface.pages import energy_balance_view as balance
from web_interface.pages import energy_baselines_view as view

ZONE = ZoneInfo("Europe/Moscow")
RU, EN = Format("ru", ZONE), Format("en", ZONE)
CLOCK = shop.ShopClock(running=False)
SERVICE = fake_baselines(CLOCK, MemoryAudit())
REASONS = (
    "no_variables", "few_points", "constant", "constant_energy", "dependent", "low_r2", "high_cv_rmse", "high_nmbe", "high_p", "collinear",
    "missing", "no_periods", "extrapolation", "missing_periods", "left_out",
)  # fmt: skip


async def stored(number: int) -> Baseline:
    return await SERVICE.get(number)


async def test_the_verdict_is_one_plain_sentence() -> None:
    baseline = await stored(1)
    found = await SERVICE.savings(1, baseline.definition.train_to_us, CLOCK.now_us())
    tone, words = view.verdict(found, EN)
    assert (tone, words[:6]) == ("good", "Saved ")
    assert "in 19 days" in words
    wasted = replace(found, saving_kwh=-(found.saving_kwh or 0), improvement=-(found.improvement or 0))
    assert view.verdict(wasted, RU)[0] == "alarm"
    assert view.verdict(wasted, RU)[1].startswith("Перерасход")
    small = replace(found, saving_kwh=10.0)
    assert view.verdict(small, RU)[0] == "quiet"


async def test_no_saving_is_shown_where_the_model_fails() -> None:
    baseline = await stored(2)
    found = await SERVICE.savings(2, baseline.definition.train_to_us, CLOCK.now_us())
    assert view.verdict(found, RU)[1].startswith("Экономия не показана")
    bad = {row["id"] for row in view.validity_rows(baseline.fit, "day", RU) if row["cells"]["mark"]["tone"] == "alarm"}
    assert bad == {"r2", "cv_rmse"}
    (row,) = view.coefficient_rows(baseline, build_services(CLOCK).plant.plant, RU)
    assert row["cells"]["p"]["tone"] == "alarm"


def test_bounds_shown_are_the_bounds_judged_by() -> None:
    assert (view.MIN_POINTS, view.MIN_R2, view.MAX_P, view.MAX_CONDITION) == (MIN_POINTS, MIN_R2, MAX_P, MAX_CONDITION)
    for period in Period:
        shown = view.HOUR_BOUNDS if period in {Period.HOUR, Period.SHIFT} else view.DAY_BOUNDS
        assert shown == (MAX_CV_RMSE[period], MAX_NMBE[period])


@pytest.mark.parametrize("fmt", [RU, EN], ids=["ru", "en"])
@pytest.mark.parametrize("key", REASONS)
def test_every_reason_says_what_is_wrong_and_what_would_help(key: str, fmt: Format) -> None:
    values = dict.fromkeys(("n", "needed", "value", "bound", "condition", "missing", "total", "counted", "left_out"), 2.0)
    wrong, fix = view.reason_words(Reason(key, {**values, "variable": "parts", "variables": "a, b"}), fmt)
    assert wrong
    assert fix
    assert "baseline." not in wrong + fix
    assert "{" not in wrong + fix


@pytest.mark.parametrize("fmt", [RU, EN], ids=["ru", "en"])
@pytest.mark.parametrize("kind", FaultKind)
def test_every_fault_has_evidence_and_a_fix(kind: FaultKind, fmt: Format) -> None:
    plant = build_services(CLOCK).plant.plant
    fault, evidence, fix = balance.finding_words(BalanceFinding(0, kind, "m1", 0.8, 0, 1), plant, fmt)
    assert fault
    assert "balance." not in evidence + fix
    assert "{" not in evidence + fix
    assert has(f"alert.balance.{kind.value}", fmt.lang)


async def test_a_finding_names_the_machine_first() -> None:
    plant = build_services(CLOCK).plant.plant
    report = await FakeBalance(CLOCK).report(shop.START_US - shop.DAY_US, shop.START_US)
    first = report.findings[0]
    assert balance.meter_name(first.device_id, plant, "ru") == "3М151"
    fault, evidence, fix = balance.finding_words(first, plant, RU)
    assert fault == "трансформатор тока включён наоборот"
    assert "Фаза L2" in evidence
    assert "И1 и И2" in fix
    assert "не сходится" in balance.node_words(report.nodes[0], plant, RU)


async def test_gaps_break_the_lines_and_are_hatched() -> None:
    baseline = await stored(1)
    found = await SERVICE.savings(1, baseline.definition.train_to_us, CLOCK.now_us())
    options = view.energy_chart(found.points, RU)
    measured = options["series"][1]
    assert [y for _, y in measured["data"]].count(None) == 1
    assert len(measured["markArea"]["data"]) == 1
    assert view.latest(await SERVICE.all())[0].id == 1
