"""The settings in a real browser, over a plant that validates as the product's own does."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from domain.access import Role
from tests.browser.conftest import Visit, at, log_in
from tests.conftest import ROOT
from web_interface.pages.admin_frame import SECTIONS, sections_for

RUSSIAN = re.compile("[А-Яа-я]")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site() -> AsyncIterator[str]:
    """The application of the other tests, with a small plant behind the product's validation; changes stay in the module."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.web_interface.preview", "--port", "0", "--real-plant",
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    assert process.stdout is not None
    output: list[str] = []
    async with asyncio.timeout(60):
        while not (line := (await process.stdout.readline()).decode()).startswith("listening on "):
            output.append(line)
            assert line, "the preview did not start:\n" + "".join(output)
    reader = asyncio.create_task(process.stdout.read())
    yield f"http://127.0.0.1:{line.split()[-1]}"
    process.terminate()
    await process.wait()
    log = (await reader).decode()
    assert "Traceback" not in log, log


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def cookies() -> dict[str, Any]:
    """Sessions of this module's own server."""
    return {}


async def choose(page: Any, testid: str, words: str) -> None:
    """Take the entry of a choice that has these words."""
    await page.click(at(testid))
    await page.click(f".q-menu .q-item:has-text('{words}')")


async def error_at(page: Any, testid: str, words: str) -> None:
    """Wait until the field says these words (an older message may still be fading out beside them)."""
    await page.wait_for_selector(f".q-field:has({at(testid)}) .q-field__messages [role=alert]:has-text('{words}')")


async def rows_of(page: Any, table: str) -> list[str]:
    found: list[str] = await page.eval_on_selector_all(f"{at(table)} tbody tr", "all => all.map((e) => e.innerText)")
    return [re.sub(r"\s+", " ", row) for row in found]


# ---- who gets in ---------------------------------------------------------------------------------------------------
async def test_the_home_page_says_what_there_is(visit: Visit) -> None:
    page = await visit("/admin")
    await page.wait_for_selector(f"{at('admin-fact-devices')}:has-text('4 прибора, 2 линии')")
    assert await page.locator("[data-testid^=admin-card-]").count() == len(SECTIONS)
    await page.click(at("admin-card-limits"))
    await page.wait_for_selector(at("limits-table"))


async def test_an_engineer_sees_machines_and_limits_only(visit: Visit) -> None:
    page = await visit("/admin", user="engineer")
    assert await page.locator("[data-testid^=admin-card-]").count() == len(sections_for(Role.ENGINEER))
    assert await page.locator(at("admin-card-users")).count() == 0
    answer = await page.request.get(page.url.rstrip("/") + "/users")
    assert answer.status == 403
    assert "403" in await answer.text()


async def test_on_a_phone_the_sections_open_under_a_button(visit: Visit) -> None:
    page = await visit("/admin/limits", viewport={"width": 390, "height": 844})
    assert not await page.is_visible(at("admin-tab-users"))
    await page.click(at("admin-opener"))
    await page.click(at("admin-tab-users"))
    await page.wait_for_selector(at("users-table"))
    assert await page.get_attribute(at("admin-tab-users"), "aria-current") == "page"


async def test_a_viewer_has_no_way_in_and_the_attempt_is_in_the_audit(visit: Visit, site: str) -> None:
    page = await visit("/", user="viewer")
    assert await page.locator(at("rail-settings")).count() == 0
    paths = ("", "/devices", "/devices/new", "/devices/new/form", "/devices/m1/edit", "/machines", "/limits", "/users", "/keys", "/audit", "/plant")
    for path in paths:
        assert (await page.request.get(f"{site}/admin{path}")).status == 403, path
    audit = await visit("/admin/audit")
    await audit.wait_for_selector(f"{at('audit-table')} tr:has-text('page /admin/keys')")
    shown = await rows_of(audit, "audit-table")
    assert any("viewer" in row and "Отказано" in row and "page /admin/keys" in row for row in shown)


