"""The overview on a screen on the wall, in a real browser."""

from __future__ import annotations

from typing import Any

from tests.browser.conftest import Visit, at

MACHINES = 12
SCREENS = ({"width": 1920, "height": 1080}, {"width": 3840, "height": 2160}, {"width": 1280, "height": 720})
LEAST_PX = 22  # of any text on a screen 1920 pixels wide
TOO_WIDE = """() => [...document.querySelectorAll('.em-wall-counts, .em-wall-head, .em-tile-name, .em-wall-note, .em-wall-silent')]
    .filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.innerText)"""
SMALLEST = """() => Math.min(...[...document.querySelectorAll('.em-wall-main *')]
    .filter((e) => e.checkVisibility() && [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))
    .filter((e) => !e.closest('svg, .em-icon')).map((e) => parseFloat(getComputedStyle(e).fontSize)))"""


async def wall(visit: Visit, path: str = "/?wall=1", **options: Any) -> Any:
    page = await visit(path, **options)
    await page.wait_for_selector("[data-testid^=wall-] .em-wall-tile")
    return page


async def copies(page: Any, n: int) -> None:
    """As if the shop had `n` machines: tiles of its own ones again and again."""
    part = await page.get_attribute(at("wall-machines"), "id")
    await page.evaluate(
        """([id, n]) => { const part = getElement(Number(id.slice(1))); const tiles = part.d.tiles;
        part.patch({ tiles: Array.from({ length: n }, (_, i) => ({ ...tiles[i % tiles.length], id: `copy-${i}` })) }); }""",
        [part, n],
    )


async def test_all_machines_are_read_from_afar_without_scrolling(visit: Visit) -> None:
    for size in SCREENS:
        page = await wall(visit, "/?wall", viewport=size)
        assert await page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]") == [
            size["width"],
            size["height"],
        ]
        assert await page.locator(".em-wall-tile").count() == MACHINES
        assert await page.locator(f"{at('wall-page')}, {at('rail')}, {at('user-menu')}").count() == 0
        assert await page.evaluate(TOO_WIDE) == []
        assert await page.evaluate(SMALLEST) >= LEAST_PX * size["width"] / 1920
    assert await page.get_attribute(at("wall-furnace-1"), "data-state") == "alarm"
    assert await page.locator(at("wall-alert")).count() == 2


async def test_more_machines_than_fit_come_by_turns(visit: Visit) -> None:
    page = await wall(visit, viewport=SCREENS[0])
    await copies(page, 15)
    await page.wait_for_selector(at("wall-copy-14"))
    assert await page.locator(at("wall-page")).count() == 0
    cut = "[...document.querySelectorAll('.em-wall-tile')].filter((e) => e.scrollHeight > e.clientHeight + 1).length"
    assert await page.evaluate(cut) == 0
    await copies(page, 48)
    await page.wait_for_selector(at("wall-page"))
    first = await page.get_attribute(".em-wall-tile >> nth=0", "data-testid")
    assert await page.locator(".em-wall-tile").count() < 48
    assert await page.evaluate("document.documentElement.scrollHeight") == SCREENS[0]["height"]
    await page.wait_for_function(
        "(first) => document.querySelector('.em-wall-tile').dataset.testid !== first", arg=first, timeout=30000
    )


async def test_it_is_live(visit: Visit) -> None:
    page = await wall(visit, user="viewer", viewport=SCREENS[0])
    power = f"{at('wall-furnace-1')} {at('power')}"
    for where in (power, at("clock")):
        before = await page.inner_text(where)
        await page.wait_for_function(
            "([where, old]) => document.querySelector(where).innerText !== old", arg=[where, before], timeout=15000
        )


async def test_entered_from_the_overview_and_left_by_escape_or_button(visit: Visit) -> None:
    page = await visit("/")
    for leave in ("key", "button"):
        await page.click(at("wall-enter"))
        await page.wait_for_selector(at("page-wall"))
        await page.wait_for_function("window.did_handshake === true")
        await page.wait_for_selector(at("wall-leave"))
        if leave == "key":
            await page.keyboard.press("Escape")
        else:
            await page.click(at("wall-leave"))
        await page.wait_for_selector(at("overview"))
    await page.wait_for_function("window.did_handshake === true")
