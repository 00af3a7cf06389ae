"""Every page in both languages, both themes and three sizes: nothing sticks out, nothing fails, nothing shuts somebody out.

The pictures of each run are kept in artefacts/screenshots, to be looked at: Russian in light, English in dark colours; both languages
in both with EM_SCREENSHOTS=1.
"""

from __future__ import annotations

import base64
import os
import re
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest

from tests.browser.conftest import ROOT, Visit, at

EVERYTHING = os.environ.get("EM_SCREENSHOTS") == "1"
KEPT = {("ru", "light"), ("en", "dark")}  # without it: each page in each language, each theme, each size
PICTURES = ROOT / "artefacts" / "screenshots"
SIZES = ((1280, 720), (1920, 1080), (390, 844))
AXE = Path(axe_playwright_python.__file__).parent / "axe.min.js"
AXE_RUN = """async only => (await axe.run(document, {preload: false, resultTypes: ["violations"], runOnly: only}))
    .violations.filter(v => ["serious", "critical"].includes(v.impact))
    .map(v => `${v.id}: ${v.nodes.slice(0, 3).map(n => n.html.slice(0, 120) + " " + (n.any[0]?.message ?? "")).join(" | ")}`)"""
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
OF_COLOURS = ["color-contrast", "link-in-text-block"]
"""The rules that judge colours: the only ones whose answer another theme can change, for a theme swaps colours and no element."""
STILL = "*, *::before, *::after { transition: none !important; animation: none !important; caret-color: transparent !important; }"
PAGES = {
    "overview": "/", "wall": "/?wall=1", "floor": "/floor", "machines": "/machines", "machine": "/machines/ctx-1250",
    "machine-states": "/admin/machines/ctx-1250/states", "machine-detectors": "/admin/machines/furnace-1/detectors",
    "detectors": "/admin/detectors",
    "loops": "/loops?beside=oven-s7", "trends": "/trends", "energy": "/energy", "alerts": "/alerts", "alert-rules": "/alerts/rules", "alert-hygiene": "/alerts/hygiene",
    "reports": "/reports", "report-templates": "/reports?tab=templates", "report-schedule": "/reports?tab=schedule", "status": "/status",
    "my-notifications": "/notifications", "admin": "/admin", "admin-machines": "/admin/machines", "admin-limits": "/admin/limits",
    "admin-keys": "/admin/keys", "admin-calendar": "/admin/calendar", "admin-users": "/admin/users", "admin-audit": "/admin/audit",
    "admin-plant": "/admin/plant", "admin-notifications": "/admin/notifications", "admin-virtual": "/admin/virtual",
    "admin-device-new": "/admin/devices/new", "admin-devices": "/admin/devices", "admin-history": "/admin/history",
    "admin-device-form": "/admin/devices/new/form", "virtual-new": "/admin/virtual/new", "admin-backups": "/admin/backups", "admin-certificates": "/admin/certificates", "admin-inspection": "/admin/inspection", "status-log": "/status/log",
    "admin-site": "/admin/site", "admin-alignments": "/admin/alignments", "admin-alignment-new": "/admin/alignments/new",
    "admin-money": "/admin/money", "admin-tariff": "/admin/money/tariffs/new",
    "admin-feeds": "/admin/feeds", "admin-line": "/admin/lines/gw1", "admin-import": "/admin/devices/import", "admin-profiles": "/admin/profiles", "admin-profile": "/admin/profiles/acme-pm100", "admin-profile-shipped": "/admin/profiles/mercury-230",
    "status-performance": "/status/performance", "admin-device-edit": "/admin/devices/m1/edit",
}  # fmt: skip
WORD = {"ru": "Обзор", "en": "Overview"}


async def quiet(page: Any) -> None:
    """The page with everything it asks for."""
    await page.wait_for_function("window.did_handshake === true")
    await page.evaluate("document.fonts.ready")
    await page.wait_for_function("!document.querySelector('.em-skeleton, .em-loading')")


