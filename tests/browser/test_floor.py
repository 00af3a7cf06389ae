"""The floor plan in a real browser: looking, arranging by mouse, finger and keys, a picture from a file, two people at once."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image

from tests.browser.conftest import Visit, at
from tests.web_interface.fake_floor import NOT_PLACED, PLACES

PLACED = len(PLACES) - 1
STAGE = at("floor-stage")
SHARE = """(id) => { const m = document.querySelector(`[data-testid=floor-${id}]`).getBoundingClientRect(),
    s = document.querySelector('[data-testid=floor-stage]').getBoundingClientRect();
    return [(m.x + m.width / 2 - s.x) / s.width * 100, (m.y + m.height / 2 - s.y) / s.height * 100].map((v) => Math.round(v)); }"""


async def opened(visit: Visit, **options: Any) -> Any:
    page = await visit("/floor", **options)
    await page.wait_for_selector(f"{STAGE} {at('floor-lathe-1')}")
    await page.wait_for_function("document.querySelector('.em-floor-picture').naturalWidth > 0")
    return page


async def drag(page: Any, machine: str, x_percent: float, y_percent: float) -> None:
    """The mark's centre to a place on the picture, by the mouse."""
    mark, stage = await page.locator(at(f"floor-{machine}")).bounding_box(), await page.locator(STAGE).bounding_box()
    await page.mouse.move(mark["x"] + mark["width"] / 2, mark["y"] + mark["height"] / 2)
    await page.mouse.down()
    x, y = stage["x"] + stage["width"] * x_percent / 100, stage["y"] + stage["height"] * y_percent / 100
    await page.mouse.move(x, y, steps=4)
    await page.mouse.up()


async def edit(page: Any) -> None:
    await page.click(at("floor-edit"))
    await page.wait_for_selector(f".em-floor-editing {at('floor-lathe-1')}")


async def save(page: Any) -> None:
    await page.click(at("floor-save"))
    await page.wait_for_selector(at("floor-edit"))


async def test_a_viewer_sees_the_machines_where_they_stand_and_opens_one(visit: Visit) -> None:
    page = await visit("/", user="viewer")
    await page.click(at("machines-view-plan"))
    await page.wait_for_url("**/floor")
    await page.wait_for_selector(f"{STAGE} {at('floor-lathe-1')}")
    assert await page.locator(f"{STAGE} [data-machine]").count() == PLACED
    assert await page.locator(f"{at('floor-unplaced')} [data-machine]").count() == 1
    place = PLACES["lathe-1"]
    assert await page.evaluate(SHARE, "lathe-1") == [round(place.x_percent), round(place.y_percent)]
    assert await page.get_attribute(at("floor-furnace-1"), "data-state") == "alarm"
    assert await page.locator(at("floor-edit")).count() == 0
    power = f"{at('floor-furnace-1')} {at('power')}"
    before = await page.inner_text(power)
    await page.wait_for_function("([where, old]) => document.querySelector(where).innerText !== old", arg=[power, before], timeout=15000)
    await page.click(at("floor-lathe-1"))
    await page.wait_for_url("**/machines/lathe-1")


async def test_machines_are_dragged_onto_the_plan_moved_by_keys_and_taken_off(visit: Visit) -> None:
    page = await opened(visit, user="engineer")
    watching = await opened(visit, user="viewer")
    before = await page.evaluate(SHARE, "lathe-1")
    await edit(page)
    await drag(page, NOT_PLACED, 70, 30)
    await drag(page, "lathe-1", 20, 85)
    await page.focus(at("floor-lathe-1"))
    for key in ("ArrowRight", "Shift+ArrowRight", "Shift+ArrowUp"):
        await page.keyboard.press(key)
    await page.focus(at("floor-lathe-2"))
    await page.keyboard.press("Delete")
    await save(page)
    await watching.wait_for_function(f"document.querySelector('[data-testid=floor-unplaced] {at('floor-lathe-2')}')")
    for seen in (page, watching):
        assert await seen.evaluate(SHARE, NOT_PLACED) == [70, 30]
        x, y = await seen.evaluate(SHARE, "lathe-1")
        assert (x in {25, 26}, y) == (True, 80)
    await edit(page)  # as it was
    await drag(page, "lathe-1", *before)
    await page.focus(at("floor-lathe-2"))
    await page.keyboard.press("Enter")
    await page.wait_for_selector(f"{STAGE} {at('floor-lathe-2')}:focus")
    await drag(page, "lathe-2", PLACES["lathe-2"].x_percent, PLACES["lathe-2"].y_percent)
    aside = await page.locator(at("floor-unplaced")).bounding_box()
    mark = await page.locator(at(f"floor-{NOT_PLACED}")).bounding_box()
    await page.mouse.move(mark["x"] + 20, mark["y"] + 20)
    await page.mouse.down()
    await page.mouse.move(aside["x"] + 60, aside["y"] + 120, steps=4)
    await page.mouse.up()
    await page.wait_for_selector(f"{at('floor-unplaced')} {at(f'floor-{NOT_PLACED}')}")
    await save(page)


