"""Trends in a real browser: what is drawn, zoomed, compared, said of quality, and kept in the address."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.browser.conftest import Visit
from tests.web_interface.fakes import PASSWORD

POWER, VOLTAGE, LOST = "m1.active_power", "m1.voltage_l1", "m7.active_power"
PHONE = {"width": 390, "height": 844}


def at(testid: str) -> str:
    """Selector of a data-testid that may hold a tag's name."""
    return f'[data-testid="{testid}"]'


async def drawn(page: Any) -> None:
    await page.wait_for_selector(f"{at('trend-view')}[data-state=ready], .em-trend[data-state=ready]")


async def address(page: Any) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


async def test_it_stands_in_the_navigation_and_starts_with_the_power_of_the_shop(visit: Visit) -> None:
    page = await visit("/", user="viewer")
    await page.click(at("rail-trends"))
    await drawn(page)
    assert await page.inner_text(at("page-title")) == "Тренды"
    assert await page.locator(at("row-main.active_power")).count() == 1
    assert await page.locator(f"{at('trend-pad')} canvas").count() >= 1


async def test_zooming_in_loads_finer_tiers_down_to_samples_and_the_address_keeps_it(visit: Visit) -> None:
    page = await visit(f"/trends?tag={POWER}&period=7d")
    await drawn(page)
    steps = [await page.inner_text(at("trend-step"))]
    for _ in range(12):
        async with page.expect_response(lambda r: "/api/trends" in r.url):  # it may come at once
            await page.click(at("trend-zoom-in"))
            await page.wait_for_function("document.querySelector('.em-trend').dataset.zoomed === 'true'")
        await page.wait_for_timeout(50)
        steps.append(await page.inner_text(at("trend-step")))
    assert list(dict.fromkeys(steps)) == ["шаг 15 мин, авто", "шаг 1 мин, авто", "каждое измерение, авто"]
    await page.wait_for_selector(".em-trend[data-settled=true]")
    span = await page.inner_text(at("trend-span"))
    await page.reload()
    await drawn(page)
    assert await page.inner_text(at("trend-span")) == span
    await page.click(at("period-7d"))
    await page.wait_for_function("location.search.includes('period=7d')")


async def test_the_keyboard_moves_the_cursor_zooms_and_pans(visit: Visit) -> None:
    page = await visit(f"/trends?tag={POWER}&tag={VOLTAGE}&period=shift")
    await drawn(page)
    await page.focus(at("trend-pad"))
    await page.keyboard.press("Home")
    first = await page.inner_text(at("cursor-time"))
    await page.keyboard.press("ArrowRight")
    assert await page.inner_text(at("cursor-time")) != first
    assert "кВт" in await page.inner_text(at(f"value-{POWER}"))
    assert "В" in await page.inner_text(at(f"value-{VOLTAGE}"))
    assert "Активная мощность" in await page.inner_text(".em-trend-main [aria-live]")
    span = await page.inner_text(at("trend-span"))
    await page.keyboard.press("+")
    closer = await page.inner_text(at("trend-span"))
    await page.keyboard.press("Shift+ArrowRight")
    assert len({span, closer, await page.inner_text(at("trend-span"))}) == 3
    await page.keyboard.press("0")
    assert await page.inner_text(at("trend-span")) == span


async def test_a_lost_meter_is_said_in_words_beside_the_chart(visit: Visit) -> None:
    page = await visit(f"/trends?tag={LOST}&tag={POWER}&period=shift")
    await drawn(page)
    quality = await page.inner_text(at("trend-quality"))
    assert "HAAS VF-2" in quality
    assert "нет" in quality.lower()
    await page.click(f"{at('trend-quality')} .em-trend-jump")
    await page.wait_for_function("document.querySelector('.em-trend').dataset.zoomed === 'true'")


async def test_comparison_with_another_day_gives_both_values_and_what_is_between(visit: Visit) -> None:
    page = await visit(f"/trends?tag={POWER}&period=shift")
    await drawn(page)
    await page.click(at("compare"))
    await page.click(at("compare-day"))
    await page.wait_for_selector(at(f"compared-{POWER}"))
    words = await page.inner_text(at(f"compared-{POWER}"))
    assert "18.11.2026" in words
    assert (await address(page))["compare"] == ["day"]
    await page.click(at("compare"))
    await page.fill(at("compare-date"), "2026-11-10")
    await page.wait_for_function("location.search.includes('compare=2026-11-10')")
    await page.wait_for_selector(f"{at(f'compared-{POWER}')}:has-text('10.11.2026')")


