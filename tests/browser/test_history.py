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