# ---- devices -------------------------------------------------------------------------------------------------------
async def test_a_meter_is_added_after_reading_it(visit: Visit) -> None:
    """The way of the first meter: line, profile, read, the right word order by itself, machine, save."""
    page = await visit("/admin/devices/new/form")
    assert await page.input_value(at("field-id")) == "m4"
    await choose(page, "field-profile", "eastron-sdm630")
    await page.wait_for_selector(at("device-note"))
    await page.fill(at("field-address"), "7")
    await page.click(at("read-now"))
    await page.wait_for_selector(at("word-order"))
    assert await page.get_attribute(at("order-little"), "aria-checked") == "true"
    assert "21 из 21" in await page.inner_text(at("order-little"))
    assert "выбран сам" in await page.inner_text(at("order-words"))
    shown = re.sub(r"\s+", " ", await page.inner_text(at("row-voltage_l1")))
    assert shown == "Напряжение L1 0 66664367 231,40 В check_circle сеть 230 В"
    assert await page.locator(f"{at('row-voltage_l1')} .em-word").count() == 2
    await page.fill(at("order-check"), "231,4")
    await page.wait_for_selector(f"{at('order-verdict')}.em-good")
    await page.fill(at("order-check"), "12")
    await page.wait_for_selector(f"{at('order-verdict')}.em-alarm")
    await choose(page, "field-machine", "Новый станок")
    await page.fill(at("field-machine_name"), "Пила")
    await page.click(at("device-save"))
    await page.wait_for_selector(at("row-m4"))
    assert "Пила" in await page.inner_text(at("row-m4"))
    exported = await page.request.get(page.url.partition("/admin")[0] + "/api/plant")
    plant = re.sub(r"\s+", " ", await exported.text())
    assert re.search(r"id: m4, profile: eastron-sdm630, line: tcp1.*address: 7.*word_order: little", plant)
    assert re.search(r"name: Пила, meter: m4", plant)


async def test_another_word_order_reads_again(visit: Visit) -> None:
    page = await visit("/admin/devices/m1/edit")
    await page.click(at("read-now"))
    await page.wait_for_selector(at("word-order"))
    await page.click(at("order-big"))
    await page.wait_for_selector(f"{at('order-big')}[aria-checked=true]")
    await page.wait_for_function(
        "(where) => document.querySelector(where)?.innerText.includes('10')", arg=f"{at('cell-voltage_l1-value')}"
    )
    assert "Правдоподобнее читается CDAB" in await page.inner_text(at("order-words"))
    assert "m1" in await page.inner_text(at("page-title"))


async def test_the_order_is_chosen_with_the_keyboard(visit: Visit) -> None:
    page = await visit("/admin/devices/m1/edit")
    await page.click(at("read-now"))
    await page.wait_for_selector(at("word-order"))
    await page.focus(at("order-little"))
    await page.keyboard.press("ArrowDown")
    await page.wait_for_selector(f"{at('word-order')} [aria-checked=true]:not({at('order-little')})")


async def test_a_silent_device_gets_advice_and_the_frames(visit: Visit) -> None:
    page = await visit("/admin/devices/new/form")
    await choose(page, "field-profile", "eastron-sdm630")
    await page.fill(at("field-address"), "77")
    await page.click(at("read-now"))
    await page.wait_for_selector(at("read-error"))
    assert "полярность A/B" in await page.inner_text(at("read-error"))
    await page.click(f"{at('read-error')} summary")
    assert "4d 03 00 00" in await page.inner_text(f"{at('read-error')} code")


async def test_errors_stand_at_their_fields_and_nothing_is_saved(visit: Visit) -> None:
    page = await visit("/admin/devices/new/form")
    await page.click(at("device-save"))
    await error_at(page, "field-profile", "Не заполнено")
    await choose(page, "field-profile", "siemens-pac3200")
    await page.fill(at("field-address"), "300")  # it comes with the profile: the form is drawn anew by then
    await page.fill(at("field-id"), "m 9")
    await page.fill(at("field-scan_s"), "0")
    await page.click(at("device-save"))
    await error_at(page, "field-id", "латиница")
    await error_at(page, "field-address", "от 0 до 255")
    await error_at(page, "field-scan_s", "от 0,05 до 3600")
    listed = await visit("/admin/devices")
    assert "siemens" not in " ".join(await rows_of(listed, "devices-table")).lower()