async def test_a_finger_drags_too_and_cancel_puts_everything_back(visit: Visit) -> None:
    page = await opened(visit, user="engineer", viewport={"width": 390, "height": 844}, has_touch=True)
    assert await page.evaluate("document.documentElement.scrollWidth") == 390
    before = await page.evaluate(SHARE, "lathe-1")
    await edit(page)
    stage, mark = await page.locator(STAGE).bounding_box(), await page.locator(at("floor-lathe-1")).bounding_box()
    hand = await page.context.new_cdp_session(page)
    start = {"x": mark["x"] + mark["width"] / 2, "y": mark["y"] + mark["height"] / 2}
    end = {"x": stage["x"] + stage["width"] * 0.6, "y": stage["y"] + stage["height"] * 0.9}
    await hand.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [start]})
    for part in (0.3, 0.7, 1.0):
        point = {axis: start[axis] + (end[axis] - start[axis]) * part for axis in start}
        await hand.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
    await hand.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    await page.wait_for_function(f"(([x, y]) => x === 60 && y === 90)(({SHARE})('lathe-1'))")
    await page.click(at("floor-cancel"))
    await page.wait_for_selector(at("floor-edit"))
    assert await page.evaluate(SHARE, "lathe-1") == before


async def test_the_second_of_two_people_is_told(visit: Visit) -> None:
    first, second = await opened(visit, user="engineer"), await opened(visit, user="admin")
    await edit(first)
    await edit(second)
    await save(first)
    await drag(second, "lathe-1", 50, 90)
    await second.click(at("floor-save"))
    await second.wait_for_selector(".q-notification:has-text('изменил кто-то другой')")
    assert await second.evaluate(SHARE, "lathe-1") == [50, 90]  # the work is not lost
    await second.click(at("floor-cancel"))
    await second.wait_for_selector(at("floor-edit"))


async def test_a_picture_comes_from_a_file_and_what_is_none_is_refused_in_words(visit: Visit) -> None:
    page = await opened(visit, user="engineer")
    watching = await opened(visit, user="viewer")
    field = f"{at('floor-file')} input[type=file]"
    await page.set_input_files(field, {"name": "plan.png", "mimeType": "image/png", "buffer": b"<svg onload='alert(1)'/>"})
    await page.wait_for_selector(".q-notification:has-text('PNG, JPEG или WebP')")
    await page.set_input_files(field, {"name": "big.png", "mimeType": "image/png", "buffer": bytes(6 * 1024 * 1024)})
    await page.wait_for_selector(".q-notification:has-text('не больше 5 МБ')")
    out = io.BytesIO()
    Image.new("RGB", (800, 600), "white").save(out, "WEBP")
    await page.set_input_files(field, {"name": "plan.webp", "mimeType": "image/webp", "buffer": out.getvalue()})
    await page.wait_for_function("document.querySelector('.em-floor-picture')?.naturalWidth === 800")
    assert await page.locator(f"{STAGE} [data-machine]").count() == PLACED
    await page.click(at("floor-remove"))
    await page.click(at("floor-remove-confirm-yes"))
    for seen in (page, watching):
        await seen.wait_for_selector(at("floor-empty"))
    assert await watching.locator(at("floor-draw")).count() == 0
    await page.click(at("floor-draw"))
    for seen in (page, watching):
        await seen.wait_for_function("document.querySelector('.em-floor-picture')?.naturalWidth === 1600")
        assert await seen.locator(f"{STAGE} [data-machine]").count() == len(PLACES)


async def test_the_way_back_leads_to_the_table_of_the_overview(visit: Visit) -> None:
    page = await visit("/floor", user="viewer")
    await page.click(at("machines-view-table"))
    await page.wait_for_selector(at("machines-table"))
    assert await page.get_attribute(at("machines-view-table"), "aria-checked") == "true"
