"""Cards of real windows: own and asked ones, groups that never mix cards, what the history teaches, closed shifts kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from analysis.shift_keeper import ShiftKeeper
from domain.balance import Metering
from domain.efficiency import KefSettings
from domain.energy import ShiftWindow
from domain.errors import NotFound
from tests.analysis.fakes import H
from tests.analysis.figure_shop import FIRST, SHIFT, Shop


async def test_the_worked_example_through_counter_and_states() -> None:
    shop = Shop(kef={"m1-m": KefSettings("K2", idle_kw=2.4)})
    own = await shop.service.efficiency("m1-m", *SHIFT)
    assert (own.card, own.value) == ("K2", pytest.approx(0.407, abs=1e-3))
    assert (await shop.service.efficiency("m1-m", *SHIFT, card="K1")).value == pytest.approx(0.678, abs=1e-3)
    with pytest.raises(NotFound, match="K9"):
        await shop.service.efficiency("m1-m", *SHIFT, card="K9")
    with pytest.raises(NotFound):
        await shop.service.efficiency("no-such", *SHIFT)


async def test_idle_power_is_learned_from_shifts_before_and_from_the_window_without_them() -> None:
    shop = Shop(kef={"m1-m": KefSettings("K2")})
    found = await shop.service.efficiency("m1-m", *SHIFT)
    idle = next(term for term in found.terms if term.symbol == "P_idle")
    assert (idle.value, idle.source) == (pytest.approx(2.4, rel=1e-3), "learned")
    shop = Shop(kef={"m1-m": KefSettings("K2")})
    before = shop.accounting.shifts(FIRST - 8 * H, FIRST)[0]
    account = replace((await shop.accounting.accounts_of(shop.accounting.shifts(*SHIFT)[0]))[0], from_us=before.from_us)
    kwh, seconds = dict(account.by_state_kwh), dict(account.by_state_s)
    await shop.shifts.save_shift_energy(
        ShiftWindow("3", date(2025, 11, 18), before.from_us, before.to_us),
        [replace(account, by_state_kwh={s: v / 2 for s, v in kwh.items()}, by_state_s=seconds)],
    )
    found = await shop.service.efficiency("m1-m", *SHIFT)
    assert next(t.value for t in found.terms if t.symbol == "P_idle") == pytest.approx(1.2, rel=1e-3)


async def test_a_site_of_one_card_is_one_sum() -> None:
    shop = Shop()
    (item,) = await shop.service.grouped("site", "total", *SHIFT)
    assert (item.group, item.members, item.mixed) == ("site", ("m1-m", "m2-m"), False)
    assert item.value.value == pytest.approx(18.0 / (26.55 + 8.0), rel=2e-3)
    assert [i.group for i in await shop.service.grouped("section", "total", *SHIFT)] == ["A", "B"]


async def test_machines_of_different_cards_stay_apart() -> None:
    shop = Shop(kef={"m1-m": KefSettings("K4", norm_kwh_per_part=3.9)})
    items = await shop.service.grouped("site", "total", *SHIFT)
    assert [(i.value.card, i.members, i.mixed) for i in items] == [("K4", ("m1-m",), True), ("K1", ("m2-m",), True)]
    (same,) = await shop.service.grouped("site", "total", *SHIFT, card="K1")
    assert (same.members, same.mixed) == (("m1-m", "m2-m"), False)


async def test_a_machine_without_a_value_is_named_with_its_reason() -> None:
    shop = Shop(kef={m: KefSettings("K4", norm_kwh_per_part=3.9) for m in ("m1-m", "m2-m")})
    (item,) = await shop.service.grouped("site", "total", *SHIFT)
    assert item.value.value == pytest.approx(3.9 * 7 / 26.55, rel=1e-3)
    assert item.left_out == (("m2-m", "kef.reason.no_parts"),)
    assert not item.value.complete


async def test_hours_add_up_to_the_shift() -> None:
    shop = Shop()
    hours = await shop.service.grouped("machine", "hour", *SHIFT)
    assert len(hours) == 16
    assert sum(i.value.numerator_kwh for i in hours if i.group == "m1-m") == pytest.approx(18.0, rel=2e-3)


async def test_closed_shifts_are_kept_with_card_and_version() -> None:
    shop = Shop(kef={"m1-m": KefSettings("K2", idle_kw=2.4)})
    keeper = ShiftKeeper(shop.accounting, shop.shifts, shop.clock)
    keeper.on_kept(shop.service.keep)
    await keeper.keep()
    _, kept = shop.cards.held[("m1-m", "1", date(2025, 11, 19))]
    assert (kept.value.card, kept.value.version, kept.value.value) == ("K2", 1, pytest.approx(0.407, abs=1e-3))
    assert ("m1-m", "2", date(2025, 11, 19)) not in shop.cards.held, "the running shift is not settled"


async def test_shifts_are_answered_from_stored_accounts_by_the_settings_of_now() -> None:
    shop = Shop(kef={"m1-m": KefSettings("K2", idle_kw=2.4)})
    keeper = ShiftKeeper(shop.accounting, shop.shifts, shop.clock)
    await keeper.keep()
    shop.history.series.clear()
    shop.accounting.invalidate(0, shop.clock.now_us())
    items = await shop.service.grouped("machine", "shift", *SHIFT)
    assert items[0].value.value == pytest.approx(0.407, abs=1e-3)
    machines = tuple(replace(m, kef=KefSettings("K2", idle_kw=1.2)) for m in shop.plant.machines)
    shop.plant = replace(shop.plant, machines=machines)
    changed = await shop.service.grouped("machine", "shift", *SHIFT)
    assert changed[0].value.value == pytest.approx((18 - 1.2 * 3) / 26.55, rel=2e-3)


async def test_a_changed_past_settles_its_shift_again() -> None:
    shop = Shop()
    keeper = ShiftKeeper(shop.accounting, shop.shifts, shop.clock)
    keeper.on_kept(shop.service.keep)
    await keeper.keep()
    shop.plant = replace(shop.plant, machines=tuple(replace(m, kef=KefSettings("K2", idle_kw=1.0)) for m in shop.plant.machines))
    keeper.mark(*SHIFT)
    await keeper.keep()
    assert shop.cards.held[("m1-m", "1", date(2025, 11, 19))][1].value.card == "K2"


async def test_parts_of_a_running_window_are_not_counted_at_every_refresh() -> None:
    shop = Shop(kef={"m1-m": KefSettings("K4", norm_kwh_per_part=3.9)})
    for _ in range(3):
        await shop.service.efficiency("m1-m", SHIFT[0], shop.clock.now_us())
    assert shop.parts.asked == 1


async def test_the_explanation_gives_formula_terms_and_the_call_that_gives_the_same() -> None:
    shop = Shop(kef={"m1-m": KefSettings("K2", idle_kw=2.4)}, classes=Metering(meter_class=1.0, ct_class=0.5))
    opened = await shop.figures.explain("kef", "m1-m", *SHIFT, {})
    assert (opened.figure, opened.version, opened.formula) == ("kef.K2", 1, "(E_prod − P_idle · t_prod) / E_total")
    assert opened.substituted == "(18 − 2.4 · 3) / 26.55"
    assert opened.api == "/api/machines/m1-m/efficiency?card=K2&from=2025-11-19T04:00:00.000Z&to=2025-11-19T12:00:00.000Z"
    assert [span.what for span in opened.spans] == ["production"]
    assert float(opened.options["uncertainty"]) == pytest.approx(0.0112, abs=5e-5)


async def test_the_explanation_of_a_mixed_shop_says_so() -> None:
    shop = Shop(kef={"m1-m": KefSettings("K2", idle_kw=2.4)})
    opened = await shop.figures.explain("kef", "site", *SHIFT, {})
    assert (opened.figure, opened.notes) == ("kef.K1", ("kef.note.mixed",))
    assert [term.symbol for term in opened.terms] == ["E_prod", "E_total", "K1_1", "K1_2"]
    one = await shop.figures.explain("kef", "section:A", *SHIFT, {})
    assert one.figure == "kef.K2"
    with pytest.raises(NotFound):
        await shop.figures.explain("kef.K6", "site", *SHIFT, {})
