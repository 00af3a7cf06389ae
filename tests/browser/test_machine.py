"""A machine's time axis in a real browser: notes, marks, kinds of idling, the chart above the bars."""

from __future__ import annotations

import pytest

from tests.browser.conftest import Visit, at

PHONE = {"width": 390, "height": 844}


async def test_an_operator_notes_what_happened_and_sees_it_on_the_axis(visit: Visit) -> None:
    page = await visit("/machines/ctx-1250", user="operator")
    await page.click(at("note-add"))
    await page.fill(f"{at('machine-note-text')}", "Заменена пластина")
    await page.click(at("machine-note-save"))
    await page.wait_for_selector(f"{at('event-note')}:has-text('Заменена пластина, operator')")
    mark = page.locator(f"{at('gantt-marks')} [data-kind=note]").first
    await mark.wait_for()
    assert "Заменена пластина" in (await mark.get_attribute("title") or "")


async def test_a_wrong_time_is_said_and_keeps_the_words(visit: Visit) -> None:
    page = await visit("/machines/furnace-1", user="operator")
    await page.click(at("note-add"))
    await page.fill(at("machine-note-text"), "что-то")
    await page.fill(at("machine-note-time"), "27:99")
    await page.click(at("machine-note-save"))
    await page.wait_for_selector("text=нужно ЧЧ:ММ")
    assert await page.input_value(at("machine-note-text")) == "что-то"


async def test_who_only_looks_cannot_note(visit: Visit) -> None:
    page = await visit("/machines/ctx-1250", user="viewer")
    await page.wait_for_selector(at("gantt"))
    assert await page.locator(at("note-add")).count() == 0


async def test_kinds_of_idling_are_told_by_hatch_and_words(visit: Visit) -> None:
    page = await visit("/machines/ctx-1250")
    await page.wait_for_selector(f"{at('gantt-sub')} rect[data-kind=warm_up]")
    assert "Прогрев" in await page.inner_text(at("sub-warm_up"))


async def test_programs_lie_on_the_same_axis_with_their_totals(visit: Visit) -> None:
    page = await visit("/machines/ctx-1250")
    bar = page.locator(f"{at('gantt-programs')} .em-prog-1")
    await bar.wait_for()
    assert "FLANEC_12.NC, вызвана из VAL_2041.NC" in (await bar.get_attribute("title") or "")
    await page.wait_for_selector(f"{at('gantt-programs-totals')} li:has-text('17 деталей')")
    lane = await page.locator(f"{at('gantt-programs')} .em-prog-lane").bounding_box()
    bars = await page.locator(f"{at('gantt-production')} .em-gantt-bars").bounding_box()
    assert lane is not None
    assert bars is not None
    assert (lane["x"], lane["width"]) == (pytest.approx(bars["x"], abs=1), pytest.approx(bars["width"], abs=1))


@pytest.mark.parametrize("size", [{"width": 1280, "height": 720}, {"width": 1920, "height": 1080}, PHONE])
async def test_the_chart_and_the_bars_share_one_time_axis(visit: Visit, size: dict[str, int]) -> None:
    page = await visit("/machines/ctx-1250", viewport=size)
    canvas = page.locator(f"{at('machine-chart')} canvas")
    await canvas.wait_for()
    bars = await page.locator(f"{at('gantt-production')} .em-gantt-bars").bounding_box()
    chart = await canvas.bounding_box()
    assert bars is not None
    assert chart is not None
    assert bars["width"] > 180
    assert chart["x"] + 44 == pytest.approx(bars["x"], abs=2)  # 44 px of the canvas are labels, 20 half of the last hour's
    assert chart["x"] + chart["width"] - 20 == pytest.approx(bars["x"] + bars["width"], abs=2)


async def test_on_a_phone_the_page_is_not_wider_than_its_window(visit: Visit) -> None:
    page = await visit("/machines/ctx-1250", viewport=PHONE)
    await page.wait_for_selector(at("gantt-sub"))
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    await page.click(at("history-mode-heat"))
    await page.wait_for_selector(at("heat-map"))
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


async def test_four_weeks_by_hour_and_by_duration_and_the_passport(visit: Visit) -> None:
    page = await visit("/machines/ctx-1250")
    assert await page.locator(f"{at('passport')} dt").count() > 2
    link = await page.get_attribute(at("passport-edit"), "href")
    assert (await page.request.get(page.url.partition("/machine")[0] + str(link))).status == 200
    await page.click(at("history-mode-heat"))
    await page.wait_for_selector(f"{at('heat-map')} td.em-heat-6")
    assert await page.locator(f"{at('heat-map')} tbody tr").count() == 28
    await page.click(at("history-mode-duration"))
    await page.locator(f"{at('duration-chart')} canvas").wait_for()
    assert await page.locator(at("heat-map")).count() == 0
    await page.click(at("history-mode-shift"))
    await page.wait_for_selector(at("gantt-production"))
