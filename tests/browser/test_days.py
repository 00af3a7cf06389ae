"""A day of each role with the product as it is: the demonstration shop, its real database and poller, a real browser.

The tests follow each other as the people do: the administrator lets the others in, the engineer looks for waste and sets a
limit, the operator takes the alert that comes of it, the administrator brings a backup of all that back in another place.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import shlex
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.browser.conftest import at, watch
from tests.browser.evidence import Evidence, show_if_failed
from tests.conftest import ROOT
from tests.e2e.process import PASSWORD, command, environment, product
from tests.ports import free_port

pytestmark = [pytest.mark.timeout(300)]
START_S = 120.0  # days of history are written first
Enter = Callable[[str, str], Awaitable[Any]]


@dataclass(frozen=True)
class Shop:
    """The running demonstration; `code` lets the first administrator in."""

    url: str
    code: str
    folder: Path


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    folder, port = tmp_path_factory.mktemp("demo"), free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "main.py", "demo", "--days", "3", cwd=ROOT, env=environment(folder, WEB__PORT=str(port)),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    assert process.stdout is not None
    output: list[str] = []
    code = None
    async with asyncio.timeout(START_S):
        while code is None:
            line = (await process.stdout.readline()).decode()
            output.append(line)
            assert line, "the demonstration did not start:\n" + "".join(output)
            code = re.search(r"([0-9A-Z]{4}(?:-[0-9A-Z]{4}){3})", line)
    reader = asyncio.create_task(process.stdout.read())  # a full pipe would stop it
    url = f"http://127.0.0.1:{port}"
    async with asyncio.timeout(START_S), httpx.AsyncClient() as client:
        while True:
            with contextlib.suppress(httpx.HTTPError):
                if (await client.get(f"{url}/login")).status_code < 500:
                    break
            await asyncio.sleep(0.2)
    yield Shop(url, code[1], folder)
    process.terminate()
    await process.wait()
    await reader


@pytest_asyncio.fixture(loop_scope="session")
async def enter(request: pytest.FixtureRequest, browser: Any, shop: Shop) -> AsyncIterator[Enter]:
    """`page = await enter("operator", "/alerts")`: logged in by the form."""
    contexts: list[Any] = []
    seen: list[Evidence] = []
    faults: list[str] = []

    async def open_page(user: str, path: str = "/") -> Any:
        context = await browser.new_context(viewport={"width": 1280, "height": 800}, locale="ru-RU")
        contexts.append(context)
        page = await context.new_page()
        page.set_default_timeout(90_000)  # the shop computes its history beside
        watch(page, shop.url, faults)
        seen.append(Evidence(page))
        await seen[-1].gather()
        await page.goto(f"{shop.url}/login")
        await page.fill(at("login-name"), user)
        await page.fill("input[name=password]", PASSWORD)
        await page.click(at("login-submit"))
        await page.wait_for_selector(at("app"))
        if path != "/":
            await page.goto(shop.url + path)
        await page.wait_for_function("window.did_handshake === true")
        return page

    yield open_page
    await show_if_failed(request.node, seen)
    for context in contexts:
        await context.close()
    assert faults == []


async def test_the_administrator_starts_the_shop_and_lets_the_others_in(browser: Any, shop: Shop, enter: Enter) -> None:
    first = await (await browser.new_context(locale="ru-RU")).new_page()
    await first.goto(shop.url)
    await first.fill(at("setup-code"), shop.code)
    await first.fill(at("setup-name"), "admin")
    for field in await first.locator("input[type=password]").all():
        await field.fill(PASSWORD)
    await first.click(at("setup-submit"))
    await first.wait_for_url(re.compile("/login|/$"))
    await first.context.close()

    page = await enter("admin", "/admin/users")
    for name, role in (("engineer", "Инженер"), ("operator", "Оператор")):
        await page.click(at("user-new"))
        await page.fill(at("field-name"), name)
        await page.fill(at("field-password"), PASSWORD)
        await page.click(at("field-role"))
        await page.click(f".q-menu .q-item:has-text('{role}')")
        await page.click(at("user-dialog-save"))
        await page.wait_for_selector(f"{at('users-table')} tr:has-text('{name}')")

    await page.goto(f"{shop.url}/admin/keys")
    await page.wait_for_function("window.did_handshake === true")
    await page.click(at("key-new"))
    await page.fill(at("field-name"), "mes")
    await page.click(at("key-dialog-save"))
    await page.wait_for_selector(at("fresh-key"))
    key = re.search(r"em_[A-Za-z0-9_-]+", await page.inner_text(at("fresh-key")))
    assert key is not None
    async with httpx.AsyncClient(base_url=shop.url, headers={"Authorization": f"Bearer {key[0]}"}) as client:
        machines = (await client.get("/api/machines")).json()["items"]
        assert len(machines) == 12
        assert (await client.get("/api/users")).status_code in {403, 404}


async def test_the_engineer_finds_the_waster_and_leaves_a_report_and_a_limit(shop: Shop, enter: Enter) -> None:
    page = await enter("engineer", "/energy?period=yesterday")
    await page.wait_for_selector(f"{at('worst')} .em-facts, {at('worst-none')}")
    await page.wait_for_selector(f"{at('energy-machines-table')} tbody tr")
    await page.goto(f"{shop.url}/reports")
    await page.wait_for_function("window.did_handshake === true")
    async with page.expect_download(timeout=60_000) as download:
        await page.click(at("report-issue"))
    path = await (await download.value).path()
    assert path.read_bytes()[:5] == b"%PDF-"  # noqa: ASYNC240 - a file of this test
    await page.goto(f"{shop.url}/reports?tab=schedule")
    await page.click(at("schedule-new"))
    await page.click(at("schedule-dialog-save"))
    await page.wait_for_selector(f"{at('schedules-table')} tbody tr:has-text('PDF')")

    await page.goto(f"{shop.url}/admin/limits")
    await page.wait_for_function("window.did_handshake === true")
    await page.click(at("limit-new"))
    await page.click(at("field-tag"))
    await page.keyboard.type("main.active_power", delay=30)
    await page.click(".q-menu .q-item:has-text('main.active_power')")
    await page.fill(at("field-high"), "1")
    await page.fill(at("field-on_delay_s"), "1")
    await page.click(at("limit-dialog-save"))
    await page.wait_for_selector(f"{at('limits-table')} tr:has-text('main.active_power')")
    await page.goto(f"{shop.url}/alerts/rules")
    await page.wait_for_function("window.did_handshake === true")
    await page.click(f"{at('rules-table')} tr:has-text('limit-main.active_power')")
    await page.click(at("rule-rehearse"))
    await page.wait_for_selector(at("rehearsal-facts"), timeout=60_000)


async def test_the_operator_watches_takes_the_alert_and_leaves_a_note(shop: Shop, enter: Enter) -> None:
    page = await enter("operator")
    await page.wait_for_selector(at("app"))
    before = await page.inner_text(at("app"))
    await page.wait_for_function("before => document.querySelector('[data-testid=app]').innerText !== before", arg=before)

    await page.goto(f"{shop.url}/alerts")
    row = page.locator(f"{at('alerts-table')} tbody tr:has-text('Ввод')").first
    await row.wait_for(timeout=60_000)
    await row.click()
    await page.wait_for_selector(f"{at('alerts-table')} tr.em-selected:has-text('Ввод')")
    await page.fill(at("alert-note"), "Пуск печи по графику")
    await page.click(at("alert-acknowledge"))
    await page.wait_for_selector(f"{at('alerts-table')} tr:has-text('operator')")

    await page.goto(shop.url)
    machine = await page.locator("a[href^='/machines/']").first.get_attribute("href")
    await page.goto(f"{shop.url}{machine}")
    await page.wait_for_function("window.did_handshake === true")
    await page.click(at("note-add"))
    await page.fill(at("machine-note-text"), "Заменена пластина")
    await page.click(at("machine-note-save"))
    await page.wait_for_selector(f"{at('event-note')}:has-text('Заменена пластина, operator')")
    assert (await page.request.get(f"{shop.url}/admin/users")).status == 403


async def test_the_administrator_brings_a_backup_back_in_another_place(
    browser: Any, shop: Shop, enter: Enter, tmp_path: Path
) -> None:
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    begin, end = (f"{midnight - timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}" for days in (2, 1))
    page = await enter("admin", "/admin/backups")
    await page.click(at("backup-make"))
    await page.wait_for_function(
        "document.querySelector('[data-testid=restore-command]').innerText.includes('.zip')", timeout=120_000
    )
    place, _, line = (await page.inner_text(at("restore-command"))).partition(" ")
    words = shlex.split(line)
    assert (place.partition("=")[0], words[:3]) == ("ENERGY_DATA_DIR", [".venv/bin/python", "main.py", "restore"])

    folder = tmp_path / "again"
    shutil.copytree(shop.folder / "demo" / "keys", folder / "keys")  # as the page says
    done = await command(folder, *words[2:])
    assert (done.code, done.err) == (0, "")
    assert "restored" in done.out
    async with product(folder) as again:
        await again.start()
        context = await browser.new_context(locale="ru-RU")
        restored = await context.new_page()
        await restored.goto(f"{again.url}/login")
        await restored.fill(at("login-name"), "operator")
        await restored.fill("input[name=password]", PASSWORD)
        await restored.click(at("login-submit"))
        machine = await restored.locator("a[href^='/machines/']").first.get_attribute("href")
        await restored.goto(f"{again.url}{machine}")
        await restored.wait_for_selector(f"{at('event-note')}:has-text('Заменена пластина, operator')")
        await restored.goto(f"{again.url}/reports")
        await restored.wait_for_selector(f"{at('reports-table')} tbody tr:has-text('engineer')")
        hours = f"/api/data/period?tag=main.active_power&step=1h&from={begin}&to={end}"
        here, there = [await (await tab.request.get(base + hours)).json() for tab, base in ((restored, again.url), (page, shop.url))]
        assert len(here["series"][0]["points"]) == 24
        assert here["series"] == there["series"]
        await context.close()