async def test_fields_follow_the_profile_and_the_line(visit: Visit) -> None:
    page = await visit("/admin/devices/new/form")
    await choose(page, "field-profile", "mercury-234-modbus")
    await page.wait_for_selector(at("field-base_address"))
    assert await page.locator(at("field-password")).count() == 0
    await choose(page, "field-line", "gw1")
    await page.wait_for_function("([w, v]) => document.querySelector(w)?.value === v", arg=[at("field-address"), "13"])
    await choose(page, "field-profile", "mercury-236")
    await page.wait_for_selector(at("field-password"))
    assert await page.get_attribute(at("field-password"), "type") == "password"
    assert await page.locator(at("field-base_address")).count() == 0
    await page.wait_for_selector(at("field-ct_ratio"))


async def test_a_password_never_comes_back(visit: Visit) -> None:
    page = await visit("/admin/devices/m2/edit")
    await page.fill(at("field-password"), "741852")
    await page.click(at("device-save"))
    await page.wait_for_selector(f"{at('row-m2')}.em-selected")
    again = await visit("/admin/devices/m2/edit")
    assert await again.input_value(at("field-password")) == ""
    assert "Задан и скрыт" in await again.inner_text(at("device-form"))
    assert "741852" not in await again.content()
    audit = await visit("/admin/audit")
    assert "741852" not in await audit.content()


async def test_a_map_written_in_the_plant_file_survives_the_form(visit: Visit, site: str) -> None:
    page = await visit("/admin/devices/m3/edit")
    await page.fill(at("field-scan_s"), "2")
    await page.click(at("device-save"))
    await page.wait_for_selector(f"{at('row-m3')}.em-selected")
    plant = await (await page.request.get(f"{site}/api/plant")).text()
    assert "tag: active_power, quantity: active_power, unit: W, table: holding, address: 100" in plant


async def test_a_meter_in_use_is_not_deleted(visit: Visit) -> None:
    page = await visit("/admin/devices")
    await page.click(at("device-delete-m1"))
    await page.click(at("delete-yes"))
    await page.wait_for_selector(".q-notification:has-text('служит счётчиком станка lathe-1')")
    assert await page.locator(at("row-m1")).count() == 1


async def test_a_line_is_added_edited_and_deleted(visit: Visit) -> None:
    page = await visit("/admin/devices")
    await page.click(at("line-new"))
    await choose(page, "line-transport", "RS-485, порт")
    await page.wait_for_selector(at("field-parity"))
    await page.fill(at("field-id"), "com1")
    await page.click(at("line-save"))
    await error_at(page, "field-device", "Не заполнено")
    await page.fill(at("field-device"), "/dev/ttyUSB0")
    await page.click(at("line-save"))
    await page.wait_for_selector(at("row-com1"))
    assert "/dev/ttyUSB0" in await page.inner_text(at("row-com1"))
    await page.click(at("cell-com1-target"))
    await page.fill(at("field-device"), "/dev/ttyUSB1")
    await page.click(at("line-save"))
    await page.wait_for_selector(f"{at('row-com1')}:has-text('ttyUSB1')")
    await page.click(at("line-delete-com1"))
    await page.click(at("delete-yes"))
    await page.wait_for_selector(at("row-com1"), state="detached")


