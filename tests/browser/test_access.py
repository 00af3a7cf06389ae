"""Coming in and going out in a real browser; the API's description under its strict policy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.browser.conftest import Visit, at, log_in, watch
from tests.web_interface.fakes import PASSWORD


async def test_the_way_in(browser: Any, site: str) -> None:
    context = await browser.new_context(viewport={"width": 390, "height": 844}, locale="en-US", color_scheme="dark")
    page = await context.new_page()
    faults: list[str] = []
    watch(page, site, faults)
    await page.goto(f"{site}/status")
    assert page.url == f"{site}/login?next=/status"
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.fill(at("login-name"), "viewer")
    await page.fill(at("login-password"), PASSWORD)
    await page.click("text=Show")
    assert await page.input_value("input[type=text][name=password]") == PASSWORD
    await page.click(at("login-submit"))
    await page.wait_for_url(f"{site}/status")
    assert faults == []
    await context.close()


async def test_a_wrong_password_is_said_and_the_name_kept(browser: Any, site: str) -> None:
    context = await browser.new_context(locale="ru-RU")
    page = await context.new_page()
    await page.goto(f"{site}/login")
    await page.fill(at("login-name"), "viewer")
    await page.fill(at("login-password"), "wrong-password-1")
    await page.click(at("login-submit"))
    assert "неверны" in await page.inner_text(at("wrong"))
    assert await page.input_value(at("login-name")) == "viewer"
    assert await page.input_value(at("login-password")) == ""
    await context.close()


async def test_without_scripts_one_gets_in_too(browser: Any, site: str) -> None:
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(f"{site}/login?next=/api/docs")
    await page.fill(at("login-name"), "viewer")
    await page.fill(at("login-password"), PASSWORD)
    await page.click(at("login-submit"))
    assert page.url == f"{site}/"
    await context.close()


async def test_logging_out_with_two_tabs_open(browser: Any, site: str) -> None:
    context = await browser.new_context(storage_state=await log_in(browser, site, "operator"))
    tabs = [await context.new_page() for _ in range(2)]
    for tab, path in zip(tabs, ("/", "/?wall=1"), strict=True):
        await tab.goto(site + path)
        await tab.wait_for_function("window.did_handshake === true")
    leaving = await context.new_page()
    await leaving.goto(f"{site}/logout")
    await leaving.click(at("logout-submit"))
    for tab in (*tabs, leaving):
        await tab.wait_for_url(f"{site}/login*", timeout=20_000)
    await tabs[1].fill("input[name=name]", "operator")  # a screen on the wall is one again
    await tabs[1].fill("input[name=password]", PASSWORD)
    await tabs[1].press("input[name=password]", "Enter")
    await tabs[1].wait_for_url(f"{site}/?wall=1")
    await tabs[1].goto(f"{site}/logout")
    await tabs[1].click(at("logout-submit"))
    await tabs[1].wait_for_url(f"{site}/login*")
    await leaving.goto(f"{site}/")
    assert "/login" in leaving.url
    await context.close()


async def test_a_tab_that_was_not_told_can_do_nothing_any_more(browser: Any, site: str) -> None:
    """Its socket is closed, and no new one opens: whatever is clicked stays in the tab."""
    context = await browser.new_context(storage_state=await log_in(browser, site, "operator"))
    page = await context.new_page()
    await page.goto(f"{site}/")
    await page.wait_for_selector(at("app"))
    await page.wait_for_function("window.did_handshake === true")
    await page.evaluate("window.socket.off('open')")  # the tab ignores being sent to the login,
    await page.route("**/api/session", lambda route: route.abort())  # and cannot ask whether it is signed in
    other = await context.new_page()
    await other.goto(f"{site}/logout")
    await other.click(at("logout-submit"))
    await page.wait_for_function("window.socket.connected === false", timeout=5000)
    await page.wait_for_timeout(1500)  # it tries to come back
    assert not await page.evaluate("window.socket.connected")
    await context.close()


async def test_the_api_description_is_readable_and_tries_things(visit: Visit, site: str, browser: Any) -> None:
    context = await browser.new_context(storage_state=await log_in(browser, site, "operator"))
    page = await context.new_page()
    faults: list[str] = []
    watch(page, site, faults)
    await page.goto(f"{site}/api/docs")
    await page.wait_for_selector("#get-api-data-latest")
    await page.click("#get-api-data-latest summary")
    await page.fill("#get-api-data-latest input[aria-label=tag]", "m1.active_power")
    await page.click("#get-api-data-latest button.main")
    await page.wait_for_selector("#get-api-data-latest .status.ok")
    assert '"m1.active_power"' in await page.inner_text("#get-api-data-latest pre")
    await page.click("#post-api-alerts-alert-id-acknowledge summary")
    await page.fill("#post-api-alerts-alert-id-acknowledge input[aria-label=alert_id]", "99999")
    await page.click("#post-api-alerts-alert-id-acknowledge button.main")
    await page.wait_for_selector("#post-api-alerts-alert-id-acknowledge .status.bad")
    assert "404" in await page.inner_text("#post-api-alerts-alert-id-acknowledge .status")
    assert [fault for fault in faults if "404" not in fault] == []
    await context.close()


async def test_the_audit_is_searched_in_the_readers_words_and_taken_away(visit: Visit) -> None:
    page = await visit("/admin/audit", user="admin")
    await page.fill(at("audit-search"), "вход")
    await page.wait_for_function("document.querySelectorAll('[data-testid=audit-table] tbody tr').length >= 1")
    await page.fill(at("audit-search"), "нет такого")
    await page.wait_for_selector("text=Таких записей нет")
    await page.fill(at("audit-search"), "вход")
    await page.wait_for_selector(at("audit-table") + " >> text=127.0.0.1")
    async with page.expect_download() as coming:
        await page.click(at("audit-csv"))
    file = await (await coming.value).path()
    assert "login" in Path(file).read_text(encoding="utf-8-sig")
