"""A real Chromium against the whole web application over the invented shop, started in a process of its own.

`site` is its address; `visit(path, user=..., **context)` opens a page of a logged-in user and watches it: at the end of the test
there must have been no error in the console and no request to anywhere else.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.browser.evidence import Evidence, note_failure, show_if_failed
from tests.conftest import ROOT
from tests.web_interface.fakes import PASSWORD

HERE = Path(__file__).parent
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
START_S = 180  # of the shop: some five seconds of a core, a whole minute where a dozen others want it
PATIENCE_MS = 60_000  # of everything waited for in a page: a page on a machine with other work may take half of it to connect
QUIET = ("net::ERR_INTERNET_DISCONNECTED",)  # what a test does on purpose
Visit = Callable[..., Awaitable[Any]]
SERVER_LOG = pytest.StashKey[list[str]]()  # of the file's shop


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests here share one browser, hence one event loop. Those of one file share a shop too (tests/conftest.py: ByShop)."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test shows what its pages saw."""
    report = yield
    note_failure(item, report)
    return report


def chromium() -> str:
    """Path of the system's Chromium; without CI=true its absence skips, by name."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail("chromium is not installed (apt-get install chromium)")
        pytest.skip("chromium is not installed (apt-get install chromium)")
    return found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Any]:
    """One Chromium for all tests."""
    from playwright.async_api import async_playwright

    path = chromium()
    async with async_playwright() as driver:
        launched = await driver.chromium.launch(executable_path=path, args=ARGS)
        yield launched
        await launched.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """The application on a free port, with the options that the file of tests names; its log is shown when it does not start."""
    options = getattr(request.module, "PREVIEW_OPTIONS", ())
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.web_interface.preview", "--port", "0", *options,
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    assert process.stdout is not None
    output: list[str] = []
    async with asyncio.timeout(START_S):
        while not (line := (await process.stdout.readline()).decode()).startswith("listening on "):
            output.append(line)
            assert line, "the preview did not start:\n" + "".join(output)
    reader = asyncio.create_task(_follow(process.stdout, request.node.stash.setdefault(SERVER_LOG, [])))
    yield f"http://127.0.0.1:{line.split()[-1]}"
    process.terminate()
    await process.wait()
    await reader


async def _follow(stream: asyncio.StreamReader, lines: list[str]) -> None:
    """A full pipe would stop the server."""
    while line := await stream.readline():
        lines.append(line.decode(errors="replace").rstrip())


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def cookies(browser: Any, site: str) -> dict[str, Any]:
    """Logs in once a user, by the form; storage states by user name, filled as asked for."""
    return {}


async def log_in(browser: Any, site: str, user: str) -> Any:
    """The storage state of a session of `user`."""
    context = await browser.new_context(locale="ru-RU")
    context.set_default_timeout(PATIENCE_MS)
    page = await context.new_page()
    await page.goto(f"{site}/login")
    await page.fill("input[name=name]", user)
    await page.fill("input[name=password]", PASSWORD)
    await page.press("input[name=password]", "Enter")
    await page.wait_for_selector("[data-testid=app]")
    state = await context.storage_state()
    await context.close()
    return state


@pytest_asyncio.fixture(loop_scope="session")
async def visit(request: pytest.FixtureRequest, browser: Any, site: str, cookies: dict[str, Any]) -> AsyncIterator[Visit]:
    """`page = await visit("/", user="operator", viewport={...})`, connected and with its fonts."""
    contexts: list[Any] = []
    seen: list[Evidence] = []
    written = request.node.parent.stash.setdefault(SERVER_LOG, [])
    before = len(written)
    faults: list[str] = []

    async def open_page(path: str = "/", *, user: str = "admin", **options: Any) -> Any:
        if user not in cookies:
            cookies[user] = await log_in(browser, site, user)
        context = await browser.new_context(
            **{"viewport": {"width": 1280, "height": 720}, "storage_state": cookies[user], **options}
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        page = await context.new_page()
        watch(page, site, faults)
        seen.append(Evidence(page))
        await seen[-1].gather()
        await page.goto(site + path)
        await page.wait_for_selector("[data-testid=app]")
        await page.wait_for_function("window.did_handshake === true")
        await page.evaluate("document.fonts.ready")
        return page

    yield open_page
    await show_if_failed(request.node, seen, written[before:])
    for context in contexts:
        await context.close()
    assert faults == []


def watch(page: Any, site: str, faults: list[str]) -> None:
    """Note errors of the console, exceptions, failed requests and requests to anywhere else."""

    def console(message: Any) -> None:
        if message.type == "error" and not any(quiet in message.text for quiet in QUIET):
            faults.append(f"console: {message.text}")

    def request(made: Any) -> None:
        if not made.url.startswith((site, "data:", "blob:")):
            faults.append(f"request to {made.url}")

    page.on("console", console)
    page.on("pageerror", lambda error: faults.append(f"exception: {error}"))
    page.on("request", request)
    page.on("response", lambda r: faults.append(f"{r.status} {r.url}") if r.status >= 400 else None)


def at(testid: str) -> str:
    """Selector of a data-testid."""
    return f"[data-testid={testid}]"