# ---- machines, limits ----------------------------------------------------------------------------------------------
async def test_an_engineer_sets_the_borders_of_a_machine(visit: Visit) -> None:
    page = await visit("/admin/machines", user="engineer")
    await page.click(at("cell-lathe-1-name"))
    await page.fill(at("field-states-production_above_kw"), "0.2")
    await page.click(at("machine-dialog-save"))
    await error_at(page, "field-states-production_above_kw", "больше, чем «Простой выше» (0,3)")
    await page.fill(at("field-states-production_above_kw"), "1.75")
    await page.click(at("machine-dialog-save"))
    await page.wait_for_selector(f"{at('cell-lathe-1-production')}:has-text('1,75')")
    watching = await visit("/admin/machines")
    assert "1,75" in await watching.inner_text(at("row-lathe-1"))


async def test_the_efficiency_card_of_a_machine_is_chosen_with_what_it_needs(visit: Visit) -> None:
    page = await visit("/admin/machines", user="engineer")
    await page.click(at("cell-lathe-1-name"))
    await page.click(at("field-kef-card"))
    await page.click(".q-menu .q-item:has-text('K4')")
    await page.click(at("machine-dialog-save"))
    await error_at(page, "field-kef-norm_kwh_per_part", "Без этого карту K4 не посчитать")
    await page.fill(at("field-kef-norm_kwh_per_part"), "3.9")
    await page.click(at("machine-dialog-save"))
    await page.wait_for_selector(f"{at('cell-lathe-1-card')}:has-text('K4')")


async def test_parameters_of_a_detector_are_tried_and_saved_and_a_model_is_trained(visit: Visit) -> None:
    page = await visit("/admin/machines", user="engineer")
    await page.click(at("machine-detectors-lathe-1"))
    await page.fill(at("field-long_idle-min_minutes"), "0")
    await error_at(page, "field-long_idle-min_minutes", "число от 1 до 10080")
    await page.click(at("detectors-save"))
    await page.wait_for_selector(".em-note-bad:has-text('вне допустимых границ')")
    await page.fill(at("field-long_idle-min_minutes"), "45")
    await page.click(at("detector-try-long_idle"))
    await page.wait_for_selector(f"{at('detector-told-long_idle')}:has-text('За 30 суток с новыми')")
    await page.fill(at("field-low_cos_phi-limit"), "0.97")
    await page.click(at("detectors-save"))
    await error_at(page, "field-low_cos_phi-limit", "0,944")
    await page.fill(at("field-low_cos_phi-limit"), "0.7")
    await page.click(at("detectors-save"))
    await page.wait_for_selector(".em-note-good:has-text('Сохранено')")

    first = await page.input_value(at("training-from"))
    await page.fill(at("training-to"), first)
    await page.click(at("training-do"))
    await page.wait_for_selector(f"{at('training-wrong')}:has-text('Нужно 200')")
    await page.fill(at("training-from"), "2026-11-01")
    await page.click(at("training-do"))
    await page.wait_for_selector(f"{at('training-figures')}:has-text('выше порога')")
    again = await visit("/admin/machines/lathe-1/detectors", user="engineer")
    assert await again.input_value(at("field-long_idle-min_minutes")) == "45"
    await again.wait_for_selector(f"{at('training-version')}:has-text('версия 3')")


async def test_limits_are_made_changed_and_deleted(visit: Visit) -> None:
    page = await visit("/admin/limits", user="engineer")
    await page.click(at("limit-new"))
    await page.click(at("field-tag"))
    await page.keyboard.type("m1.voltage_l1", delay=30)
    await page.click(".q-menu .q-item:has-text('m1.voltage_l1')")
    await page.click(at("limit-dialog-save"))
    await page.wait_for_selector(f"{at('limit-dialog-form-troubles')}:has-text('Не задан ни один предел')")
    await page.fill(at("field-high"), "253")
    await page.fill(at("field-low"), "207")
    await page.fill(at("field-on_delay_s"), "10")
    await page.click(at("limit-dialog-save"))
    await page.wait_for_selector(at("row-2"))
    assert "16К20 №1: Напряжение L1 m1.voltage_l1 В — 253 207 — — 10 —" in " ".join(await rows_of(page, "limits-table"))
    await page.click(at("limit-delete-2"))
    await page.click(at("delete-yes"))
    await page.wait_for_selector(at("row-2"), state="detached")


