"""A meter is connected step by step, over an empty plant whose line leads to simulated meters that speak the real protocols."""

from __future__ import annotations

import re
from typing import Any

from tests.browser.conftest import Visit, at
from tests.browser.test_admin import choose, error_at
from tests.browser.test_every_page import OF_COLOURS, STILL, WCAG, shut_out

PHONE = {"width": 390, "height": 844}
PREVIEW_OPTIONS = ("--floor",)


async def plant_of(page: Any) -> str:
    """The plant as it is stored."""
    answer = await page.request.get(page.url.partition("/admin")[0] + "/api/plant")
    return re.sub(r"\s+", " ", await answer.text())


async def scan_to(page: Any, first: int, last: int) -> None:
    """From the first step to the end of a scan."""
    await page.wait_for_selector(at("wizard-line"))
    await page.click(at("wizard-next"))
    await page.wait_for_selector(at("scan"))
    await page.fill(at("field-first"), str(first))
    await page.fill(at("field-last"), str(last))
    await page.click(at("scan-start"))
    await page.wait_for_selector(f"{at('scan-words')}:has-text('Поиск закончен')")


async def test_a_mercury_234_is_connected_from_the_empty_plant_and_taken_back(visit: Visit) -> None:
    """Found by its address, recognised, read, named with its machine; the plant is touched at the last step and left by undo."""
    page = await visit("/admin/devices")
    before = await plant_of(page)
    await page.click(at("devices-empty-action"))
    await scan_to(page, 16, 18)
    assert await page.locator(f"{at('scan-table')} tbody tr").count() == 1
    assert "Меркурий 234" in await page.inner_text(at("row-17"))
    await page.click(at("row-17"))
    await page.wait_for_selector(at("wizard-recognised"))
    assert "Меркурий 234" in await page.input_value(at("field-profile"))
    await page.click(at("wizard-next"))
    await page.wait_for_selector(at("read-card"))
    assert re.search(r"2[0-4]\d,\d", await page.inner_text(at("row-voltage_l1")))
    await page.click(at("wizard-next"))
    await page.fill(at("field-machine_name"), "Saw")
    await page.fill(at("field-states-idle_above_kw"), "0.3")
    await page.fill(at("field-states-production_above_kw"), "1.3")
    await page.fill(at("field-limit-high"), "12")
    assert await plant_of(page) == before
    await page.click(at("wizard-next"))
    await page.wait_for_selector(at("wizard-done"))
    plant = await plant_of(page)
    assert re.search(r"id: m1, profile: mercury-234, line: gw1, address: 17", plant)
    assert re.search(r"id: saw, name: Saw, states: .*meter: m1", plant)
    assert re.search(r"tag: m1.active_power, high: 12", plant)
    await page.click(at("wizard-undo"))
    await page.wait_for_selector(".em-note-good:has-text('m1 убран')")
    assert await page.input_value(at("field-machine_name")) == "Saw"
    left = await plant_of(page)
    assert "m1" not in left
    assert "saw" not in left
    audit = await visit("/admin/audit")
    shown = await audit.inner_text(at("audit-table"))
    for action in ("m1", "saw", "m1.active_power"):
        assert shown.count(action) >= 2, action


async def test_a_modbus_meter_is_recognised_by_what_it_shows(visit: Visit) -> None:
    page = await visit("/admin/devices/new")
    await scan_to(page, 19, 19)
    assert "eastron-sdm630" in await page.inner_text(at("row-19"))
    await page.click(at("row-19"))
    await page.wait_for_selector(at("wizard-recognised"))
    await page.click(at("wizard-next"))
    await page.wait_for_selector(at("word-order"))
    assert await page.locator(f"{at('word-order')} [role=radio]").count() == 4


