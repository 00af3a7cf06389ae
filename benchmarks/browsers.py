"""Real browsers: Chromium pages of a logged-in user."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from benchmarks.measure import place_descendants
from benchmarks.product import PASSWORD

ARGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
        "--disable-sync"]
PATIENCE_MS = 90_000  # of a busy machine


@asynccontextmanager
async def chromium() -> AsyncIterator[Any]:
    """A browser. RuntimeError where none is installed."""
    from playwright.async_api import async_playwright

    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        raise RuntimeError("chromium is not installed (apt-get install chromium)")
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=path, args=ARGS)
        try:
            yield browser
        finally:
            await browser.close()


async def logged_in(browser: Any, url: str) -> Any:
    """A context of the administrator."""
    context = await browser.new_context(viewport={"width": 1280, "height": 720}, locale="ru-RU")
    page = await context.new_page()
    place_descendants(1)
    await page.goto(f"{url}/login", timeout=PATIENCE_MS)
    await page.fill("input[name=name]", "admin")
    await page.fill("input[name=password]", PASSWORD)
    await page.press("input[name=password]", "Enter")
    await page.wait_for_selector("[data-testid=app]", timeout=PATIENCE_MS)
    await page.close()
    place_descendants(1)
    return context


async def opened(context: Any, url: str) -> Any:
    """A page, connected."""
    page = await context.new_page()
    await connected(page, url)
    return page


async def connected(page: Any, url: str) -> None:
    """The page goes there."""
    place_descendants(1)  # each page brings processes of its own
    await page.goto(url, wait_until="commit", timeout=PATIENCE_MS)
    place_descendants(1)
    await page.wait_for_selector("[data-testid=app]", timeout=PATIENCE_MS)
    await page.wait_for_function("window.did_handshake === true", timeout=PATIENCE_MS)