# ---- users, keys ---------------------------------------------------------------------------------------------------
async def test_a_tariff_is_tried_as_it_is_typed_and_the_second_who_edits_it_is_told(visit: Visit) -> None:
    page = await visit("/admin/money/tariffs/new", user="engineer")
    other = await visit("/admin/money", user="engineer")
    await page.fill(at("field-valid_from"), "2026-01-01")
    await page.click(at("zones-two"))
    await page.fill(at("zone-0-price"), "9.12")
    await page.fill(at("zone-1-price"), "4.65")
    await page.fill(at("zone-1-span-0-to"), "06:00")
    await page.wait_for_selector(f"{at('zones-problem')}:has-text('пн 06:00')")
    assert await page.locator(f"{at('week')} .em-week-wrong").count() == 1
    await page.fill(at("zone-1-span-0-to"), "07:00")
    await page.wait_for_selector(f"{at('trial-hour')}:has-text('9,12')")
    assert await page.locator(at("zones-problem")).count() == 0
    await page.click(at("tariff-save"))
    await page.wait_for_selector(f"{at('tariffs-table')}:has-text('День 9,12 · Ночь 4,65')")
    await other.click(at("tariff-new"))  # the day is taken by now
    await other.fill(at("field-valid_from"), "2026-01-01")
    await other.click(at("zones-two"))
    for zone in (0, 1):
        await other.fill(at(f"zone-{zone}-price"), "1")
    await other.wait_for_selector(f"{at('tariff-form')}:has-text('2026-01-01')")
    await other.goto(other.url.replace("/new", "/2026-01-01/edit"))
    await other.wait_for_selector(at("trial-hour"))
    await page.click(at("tariff-delete-2026-01-01"))
    await page.click(at("delete-yes"))
    await page.wait_for_selector(at("tariffs-empty"))
    await other.wait_for_selector(f"{at('changed-meanwhile')}:has-text('изменил кто-то другой')")
    await other.fill(at("zone-0-price"), "8")
    await other.click(at("tariff-save"))
    await other.wait_for_selector(f"{at('tariff-wrong')}:has-text('изменил кто-то другой')")


async def test_a_user_is_created_with_a_good_password_only(visit: Visit, site: str) -> None:
    page = await visit("/admin/users")
    await page.click(at("user-new"))
    await page.fill(at("field-name"), "petrov")
    await page.fill(at("field-password"), "short")
    await page.click(at("user-dialog-save"))
    await error_at(page, "field-password", "не меньше 12 знаков")
    await page.fill(at("field-password"), "petrov-123456789")
    await page.click(at("user-dialog-save"))
    await error_at(page, "field-password", "легко угадать")
    await page.fill(at("field-password"), "кот-под-фрезой-42")
    await choose(page, "field-role", "Оператор")
    await page.click(at("user-dialog-save"))
    await page.wait_for_selector(f"{at('users-table')} tr:has-text('petrov')")
    assert "Оператор" in await page.inner_text(f"{at('users-table')} tr:has-text('petrov')")


async def test_the_last_administrator_stays(visit: Visit) -> None:
    page = await visit("/admin/users")
    await page.click(at("disable-4"))
    await page.wait_for_selector(".q-notification:has-text('последний администратор')")
    await page.click(at("role-4"))
    await choose(page, "field-role", "Наблюдатель")
    await page.click(at("role-dialog-save"))
    await page.wait_for_selector(f"{at('role-dialog-form-troubles')}:has-text('последний администратор')")


@pytest.mark.parametrize("away", [False, True])
async def test_disabling_closes_the_users_pages(visit: Visit, browser: Any, site: str, away: bool) -> None:
    """Also one that had no connection when it was told so."""
    context = await browser.new_context(storage_state=await log_in(browser, site, "operator"))
    try:  # its console tells of the refused connection: it is not watched
        watching = await context.new_page()
        await watching.goto(site)
        await watching.wait_for_function("window.did_handshake === true")
        page = await visit("/admin/users")
        await context.set_offline(away)
        if away:  # sockets that are open outlive it
            await watching.evaluate("window.socket.disconnect()")
        await page.click(at("disable-2"))
        await page.wait_for_selector(at("enable-2"))
        await context.set_offline(False)
        await watching.wait_for_url(re.compile("/login"), timeout=20_000)
        await page.click(at("enable-2"))
        await page.wait_for_selector(at("disable-2"))
    finally:
        await context.close()