async def test_an_alert_stands_on_the_axis_and_a_click_opens_it(visit: Visit) -> None:
    page = await visit("/trends?tag=m11.active_power&period=today")
    await drawn(page)
    mark = page.locator(at("trend-alert-1"))
    assert "Печь" in await mark.get_attribute("title")
    await mark.click()
    await page.wait_for_selector(at("alert-panel"))
    assert parse_qs(urlsplit(page.url).query) == {"mode": ["history"], "id": ["1"]}


async def test_tags_are_found_by_words_and_chosen_by_keyboard(visit: Visit) -> None:
    page = await visit(f"/trends?tag={POWER}&period=shift")
    await drawn(page)
    await page.click(at("trend-add"))
    await page.wait_for_selector(at("picker-search"))
    await page.keyboard.type("печь ток l2")
    await page.wait_for_selector(at("pick-m11.current_l2"))
    assert await page.locator(".em-picker-item").count() == 1
    await page.focus(at("pick-m11.current_l2"))
    await page.keyboard.press("Space")
    await page.wait_for_selector(at("row-m11.current_l2"))
    await page.click(at("picker-done"))
    assert (await address(page))["tag"] == [POWER, "m11.current_l2"]
    await page.click(at(f"remove-{POWER}"))
    await page.wait_for_selector(at(f"row-{POWER}"), state="detached")
    assert (await address(page))["tag"] == ["m11.current_l2"]


async def test_an_unknown_tag_is_explained_and_the_rest_is_drawn(visit: Visit) -> None:
    page = await visit(f"/trends?tag=m1.active_powr&tag={VOLTAGE}&tag=ctx.program&tag=m0.active_power&period=shift")
    await drawn(page)
    assert "m1.active_powr" in await page.inner_text(at("missing-m1.active_powr"))
    assert "текст" in await page.inner_text(at("text-ctx.program"))
    assert "больше нет в составе" in await page.inner_text(at("row-m0.active_power"))
    await page.click(f"{at('missing-m1.active_powr')} button:has-text('{POWER}')")
    await page.wait_for_selector(at(f"row-{POWER}"))
    assert await page.locator(at("missing-m1.active_powr")).count() == 0


@pytest.mark.parametrize(
    ("period", "words"),
    [("period=custom&from=2026-11-12&to=2026-11-01T00:00", "раньше начала"), ("period=custom&from=x&to=y", "Такого времени нет")],
)
async def test_a_period_that_is_none_is_explained_and_today_is_shown(visit: Visit, period: str, words: str) -> None:
    page = await visit(f"/trends?tag={POWER}&{period}")
    await drawn(page)
    assert words in await page.inner_text(at("note-window"))
    assert await page.inner_text(at("trend-span")) == "19.11.2026"


async def test_a_hundred_years_are_drawn_and_own_times_are_asked_for(visit: Visit) -> None:
    page = await visit(f"/trends?tag={POWER}&period=custom&from=1971-01-01&to=2071-01-01")
    await drawn(page)
    await page.click(at("period-custom"))
    await page.fill(at("custom-from"), "2026-11-19T07:00")
    await page.fill(at("custom-to"), "2026-11-19T06:00")
    await page.click(at("custom-show"))
    await page.wait_for_selector(f"{at('custom-wrong')}:has-text('раньше начала')")
    await page.fill(at("custom-to"), "2026-11-19T09:00")
    await page.click(at("custom-show"))
    await page.wait_for_function("document.querySelector('[data-testid=trend-span]').innerText === '19.11.2026, 07:00–09:00'")


async def test_the_present_period_follows_new_samples(visit: Visit) -> None:
    page = await visit(f"/trends?tag={POWER}&period=shift")
    await drawn(page)
    await page.wait_for_selector(at("trend-live"))
    async with page.expect_response(lambda r: "/api/trends" in r.url, timeout=40_000):
        pass
    await page.click(at("period-yesterday"))
    await page.wait_for_selector(at("trend-live"), state="detached")


async def test_on_a_phone_all_is_reachable(visit: Visit) -> None:
    page = await visit(f"/trends?tag={POWER}&tag={VOLTAGE}&period=shift&compare=day", viewport=PHONE)
    await drawn(page)
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= PHONE["width"]
    for name in ("trend-zoom-in", f"remove-{POWER}", "trend-add"):
        box = await page.locator(at(name)).bounding_box()
        assert (min(box["width"], box["height"]) >= 44, box["x"] + box["width"] <= PHONE["width"]) == (True, True), name