async def speak(page: Any, lang: str) -> None:
    await page.wait_for_function("window.did_handshake === true")
    await page.click(at("user-menu"))
    await page.click(at(f"language-{lang}"))
    await page.wait_for_function(
        "word => document.querySelector('[data-testid=rail-overview]')?.innerText.includes(word)", arg=WORD[lang]
    )


async def sticking_out(page: Any) -> str:
    """What makes the page wider than its window; empty when it is not."""
    return str(await page.evaluate(
        """() => document.documentElement.scrollWidth <= innerWidth ? "" : `${document.documentElement.scrollWidth} px: ` +
        [...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > innerWidth + 1).slice(0, 4)
        .map(e => e.className || e.tagName).join(", ")"""
    ))  # fmt: skip


async def crushed(page: Any) -> str:
    """Charts and bars that have no room to be read; empty when all have."""
    return str(await page.evaluate(
        """() => [...document.querySelectorAll(".em-chart, .em-gantt-bars")]
        .map(e => [e, e.getBoundingClientRect()]).filter(([e, box]) => box.height > 0 && box.width < 120)
        .map(([e, box]) => `${e.className.baseVal ?? e.className} is ${Math.round(box.width)} px wide`).join(", ")"""
    ))  # fmt: skip


async def shut_out(page: Any, only: list[str]) -> list[str]:
    """Serious and critical findings of axe by these tags (WCAG 2.1 AA) or rules."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE.read_text(encoding="utf-8"))
    return list(await page.evaluate(AXE_RUN, only))


async def pictures(page: Any, camera: Any, name: str, lang: str) -> list[str]:
    """One page in every size and theme; what is wrong with it. Ends as it began: 1280 wide, light."""
    wrong = []
    for width, height in SIZES:
        await page.set_viewport_size({"width": width, "height": height})
        for theme in ("light", "dark"):
            if theme == "dark" and not (EVERYTHING or lang == "en" or width == SIZES[0][0]):
                continue
            await page.emulate_media(color_scheme=theme)
            if lang == "ru" and width == SIZES[0][0]:  # what a reader of the screen is told of has the same shape in both
                wrong += [f"{name} {theme}: {found}" for found in await shut_out(page, WCAG if theme == "light" else OF_COLOURS)]
            await page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
            if theme == "light" and (found := await sticking_out(page)):  # colours move nothing
                wrong.append(f"{name} {lang} {width}: {found}")
            if theme == "light" and (found := await crushed(page)):
                wrong.append(f"{name} {lang} {width}: {found}")
            if EVERYTHING or (lang, theme) in KEPT:
                taken = await camera.send("Page.captureScreenshot", {"format": "jpeg", "quality": 70, "optimizeForSpeed": True})
                (PICTURES / f"{name}-{lang}-{theme}-{width}x{height}.jpg").write_bytes(base64.b64decode(taken["data"]))
        await page.emulate_media(color_scheme="light")
    return wrong


@pytest.mark.timeout(900)
@pytest.mark.parametrize("lang", ["ru", "en"])
async def test_every_page_fits_in_every_size_and_theme_and_shuts_nobody_out(visit: Visit, site: str, lang: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    page = await visit("/")
    camera = await page.context.new_cdp_session(page)
    await speak(page, lang)
    wrong: list[str] = []
    for name, path in PAGES.items():
        await page.set_viewport_size({"width": 1280, "height": 720})
        await page.goto(site + path)
        await page.add_style_tag(content=STILL)
        await quiet(page)
        wrong += await pictures(page, camera, name, lang)
    await page.set_viewport_size({"width": 1280, "height": 720})
    await speak(page, "ru")
    assert wrong == []


async def test_no_page_is_left_out() -> None:
    """Every address that a page is registered at is among those looked at."""
    written = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "web_interface" / "pages").glob("*.py"))
    registered = set(re.findall(r'@ui\.page\("([^"{]+)"', written))
    assert registered <= {path.partition("?")[0] for path in PAGES.values()}