async def test_a_key_is_shown_once_works_and_is_revoked(visit: Visit, site: str) -> None:
    page = await visit("/admin/keys")
    await page.click(at("key-new"))
    await page.fill(at("field-name"), "MES")
    await page.click(at("key-dialog-save"))
    key = await page.inner_text(at("fresh-key-value"))
    headers = {"Authorization": f"Bearer {key}"}
    stranger = await page.context.browser.new_context()
    try:
        assert (await stranger.request.get(f"{site}/api/machines", headers=headers)).status == 200
        await page.reload()
        await page.wait_for_selector(at("keys-table"))
        assert key not in await page.content()
        await page.click(at("revoke-1"))
        await page.click(at("revoke-yes"))
        await page.wait_for_selector(f"{at('row-1')}:has-text('Отозван')")
        assert (await stranger.request.get(f"{site}/api/machines", headers=headers)).status == 401
    finally:
        await stranger.close()


# ---- plant file ----------------------------------------------------------------------------------------------------
async def upload(page: Any, text: str) -> None:
    async with page.expect_file_chooser() as chooser:
        await page.click(at("plant-import"))
    file = {"name": "shop.yaml", "mimeType": "application/yaml", "buffer": text.encode()}
    await (await chooser.value).set_files([file])


async def test_a_wrong_plant_file_lists_everything_and_changes_nothing(visit: Visit, site: str) -> None:
    page = await visit("/admin/plant")
    before = await (await page.request.get(f"{site}/api/plant")).text()
    await upload(page, "site: {name: X, timezone: Europe/Moskow}\nlines:\n  - {id: a, transport: modbus-tcp, prt: 1}\n")
    await page.wait_for_selector(at("plant-problems"))
    shown = await rows_of(page, "plant-problems-table")
    assert [row.split(" ")[:2] for row in shown] == [["1", "site.timezone"], ["3", "lines[a].host"], ["3", "lines[a].prt"]]
    assert all(RUSSIAN.search(row) for row in shown)
    assert await (await page.request.get(f"{site}/api/plant")).text() == before


async def test_what_is_exported_can_be_imported(visit: Visit, site: str) -> None:
    page = await visit("/admin/plant")
    async with page.expect_download() as download:
        await page.click(at("plant-export"))
    file = await download.value
    assert file.suggested_filename == "plant.yaml"
    text = (await asyncio.to_thread((await file.path()).read_text, "utf-8")).replace("16К20 №2", "16К20 №7")
    await upload(page, text)
    assert "16К20 №2" in await page.inner_text(at("plant-confirm-diff"))
    await page.click(at("plant-confirm-yes"))
    await page.wait_for_selector(at("plant-done"))
    machines = await visit("/admin/machines")
    assert "16К20 №7" in " ".join(await rows_of(machines, "machines-table"))


# ---- everywhere ----------------------------------------------------------------------------------------------------
async def test_english_pages_have_no_russian_captions(visit: Visit) -> None:
    page = await visit("/admin", user="engineer")
    await page.click(at("user-menu"))
    await page.click(at("language-en"))
    await page.wait_for_function("document.documentElement.lang === 'en-US'")
    for path in ("/machines", "/limits"):
        page = await visit(f"/admin{path}", user="engineer")
        captions = await page.eval_on_selector_all(
            ".em-tab, .em-card-title, .em-card-note, .em-th, .em-admin .em-btn, .em-title, .em-crumb",
            "all => all.map((e) => e.innerText)",
        )
        assert [c for c in captions if RUSSIAN.search(c)] == []
        assert len(captions) > 10
