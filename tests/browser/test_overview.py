"""The overview in a real browser."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageStat

from tests.browser.conftest import Visit, at

MACHINES = 12
PHONE = {"width": 390, "height": 844}


async def text(page: Any, testid: str) -> str:
    return str(await page.inner_text(at(testid)))


async def test_the_shop_is_on_the_page(visit: Visit) -> None:
    page = await visit("/")
    assert await page.title() == "Механический цех"
    assert await page.locator("[data-testid^=machine-]").count() == MACHINES
    assert re.fullmatch(r"1[34]\d", await page.inner_text(f"{at('tile-power')} {at('value')}"))
    assert await page.inner_text(f"{at('tile-energy')} {at('value')}") == "742"
    assert "план" in await page.inner_text(f"{at('tile-energy')} {at('note')}")
    assert await text(page, "shift") == "Смена 1 · 07:00–15:00"
    assert [await page.inner_text(f"{at(f'alerts-{p}')} b") for p in ("critical", "high", "medium", "low")] == [
        "1",
        "2",
        "1",
        "1",
    ]
    await page.wait_for_selector(f"{at('power-chart')} canvas")
    assert await page.get_attribute(at("machine-furnace-1"), "data-state") == "alarm"
    assert "—" in await page.inner_text(f"{at('machine-haas-vf2')} {at('power')}")


async def test_values_change_without_a_reload(visit: Visit) -> None:
    page = await visit("/")
    await page.evaluate("window.mine = 'still here'")
    power = f"{at('machine-furnace-1')} {at('power')}"
    before = await page.inner_text(power)
    await page.wait_for_function(
        "([where, old]) => document.querySelector(where).innerText !== old", arg=[power, before], timeout=15000
    )
    clock = await text(page, "clock")
    await page.wait_for_function("([where, old]) => document.querySelector(where).innerText !== old", arg=[at("clock"), clock])
    assert await page.evaluate("window.mine") == "still here"


async def test_an_update_moves_nothing(visit: Visit) -> None:
    """No layout shift from one second after the page stands, over several updates; tiles and cards keep their boxes."""
    page = await visit("/")
    await page.wait_for_selector(f"{at('power-chart')} canvas")
    await page.wait_for_timeout(1000)
    boxes = """() => [...document.querySelectorAll('[data-testid^=tile-], [data-testid^=machine-], [data-testid=power-chart]')]
        .map((e) => { const r = e.getBoundingClientRect(); return [e.dataset.testid, r.x, r.y, r.width, r.height].join(' '); })"""
    before = await page.evaluate(boxes)
    await page.evaluate("""() => { window.shifts = []; new PerformanceObserver((list) => {
        for (const e of list.getEntries()) window.shifts.push(e.value); }).observe({ type: 'layout-shift' }); }""")
    first = await page.inner_text(f"{at('tile-power')} .em-tile-value")
    await page.wait_for_timeout(5000)
    assert await page.evaluate(boxes) == before
    assert await page.evaluate("window.shifts") == []
    assert len(before) == 6 + MACHINES + 1
    assert first


async def test_it_fits_the_smallest_desktop(visit: Visit) -> None:
    page = await visit("/")
    fits = "() => document.documentElement.scrollWidth === 1280 && document.documentElement.scrollHeight === 720"
    await page.wait_for_function(fits)  # once charts and typefaces are there
    cut = """() => [...document.querySelectorAll('[data-testid^=tile-] *')]
        .filter((e) => e.clientWidth > 0 && e.scrollWidth > e.clientWidth + 1)
        .filter((e) => getComputedStyle(e).overflowX === 'hidden')
        .map((e) => e.innerText)"""
    assert await page.evaluate(cut) == []


# The socket's opening and messages reach the page only after so many of the page's own half seconds.
LATE_SOCKET = """
    window.WebSocket = class extends window.WebSocket {
      constructor(...args) {
        super(...args);
        this.kept = [];
        let waited = 0;
        const timer = setInterval(() => {
          if (++waited < LATE) return;
          clearInterval(timer);
          const kept = this.kept;
          this.kept = null;
          for (const tell of kept) tell();
        }, 500);
      }
      late(tell) { return (e) => (this.kept ? this.kept.push(() => tell.call(this, e)) : tell.call(this, e)); }
      set onopen(tell) { super.onopen = this.late(tell); }
      set onmessage(tell) { super.onmessage = this.late(tell); }
    };
    window.tops = new Set(); window.said = false;
    (function look() {
      const main = document.querySelector('[data-testid=page-overview]');
      if (main) tops.add(Math.round(main.getBoundingClientRect().top));
      said ||= document.querySelector('[data-testid=banner-offline]')?.checkVisibility() ?? false;
      requestAnimationFrame(look);
    })();"""


@pytest.mark.parametrize(("half_seconds", "says"), [(4, False), (14, True)])
async def test_a_page_that_waits_for_its_connection_moves_nothing(visit: Visit, half_seconds: int, says: bool) -> None:
    """On a slow computer the connection comes later than the page: no banner then that goes again under the first click."""
    page = await (await visit("/")).context.new_page()
    await page.add_init_script(LATE_SOCKET.replace("LATE", str(half_seconds)))
    await page.goto((await page.context.pages[0].evaluate("location.origin")) + "/")
    await page.wait_for_function("window.did_handshake === true")
    assert not await page.is_visible(at("banner-offline"))  # it goes with the connection, not at the next look
    clock = await text(page, "clock")
    await page.wait_for_function("([where, old]) => document.querySelector(where).innerText !== old", arg=[at("clock"), clock])
    assert await page.evaluate("said") is says
    assert len(await page.evaluate("[...tops]")) == (2 if says else 1)


async def test_language_is_the_users_own_and_stays(visit: Visit) -> None:
    page = await visit("/", user="engineer")
    await page.click(at("user-menu"))
    await page.click(at("language-en"))
    await page.wait_for_function("document.documentElement.lang === 'en-US'")
    await page.wait_for_selector(at("tile-power"))
    captions = await page.eval_on_selector_all(
        ".em-tile-name, .em-card-title, .em-nav span, .em-seg-item", "all => all.map((e) => e.innerText)"
    )
    assert "Power now" in captions
    assert [c for c in captions if re.search("[А-Яа-я]", c) and c != "Русский"] == []
    again = await visit("/", user="engineer")
    assert await again.inner_text(f"{at('tile-energy')} .em-tile-name") == "Energy of the shift"
    other = await visit("/", user="viewer")
    assert await other.inner_text(f"{at('tile-energy')} .em-tile-name") == "Энергия смены"


async def test_theme_changes_at_once_and_stays(visit: Visit) -> None:
    page = await visit("/", user="engineer", color_scheme="light")
    await page.wait_for_selector(f"{at('power-chart')} canvas")
    ground = "getComputedStyle(document.body).backgroundColor"
    assert await page.evaluate(ground) == "rgb(238, 241, 243)"
    await page.evaluate("window.mine = 1")
    await page.click(at("user-menu"))
    await page.click(at("theme-dark"))
    await page.wait_for_function(f"{ground} === 'rgb(16, 21, 26)'")
    assert await page.evaluate("window.mine") == 1
    again = await visit("/", user="engineer", color_scheme="light")
    assert await again.evaluate(ground) == "rgb(16, 21, 26)"


async def test_dark_system_means_dark_pages_without_a_flash(visit: Visit) -> None:
    page = await visit("/", user="viewer", color_scheme="dark")
    assert await page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(16, 21, 26)"
    assert await page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(16, 21, 26)"


async def test_acknowledging_reaches_every_open_page(visit: Visit) -> None:
    watching = await visit("/", user="viewer")
    assert await watching.locator(at("ack-2")).count() == 0  # a viewer only looks
    badge = int(await text(watching, "rail-badge"))
    page = await visit("/", user="operator")
    await page.click(at("ack-2"))
    await page.wait_for_selector(f"{at('alert-2')}[data-open='0']")
    assert "operator" in await text(page, "alert-2") or "А." in await text(page, "alert-2")
    await watching.wait_for_selector(f"{at('alert-2')}[data-open='0']")
    await watching.wait_for_function(
        "([where, n]) => Number(document.querySelector(where).innerText) === n", arg=[at("rail-badge"), badge - 1]
    )


async def test_cards_and_table_show_the_same_machines(visit: Visit) -> None:
    page = await visit("/")
    names = await page.eval_on_selector_all(".em-mcard-name", "all => all.map((e) => e.innerText)")
    await page.click(at("machines-view-table"))
    await page.wait_for_selector(at("machines-table"))
    assert (
        await page.eval_on_selector_all(f"{at('machines-table')} tbody td:first-child", "all => all.map((e) => e.innerText)")
        == names
    )
    await page.click(f"{at('machines-table')} th:nth-child(4) button")
    powers = await page.eval_on_selector_all(
        f"{at('machines-table')} tbody td:nth-child(4)", "all => all.map((e) => parseFloat(e.innerText.replace(',', '.')))"
    )
    assert await page.locator(at("table-search")).count() == 0  # twelve are seen at a glance
    known = [p for p in powers if p == p]
    assert known == sorted(known)
    assert len(known) == MACHINES - 1


async def test_the_flow_of_the_shift(visit: Visit) -> None:
    page = await visit("/")
    furnace = at("flow-furnace-1")
    await page.wait_for_selector(furnace)
    await page.click(at("flow-mode-shift"))
    await page.wait_for_function(
        "(where) => document.querySelector(where + ' .em-flow-value').textContent === '175'", arg=furnace
    )
    await page.click(at("flow-mode-day"))
    await page.wait_for_function("(where) => Number(document.querySelector(where + ' .em-flow-value').textContent) > 175", arg=furnace)
    assert "кВт·ч" in str(await page.text_content(at("flow-feed")))


async def test_the_flow_by_keyboard_and_in_words(visit: Visit) -> None:
    page = await visit("/")
    furnace = page.locator(at("flow-furnace-1"))
    assert re.fullmatch(r"Печь СНО-4: 3\d,\d\sкВт, 2\d\s% от ввода", str(await furnace.get_attribute("aria-label")))
    assert str(await page.get_attribute(at("flow-haas-vf2"), "aria-label")).endswith("оценка")
    await page.click(at("flow-mode-now"))
    for _ in range(15):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.dataset.testid") == "flow-furnace-1":
            break
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/machines/furnace-1")
    await page.wait_for_function("window.did_handshake === true")


async def test_a_phone_shows_what_is_wrong_first(visit: Visit) -> None:
    page = await visit("/", viewport=PHONE, has_touch=True, is_mobile=True)
    assert await page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    assert not await page.is_visible(at("rail"))
    assert await page.is_visible(at("bottom"))
    tops = await page.evaluate("""() => ['alert-1',
        'tile-power', 'power-chart', 'tile-energy', 'machine-furnace-1', 'machine-haas-vf2', 'machine-lathe-1']
        .map((id) => document.querySelector(`[data-testid=${id}]`).getBoundingClientRect().top)""")
    assert tops == sorted(tops)
    small = await page.evaluate("""() => [...document.querySelectorAll('button, a')].filter((e) => e.checkVisibility())
        .map((e) => [e.dataset.testid || e.className, e.getBoundingClientRect().height]).filter(([, h]) => h > 0 && h < 32)""")
    assert [name for name, _ in small if not str(name).startswith(("em-alert-name", "em-crumb", "flow-"))] == []


async def test_without_the_server_the_page_says_so_and_its_age_grows(visit: Visit) -> None:
    page = await visit("/")
    await page.evaluate("window.socket.disconnect()")
    await page.wait_for_selector(at("banner-offline"), state="visible")
    power = await page.inner_text(f"{at('tile-power')} {at('value')}")
    await page.wait_for_function(
        "(where) => Number(document.querySelector(where).innerText.replace(/\\D/g, '')) >= 4", arg=at("data-age"), timeout=10000
    )
    assert await page.inner_text(f"{at('tile-power')} {at('value')}") == power
    await page.evaluate("window.socket.connect()")
    await page.wait_for_selector(at("banner-offline"), state="hidden")


async def test_states_differ_without_any_colour(visit: Visit) -> None:
    """Marks seen in pure grey: any two differ by pattern or outline, not only by their letters."""
    page = await visit("/", device_scale_factor=2)
    await page.add_style_tag(content=".em-mark text { visibility: hidden }")
    session = await page.context.new_cdp_session(page)
    await session.send("Emulation.setEmulatedVisionDeficiency", {"type": "achromatopsia"})
    marks = page.locator(".em-state-legend .em-mark")
    assert await marks.count() == 5
    shots = [Image.open(io.BytesIO(await marks.nth(i).screenshot())).convert("L").resize((32, 32)) for i in range(5)]
    for i, one in enumerate(shots):
        for other in shots[i + 1 :]:
            assert ImageStat.Stat(ImageChops.difference(one, other)).rms[0] > 15


async def test_the_keyboard_reaches_the_main_things(visit: Visit) -> None:
    page = await visit("/", user="operator")
    reached: set[str] = set()
    for _ in range(40):
        await page.keyboard.press("Tab")
        reached.add(await page.evaluate("document.activeElement?.dataset?.testid || ''"))
    assert {"rail-overview", "user-menu", "ack-1", "machines-view-table", "machine-lathe-1"} <= reached


async def test_what_is_chosen_can_be_read_in_high_contrast(visit: Visit) -> None:
    page = await visit("/", contrast="more", color_scheme="dark")
    chosen = page.locator(".em-seg-item[aria-checked='true']").first
    await chosen.wait_for()
    ink, ground = await chosen.evaluate("e => [getComputedStyle(e).color, getComputedStyle(e).backgroundColor]")
    assert (ink, ground) == ("rgb(0, 0, 0)", "rgb(255, 255, 255)")


PIXELS = """() => { const c = document.querySelector("[data-testid=power-chart] canvas");
    const p = c.getContext("2d").getImageData(0, 0, c.width, c.height).data; const seen = new Set();
    for (let i = 0; i < p.length; i += 4) if (p[i + 3] === 255) seen.add([p[i], p[i + 1], p[i + 2]].join());
    return seen; }"""


async def test_a_chart_of_a_dark_page_is_printed_in_light_colours(visit: Visit) -> None:
    """The line of the contract has the colour of text: #17202A on paper, #E8EDF2 on a dark screen."""
    page = await visit("/", color_scheme="dark")
    await page.wait_for_selector(f"{at('power-chart')} canvas")
    drawn = f"(event) => {{ if (event) dispatchEvent(new Event(event)); const seen = ({PIXELS})(); return [seen.has('23,32,42'), seen.has('232,237,242')]; }}"
    await page.wait_for_function(f"() => ({PIXELS})().has('232,237,242')")
    assert await page.evaluate(drawn, "beforeprint") == [True, False]
    assert await page.evaluate(drawn, "afterprint") == [False, True]


