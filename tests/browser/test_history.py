"""History of the configuration, backups and the log in a real browser."""

from __future__ import annotations

from tests.browser.conftest import Visit, at

PREVIEW_OPTIONS = ("--real-plant",)


async def test_a_version_is_run_again_after_its_differences_were_shown(visit: Visit) -> None:
    page = await visit("/admin/history")
    await page.click(at("row-1"))
    await page.click(at("version-back"))
    asked = await page.inner_text(at("rollback-diff"))
    assert "Номинальная мощность" in asked
    assert "Пределы тега «m1.active_power»" in asked
    await page.click(at("rollback-yes"))
    await page.wait_for_selector(f"{at('row-3')}:has-text('Возврат к версии № 1')")
    await page.click(at("row-2"))  # and back, so that the shop is as it was
    await page.click(at("version-back"))
    await page.click(at("rollback-yes"))
    await page.wait_for_selector(f"{at('row-4')}:has-text('действует сейчас')")


async def test_an_engineer_looks_at_versions_and_changes_none(visit: Visit) -> None:
    page = await visit("/admin/history/1", user="engineer")
    await page.wait_for_selector(at("version-download"))
    assert await page.locator(at("version-back")).count() == 0
    await page.click(at("version-view-file"))
    assert "rated_kw: 110" in await page.inner_text(at("version-file"))


async def test_a_version_that_is_not_kept_is_said_in_words(visit: Visit) -> None:
    page = await visit("/admin/history/77")
    await page.wait_for_selector(f"{at('error')}:has-text('Такой версии нет')")


async def test_a_backup_is_made_fetched_and_deleted(visit: Visit) -> None:
    page = await visit("/admin/backups")
    await page.click(at("backup-make"))
    await page.wait_for_selector(f"{at('backup-words')}:has-text('Копия готова и проверена')")
    name = (await page.inner_text(at("backup-words"))).split(": ")[1]
    async with page.expect_download() as download:
        await page.click(f"[data-testid='download-{name}']")
    assert (await download.value).suggested_filename == name
    assert name in await page.inner_text(at("restore-command"))
    await page.click(f"[data-testid='delete-{name}']")
    await page.click(at("backup-delete-confirm-yes"))
    await page.wait_for_selector(f"[data-testid='row-{name}']", state="detached")


async def test_the_log_is_filtered_and_only_for_engineers(visit: Visit) -> None:
    page = await visit("/status", user="engineer")
    await page.click(at("status-tab-log"))
    await page.wait_for_selector(f"{at('log-table')}:has-text('no answer within 0.8 s')")
    await page.click(at("log-level-ERROR"))
    await page.wait_for_selector(f"{at('log-table')}:not(:has-text('no answer within 0.8 s')):has-text('ZeroDivisionError')")
    await page.fill(f"input{at('log-search')}, {at('log-search')} input", "nothing of the kind")
    await page.wait_for_selector(f"{at('log-table')}:has-text('Таких строк нет')")
    operator = await visit("/status", user="operator")
    await operator.wait_for_selector(at("status-tabs"))
    assert await operator.locator(at("status-tab-log")).count() == 0
    assert (await operator.request.get(operator.url + "/log")).status == 403


async def test_the_zone_of_the_site_is_changed_after_a_question_and_what_is_no_number_stays_to_be_mended(visit: Visit) -> None:
    page = await visit("/admin/site")
    power = page.locator(at("field-contract_kw"))
    await power.fill("16o")
    await page.wait_for_selector(f".q-field:has({at('field-contract_kw')}) [role=alert]:has-text('число')")
    assert await power.input_value() == "16o"
    await power.fill("160,5")
    await page.fill(at("field-timezone"), "омск")
    await page.click(".q-menu .q-item:has-text('Asia/Omsk')")
    await page.click(at("site-save"))
    async with page.expect_navigation():  # it is drawn anew by the other clock
        await page.click(at("zone-yes"))
    await page.goto(page.url.replace("/site", "/audit"))
    row = page.locator(f"{at('audit-table')} tr:has-text('Площадка изменена')").first
    await row.click()
    said = await page.locator(at("audit-entry")).inner_text()
    assert "Asia/Omsk" in said
    assert "160,5" in said
