"""Profiles and tables in the browser: a copy mistyped, put right, tried and saved; devices of a table judged and taken over."""

from __future__ import annotations

from typing import Any

from tests.browser.conftest import Visit, at
from tests.web_interface.fake_profiles import OWN

PREVIEW_OPTIONS = ("--real-plant",)


async def said(page: Any, testid: str) -> str:
    return str(await page.inner_text(at(testid)))


async def fill(page: Any, testid: str, text: str) -> None:
    await page.fill(at(testid), text)
    await page.dispatch_event(at(testid), "change")


async def test_a_copy_is_made_mistyped_put_right_tried_and_saved(visit: Visit) -> None:
    page = await visit("/admin/profiles")
    await page.click(at("profile-copy-eastron-sdm630"))
    await page.fill(f"{at('profile-copy')} {at('field-name')}", "Wrong Name")
    await page.click(at("profile-copy-save"))
    await page.wait_for_selector("text=строчные")
    await page.fill(f"{at('profile-copy')} {at('field-name')}", "cell-7")
    await page.click(at("profile-copy-save"))
    await page.wait_for_url("**/admin/profiles/cell-7")
    await page.wait_for_selector(at("point-0-tag"))
    tag = await page.input_value(at("point-0-tag"))
    await fill(page, "point-0-scale", "abc")
    await page.wait_for_selector(at("point-0-wrong"))
    assert "Множитель" in await said(page, "point-0-wrong")
    await page.wait_for_selector(f"{at('profile-verdict')}:has-text('1 ошибка')")
    await page.click(at("try-read"))  # the other points are read all the same
    await page.wait_for_selector(f"{at('point-1-raw')} .em-word")
    assert await page.locator(f"{at('point-0-raw')} .em-word").count() == 0
    await fill(page, "point-0-scale", "0,5")
    await page.wait_for_selector(at("point-0-wrong"), state="detached")
    await page.click(at("try-read"))
    await page.wait_for_selector(f"{at('point-0-raw')} .em-word")
    await page.click(at("profile-view-yaml"))
    area = page.locator(f"{at('profile-yaml')}")
    await page.wait_for_function(
        "([sel, word]) => document.querySelector(sel)?.value.includes(word)", arg=[at("profile-yaml"), "scale: 0.5"]
    )
    await area.fill("title: [")
    await page.wait_for_selector("text=/строка [12]: /")
    await page.click(at("profile-view-table"))  # what cannot be read is not thrown away
    await page.wait_for_selector("text=Сначала исправьте YAML")
    await page.goto(page.url)
    await page.wait_for_selector(at("point-0-scale"))
    await fill(page, "point-0-scale", "0,25")
    await page.wait_for_selector("text=Изменено, не сохранено")
    await page.click(at("profile-save"))
    await page.wait_for_selector(at("profile-earlier"))  # the page came again, with one earlier text
    assert await page.input_value(at("point-0-scale")) == "0.25"
    assert await page.input_value(at("point-0-tag")) == tag
    await page.click(at("profile-delete"))
    await page.click(at("delete-yes"))
    await page.wait_for_url("**/admin/profiles")
    await page.wait_for_selector(at("profiles-table"))
    assert await page.locator(at("row-cell-7")).count() == 0


async def test_whoever_saves_second_is_told_and_a_profile_in_use_names_its_devices(visit: Visit) -> None:
    first, second = await visit(f"/admin/profiles/{OWN}"), await visit(f"/admin/profiles/{OWN}")
    for page, value in ((first, "300"), (second, "500")):
        await page.wait_for_selector(at("point-0-high"))
        await fill(page, "point-0-high", value)
        await page.wait_for_selector("text=Изменено, не сохранено")
    await first.click(at("profile-save"))
    await first.wait_for_selector(at("profile-earlier"))
    await second.click(at("profile-save"))
    await second.wait_for_selector("text=кто-то другой")
    assert await second.input_value(at("point-0-high")) == "500"  # what was typed is not lost
    await second.goto(second.url.replace(OWN, "mercury-234-modbus"))
    await second.wait_for_selector("text=main, m1")
    assert await second.locator(at("profile-save")).count() == 0


async def test_a_table_of_devices_is_judged_row_by_row_and_its_right_rows_join(visit: Visit) -> None:
    page = await visit("/admin/devices/import")
    rows = ["id;profile;line;address", "t1;eastron-sdm630;tcp1;51", "t2;eastron-sdm630;tcp1;<b>7</b>", "t3;eastron-sdm630;tcp1;53"]
    upload = f"{at('import-upload')} input[type=file]"
    await page.set_input_files(upload, {"name": "photo.csv", "mimeType": "text/csv", "buffer": b"\x89PNG\x00\xff"})
    await page.wait_for_selector(at("import-refused"))
    await page.set_input_files(upload, {"name": "huge.csv", "mimeType": "text/csv", "buffer": b"a" * 6_000_000})
    await page.wait_for_selector("text=Файл не принят")
    await page.set_input_files(upload, {"name": "cells.csv", "mimeType": "text/csv", "buffer": "\n".join(rows).encode()})
    await page.wait_for_selector(at("import-table"))
    assert "D3. Адрес" in await said(page, "cell-3-what")
    assert "<b>7</b>" in await said(page, "cell-3-what")  # foreign text is text
    await page.click(at("import-view-wrong"))
    await page.wait_for_selector(at("row-2"), state="detached")
    await page.click(at("import-do"))
    await page.click(at("import-ask-yes"))
    await page.wait_for_selector(at("import-done"))
    await page.click(at("import-devices"))
    await page.wait_for_selector(at("row-t3"))
    assert await page.locator(at("row-t2")).count() == 0
    for device in ("t1", "t3"):  # the shop is left as it was
        await page.click(at(f"device-delete-{device}"))
        await page.click(at("delete-yes"))
        await page.wait_for_selector(at(f"row-{device}"), state="detached")