async def test_the_shift_before_is_one_step_away(visit: Visit) -> None:
    """In the top bar, and from the figure of each tile."""
    page = await visit("/")
    assert "period=shift" in await page.get_attribute(at("shift-before"), "href")
    await page.click(at("tile-energy"))
    await page.click(at("onward-shift_before"))
    await page.wait_for_selector(at("energy-bar"))
    assert await page.get_attribute(f"{at('period-shift')}", "aria-current") == "true"


RENAME = """async () => {
    const { csrf_token: token } = await (await fetch('/api/session')).json();
    const plant = await (await fetch('/api/plant')).text();
    const sent = { 'content-type': 'application/yaml', 'x-csrf-token': token };
    const answer = await fetch('/api/plant', { method: 'PUT', headers: sent, body: plant.replace(/^( *name: ).*цех.*$/m, '$1Цех 2') });
    return answer.status;
}"""


async def test_what_is_chosen_survives_whatever_loads_the_page_again(visit: Visit) -> None:
    """Last of this file: afterwards the shop has another name."""
    page = await visit("/")
    await page.click(at("machines-view-table"))
    assert page.url.endswith("/?machines=table")  # before the server answers: a click that is lost is not lost with the next load
    await page.wait_for_selector(at("machines-table"))
    await page.click(at("flow-mode-day"))
    await page.reload()
    await page.wait_for_selector(at("machines-table"))
    day = at("flow-mode-day") + "[aria-checked=true]"
    await page.wait_for_selector(day)
    await page.wait_for_function(
        "(where) => Number(document.querySelector(where + ' .em-flow-value').textContent) > 175", arg=at("flow-furnace-1")
    )
    await page.click(at("machines-view-cards"))
    await page.click(at("machines-view-table"))
    assert await page.evaluate(RENAME) == 204
    await page.wait_for_function("document.title === 'Цех 2'")
    await page.wait_for_selector(at("machines-table"))
    await page.wait_for_selector(day)
    await page.click(at("machines-view-cards"))
    assert page.url.endswith("/?flow=day")