async def test_a_scan_is_stopped_and_what_answered_stays(visit: Visit) -> None:
    page = await visit("/admin/devices/new")
    await page.wait_for_selector(at("wizard-line"))
    await page.click(at("wizard-next"))
    await page.fill(at("field-first"), "17")
    await page.click(at("scan-start"))
    await page.wait_for_selector(at("row-17"))
    await page.click(at("scan-stop"))
    await page.wait_for_selector(f"{at('scan-words')}:has-text('остановлен')")
    assert await page.locator(at("row-17")).count() == 1
    assert await page.is_visible(at("scan-start"))


async def test_what_is_wrong_is_said_at_its_field_and_every_step_goes_back(visit: Visit) -> None:
    page = await visit("/admin/devices/new")
    before = await plant_of(page)
    await page.wait_for_selector(at("wizard-line"))
    await page.click(at("wizard-next"))
    await page.fill(at("field-first"), "9")
    await page.fill(at("field-last"), "3")
    await page.click(at("scan-start"))
    await error_at(page, "field-last", "от 1 до 247")
    await page.click(at("wizard-next"))
    await error_at(page, "field-address", "Не заполнено")
    await page.fill(at("field-address"), "300")
    await error_at(page, "field-address", "от 1 до 247")  # while it is typed
    await page.click(at("wizard-next"))
    await page.fill(at("field-address"), "19")
    await page.click(at("wizard-next"))
    await choose(page, "field-profile", "eastron-sdm630")
    await page.wait_for_selector(at("device-note"))
    await page.click(at("wizard-next"))
    await page.wait_for_selector(at("read-card"))
    await page.click(at("wizard-next"))
    await page.wait_for_selector(at("wizard-name"))
    await page.click(at("wizard-next"))
    await error_at(page, "field-machine_name", "Не заполнено")
    await page.fill(at("field-machine_name"), "Saw")
    await page.fill(at("field-states-idle_above_kw"), "3")
    await page.fill(at("field-states-production_above_kw"), "1")
    await page.click(at("wizard-next"))
    await error_at(page, "field-states-production_above_kw", "больше")
    for step in ("read", "profile", "address", "line"):
        await page.click(at("wizard-back"))
        await page.wait_for_selector(at(f"wizard-{step}"))
    assert await plant_of(page) == before


async def test_a_new_line_joins_with_the_device_only(visit: Visit) -> None:
    page = await visit("/admin/devices/new")
    before = await plant_of(page)
    port = re.search(r"port: (\d+)", before)
    assert port is not None
    await page.click(at("wizard-new-line"))
    await choose(page, "line-transport", "RS-485 через преобразователь в сеть")
    await page.wait_for_selector(at("field-baud"))  # the fields of that transport
    await page.fill(at("field-id"), "gw2")
    await page.fill(at("field-host"), "localhost")
    await page.fill(at("field-port"), port[1])
    await page.click(at("line-save"))
    await page.wait_for_selector(at("line-dialog"), state="detached")
    await scan_to(page, 17, 17)
    assert await page.locator(at("row-17")).count() == 1
    assert await plant_of(page) == before


async def test_every_step_fits_a_phone_and_shuts_nobody_out(visit: Visit) -> None:
    page = await visit("/admin/devices/new", viewport=PHONE)
    await page.add_style_tag(content=STILL)
    wrong: list[str] = []

    async def look() -> None:
        wide = await page.evaluate("document.documentElement.scrollWidth")
        wrong.extend([f"{wide} px wide"] if wide > PHONE["width"] else [])
        for theme in ("light", "dark"):
            await page.emulate_media(color_scheme=theme)
            wrong.extend(await shut_out(page, WCAG if theme == "light" else OF_COLOURS))

    await look()
    await scan_to(page, 17, 17)
    await look()
    await page.click(at("row-17"))
    await page.wait_for_selector(at("wizard-recognised"))
    await look()
    await page.click(at("wizard-next"))
    await page.wait_for_selector(at("read-card"))
    await page.click(at("wizard-next"))
    await page.wait_for_selector(at("wizard-name"))
    await look()
    assert wrong == []
