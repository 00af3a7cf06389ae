"""All machines in one table, in a real browser: search, states, groups, order, and what the address keeps of them."""

from __future__ import annotations

from typing import Any

from tests.browser.conftest import Visit, at

SHOWN = f"{at('machines-list')} tr[data-testid^=row-]"


async def rows(page: Any) -> list[str]:
    found = await page.eval_on_selector_all(SHOWN, "all => all.map((e) => e.dataset.testid)")
    return [str(testid).removeprefix("row-") for testid in found]


async def test_a_machine_is_found_by_a_word_of_its_section_and_the_address_keeps_it(visit: Visit) -> None:
    page = await visit("/machines")
    assert len(await rows(page)) == 12
    await page.fill(at("table-search"), "фрез 50")
    await page.wait_for_function("(where) => document.querySelectorAll(where).length === 1", arg=SHOWN)
    assert await rows(page) == ["dmu-50"]
    assert await page.inner_text(at("table-count")) == "1 / 12"
    await page.reload()
    await page.wait_for_selector(at("row-dmu-50"))
    assert await rows(page) == ["dmu-50"]
    await page.click(at("row-dmu-50"))
    await page.wait_for_url("**/machines/dmu-50")


async def test_states_are_chosen_with_one_click_and_let_go_with_another(visit: Visit) -> None:
    page = await visit("/machines")
    await page.click(at("kind-alarm"))
    await page.wait_for_function("(where) => document.querySelectorAll(where).length === 1", arg=SHOWN)
    assert await rows(page) == ["furnace-1"]
    assert "kind=alarm" in page.url
    await page.fill(at("table-search"), "нет такого")
    await page.wait_for_selector("text=Таких станков нет")
    await page.fill(at("table-search"), "")
    await page.click(at("kind-alarm"))
    await page.wait_for_function("(where) => document.querySelectorAll(where).length === 12", arg=SHOWN)
    assert "?" not in page.url


async def test_groups_fold_have_sums_and_dissolve_in_order_of_a_figure(visit: Visit) -> None:
    page = await visit("/machines?by=board")
    heads = page.locator(f"{at('machines-list')} .em-group")
    assert await heads.count() == 3
    assert "ЩР-1" in await heads.nth(0).inner_text()
    await heads.nth(0).locator("button").click()
    await page.wait_for_function("(where) => document.querySelectorAll(where).length === 8", arg=SHOWN)
    power = page.locator(f"{at('machines-list')} th:nth-child(4) button")
    await power.click()
    await power.click()  # the largest first
    await page.wait_for_function("(where) => document.querySelector(where).dataset.testid === 'row-furnace-1'", arg=SHOWN)
    assert (await heads.count(), len(await rows(page))) == (0, 12)
    await power.click()
    await page.wait_for_selector(f"{at('machines-list')} .em-group")
    await page.click(at("machines-by-section"))
    await page.wait_for_selector("[data-testid='group-Токарный участок']")
    assert "by=" not in page.url


async def test_figures_go_on_under_a_search(visit: Visit) -> None:
    page = await visit("/machines?find=СНО")
    power = f"{at('cell-furnace-1-power')}"
    before = await page.inner_text(power)
    await page.wait_for_function("([where, old]) => document.querySelector(where).innerText !== old", arg=[power, before])
    assert await rows(page) == ["furnace-1"]