async def test_a_view_is_saved_shared_opened_by_another_and_two_who_change_it_are_told(visit: Visit) -> None:
    mine = await visit(f"/trends?tag={POWER}&period=shift", user="engineer")
    await drawn(mine)
    await mine.click(at("trends-views"))
    await mine.click(at("view-create"))
    await mine.wait_for_selector(f"{at('view-wrong')}:has-text('название')")
    await mine.fill(f"{at('views')} input[type=text]", "Токарный")
    await mine.click(at("view-share"))
    await mine.click(at("view-create"))
    await mine.wait_for_function("location.search.includes('view=')")
    assert await mine.inner_text(at("trends-title")) == "Токарный"

    theirs = await visit("/trends", user="admin")
    await drawn(theirs)
    await theirs.click(at("trends-views"))
    await theirs.click(".em-views-open")
    await theirs.wait_for_selector(at(f"row-{POWER}"))
    await theirs.click(at("period-7d"))
    await theirs.wait_for_selector(f"{at('trends-touched')}:visible")
    await theirs.click(at("trends-views"))
    await theirs.click(at("view-save"))
    await theirs.wait_for_selector(at("trends-touched"), state="hidden")

    await mine.wait_for_selector(f"{at('note-newer')}:has-text('admin')")
    await mine.click(at("trends-views"))
    await mine.click(at("view-save"))
    await mine.wait_for_selector(at("view-changed"))
    await mine.click(at("view-theirs"))
    await mine.wait_for_function("location.search.includes('period=7d')")
    viewer = await visit(mine.url.removeprefix(mine.url.split("/trends")[0]).split("?")[0] + "?view=1", user="viewer")
    await drawn(viewer)
    assert await viewer.inner_text(at("trends-title")) == "Токарный"
    await viewer.click(at("trends-views"))
    assert await viewer.locator(at("view-save")).count() == 0, "a viewer changes no view of others"
    lost = await visit(f"/trends?view=999&tag={POWER}", user="viewer")
    assert "нет" in await lost.inner_text(at("note-view"))


async def test_what_is_shown_leaves_as_files(visit: Visit) -> None:
    page = await visit(f"/trends?tag={POWER}&tag={VOLTAGE}&period=shift&compare=day", user="viewer")
    await drawn(page)
    starts = {"csv": b"tag,unit,", "xlsx": b"PK", "parquet": b"PAR1", "png": b"\x89PNG"}
    for kind, start in starts.items():
        await page.click(at("trends-export"))
        async with page.expect_download() as found:
            await page.click(at(f"export-{kind}"))
        download = await found.value
        assert download.suggested_filename == f"trends-2026-11-19.{kind}"
        with open(await download.path(), "rb") as content:  # noqa: ASYNC230, PTH123 - a small file of our own
            assert content.read(len(start)) == start


async def test_the_selection_survives_the_login(browser: Any, site: str) -> None:
    context = await browser.new_context(locale="ru-RU")
    page = await context.new_page()
    await page.goto(f"{site}/trends?tag={POWER}&tag={VOLTAGE}&period=yesterday&compare=week&right=kW")
    await page.fill("input[name=name]", "viewer")
    await page.fill("input[name=password]", PASSWORD)
    await page.press("input[name=password]", "Enter")
    await drawn(page)
    said = await address(page)
    assert (said["tag"], said["period"], said["compare"], said["right"]) == ([POWER, VOLTAGE], ["yesterday"], ["week"], ["kW"])
    assert await page.locator(at(f"compared-{VOLTAGE}")).count() == 1
    await context.close()


async def test_when_the_database_is_away_the_page_stands_and_goes_on_by_itself(browser: Any, site: str, visit: Visit) -> None:
    page = await visit(f"/trends?tag={POWER}&period=shift")
    await drawn(page)
    away = await browser.new_context(storage_state=await page.context.storage_state())
    page = await away.new_page()
    problem = '{"status": 503, "detail": "the database does not answer"}'
    await page.route("**/api/trends?*", lambda route: route.fulfill(status=503, content_type="application/json", body=problem))
    await page.goto(f"{site}/trends?tag={POWER}&period=shift")
    await page.wait_for_selector(at("trend-failed"))
    assert "the database does not answer" in await page.text_content(at("trend-failed"))
    await page.unroute("**/api/trends?*")
    await page.click(f"{at('trend-failed')} .em-btn")
    await drawn(page)
    await away.close()
