"""Machine, alerts, status and reports in a real browser."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

from pypdf import PdfReader

from tests.browser.conftest import Visit, at
from tests.web_interface.fake_reports import WORKBOOK
from web_interface.pages.reports_workbook import XLSX

PHONE = {"width": 390, "height": 844}
PATHS = ("/machines/ctx-1250", "/trends", "/alerts", "/alerts/rules", "/alerts/hygiene", "/status", "/reports", "/energy", "/notifications",
         "/admin/notifications", "/admin/virtual")


async def test_machine_page_shows_its_phases_and_why_its_efficiency_is_what_it_is(visit: Visit) -> None:
    page = await visit("/machines/ctx-1250")
    assert await page.inner_text(at("page-title")) == "DMG CTX beta 1250"
    await page.wait_for_selector(f"{at('machine-chart')} canvas")
    phases = [await page.inner_text(at(f"cell-{phase}-voltage")) for phase in ("l1", "l2", "l3")]
    assert len(set(phases)) == 3
    assert all(re.fullmatch(r"2[23]\d,\d", text) for text in phases)
    value = await page.inner_text(at("kef-value"))
    formula = await page.inner_text(at("kef-formula"))
    top, bottom = (float(n.replace(",", ".")) for n in re.findall(r"(\d+,\d+)\s*кВт", formula))
    assert f"{top / bottom:.2f}".replace(".", ",") == value
    assert "Работа" in await page.inner_text(at("gantt-production"))


async def test_figures_of_a_machine_open_and_say_where_they_come_from(visit: Visit) -> None:
    page = await visit("/machines/ctx-1250")
    await page.wait_for_selector(f"{at('figure-specific_energy')}:has-text('3,75')")
    assert await page.inner_text(at("programs-table")) > ""
    await page.click(at("figure-specific_energy"))
    await page.wait_for_selector(at("explained-formula"))
    assert "86,20" in await page.inner_text(at("explained-formula"))
    assert (await page.get_attribute(at("explained-api"), "href")).startswith("/api/explain?figure=specific_energy")
    await page.click(at("explain-close"))
    await page.wait_for_selector(at("explain-panel"), state="detached")


async def test_a_tile_opens_by_keyboard_and_on_a_phone(visit: Visit) -> None:
    page = await visit("/", viewport=PHONE)
    await page.focus(at("tile-energy"))
    await page.keyboard.press("Enter")
    panel = await page.wait_for_selector(at("explain-panel"))
    await page.wait_for_timeout(500)
    box = await panel.bounding_box()
    assert (box["x"] >= 0, box["x"] + box["width"] <= PHONE["width"]) == (True, True)


async def test_machine_page_follows_live_values(visit: Visit) -> None:
    page = await visit("/machines/furnace-1")
    power = at("cell-total-active_power")
    before = await page.inner_text(power)
    await page.wait_for_function("([w, old]) => document.querySelector(w).innerText !== old", arg=[power, before], timeout=15000)


async def test_a_period_before_the_first_data_says_since_when_they_are_kept(visit: Visit) -> None:
    page = await visit("/energy?period=custom&at=2020-01-01&to=2020-01-02")
    assert "Данные хранятся с 15.10.2025" in await page.inner_text(at("energy-begins"))
    assert "at=2025-10-15" in await page.get_attribute(at("energy-first-day"), "href")


async def test_a_phone_shows_what_a_machine_does_and_leads_to_the_next(visit: Visit) -> None:
    page = await visit("/machines/ctx-1250", viewport={"width": 390, "height": 844})
    assert "Работа" in await page.inner_text(at("machine-state-phone"))
    await page.click(".em-machine-phone a[aria-label='Следующий станок']")
    await page.wait_for_url("**/machines/mill-1")


async def test_a_table_that_goes_on_on_the_next_sheet_has_its_head_there_too(visit: Visit) -> None:
    page = await visit("/energy")
    await page.wait_for_selector(at("row-dmu-50"))
    sheets = [sheet.extract_text() for sheet in PdfReader(io.BytesIO(await page.pdf(prefer_css_page_size=True))).pages]
    parts = [text for text in sheets if "99,7" in text.replace("\u00a0", " ") and "участок" in text]
    assert len(parts) > 1
    assert all("Полнота" in text for text in parts)


async def test_unknown_machine_says_so_and_offers_the_way_back(visit: Visit) -> None:
    page = await visit("/machines/no-such")
    assert "Такого станка нет" in await page.inner_text(at("error"))


async def test_alert_is_acknowledged_with_a_note_and_the_badge_follows(visit: Visit) -> None:
    page = await visit("/alerts", user="operator")
    waiting = int(await page.inner_text(at("count-waiting")))
    await page.locator(f"{at('alerts-table')} tr.em-row-bar").first.click()
    await page.wait_for_selector(at("alert-acknowledge"))
    subject = await page.inner_text(at("alert-subject"))
    await page.fill(f"{at('alert-panel')} input", "Вызвал электрика")
    await page.click(at("alert-acknowledge"))
    await page.wait_for_function(
        "([w, n]) => document.querySelector(w).innerText === String(n)", arg=[at("count-waiting"), waiting - 1], timeout=10000
    )
    assert "Вызвал электрика" in await page.inner_text(at("alert-facts"))
    assert await page.inner_text(at("alert-subject")) == subject


async def test_an_alert_is_shelved_with_a_reason_and_taken_back(visit: Visit) -> None:
    page = await visit("/alerts", user="operator")
    await page.click(at("row-4"))
    await page.wait_for_selector(f"{at('row-4')}.em-selected")  # its panel comes with the mark
    await page.click(at("alert-shelve"))
    save, words = str(await page.get_attribute(at("shelf-save"), "id")), await page.inner_text(at("shelf-save"))
    await page.click(at("shelf-for-15"))
    await page.wait_for_function("([where, old]) => document.querySelector(where).innerText !== old", arg=[at("shelf-save"), words])
    assert await page.get_attribute(at("shelf-save"), "id") == save, "a click on its way must find the button it was meant for"
    await page.click(at("shelf-save"))
    assert await page.locator(at("row-4")).count() == 1, "a reason is needed"
    await page.fill(f"{at('shelf')} input", "Договорились с энергетиком")
    await page.click(at("shelf-save"))
    await page.wait_for_selector(at("row-4"), state="detached")
    await page.click(at("alerts-mode-held"))
    await page.click(at("row-4"))
    await page.wait_for_selector(f"{at('row-4')}.em-selected")
    assert "Договорились с энергетиком" in await page.inner_text(at("alert-facts"))
    await page.click(at("alert-unshelve"))
    await page.wait_for_selector(at("row-4"), state="detached")


async def test_alerts_are_found_by_words_and_by_an_address(visit: Visit) -> None:
    page = await visit("/alerts?mode=held&id=6")
    assert await page.inner_text(at("alert-subject")) == "3М151"
    await page.click(at("alerts-mode-active"))
    await page.wait_for_selector(at("row-2"))
    await page.fill(f"{at('alerts-list-card')} input", "печь")
    await page.wait_for_selector(at("row-2"), state="detached")
    assert await page.locator(at("row-1")).count() == 1


async def test_a_rule_is_rehearsed_before_it_is_saved(visit: Visit) -> None:
    page = await visit("/alerts/rules", user="engineer")
    await page.click(at("rule-new"))
    await page.fill(f"{at('rule-form')} input >> nth=0", "hot")
    await page.click(at("rule-rehearse"))
    await page.wait_for_selector("[role=alert]:has-text('Не заполнено')", timeout=5000)


async def test_hygiene_shows_its_figures(visit: Visit) -> None:
    page = await visit("/alerts/hygiene?days=1")
    assert await page.inner_text(at("hygiene-peak")) == "3"
    assert await page.inner_text(at("hygiene-top_share")) == "—"
    assert "50" in await page.inner_text(at("hygiene-top_share-note"))
    assert await page.locator(f"{at('top-table')} tbody tr").count() == 7


async def test_the_tone_waits_for_a_gesture_and_can_be_muted(visit: Visit) -> None:
    page = await visit("/alerts", user="operator")
    tone = page.locator(at("alert-tone"))
    assert await tone.get_attribute("data-ready") == "0"
    hears = "new Promise(done => window.addEventListener('em-tone', e => done(e.detail), {once: true}))"
    await page.evaluate(f"void (window.heard = {hears})")
    await page.mouse.click(300, 30)
    heard = await page.evaluate("Promise.race([window.heard, new Promise(done => setTimeout(done, 20000, 'nothing'))])")
    assert heard in {"critical", "high"}  # the gravest that nobody has acknowledged or shelved yet in the tests before
    await tone.click()
    assert await tone.get_attribute("aria-pressed") == "true"
    await page.reload()
    await page.wait_for_selector(f"{at('alert-tone')}[aria-pressed=true]")


async def test_viewer_sees_alerts_but_no_button(visit: Visit) -> None:
    page = await visit("/alerts", user="viewer")
    assert await page.locator(at("alerts-table")).count() == 1
    assert await page.locator(at("alert-acknowledge")).count() == 0
    assert await page.locator("[data-testid^=ack-]").count() == 0


async def test_status_answers_whether_anything_is_lost_and_what_to_check(visit: Visit) -> None:
    page = await visit("/status")
    assert await page.inner_text(at("status-verdict")) == "Данные пишутся, книги сходятся"
    assert await page.inner_text(at("books-verdict")) == "сходятся"
    assert "HAAS VF-2" in await page.inner_text(at("todo-item"))
    await page.click(at("status-mode-devices"))
    await page.wait_for_selector(at("status-devices"))
    assert await page.locator(f"{at('status-devices')} tbody tr").count() == 14


async def test_an_administrator_tries_a_plug_in_with_its_example_and_with_a_message(visit: Visit) -> None:
    page = await visit("/status", user="admin")
    await page.click(at("status-mode-plugins"))
    await page.click(at("plugin-try-axis_loads"))
    await page.wait_for_selector(f"{at('plugin-values')} >> text=VAL_17.H")
    message = at("plugin-message")
    assert "DMU-50-1" in await page.input_value(message), "the example is there to be changed"
    await page.fill(message, '{"cnc_id": "DMU-1", "payload": {"feed_m_min": 2.5}}')
    await page.click(at("plugin-read"))
    await page.wait_for_selector(f"{at('plugin-values')} >> text=2500")
    assert await page.locator(f"{at('plugin-values')} tbody tr").count() == 1
    await page.fill(message, "[1]")
    await page.click(at("plugin-read"))
    await page.wait_for_selector(f"{at('plugin-said')} >> text=Это не сообщение")


async def test_long_words_are_neither_cut_off_nor_drawn_over_others(visit: Visit) -> None:
    """Advice of three lines in a tile of the performance page; a machine that never had data, on a laptop."""
    page = await visit("/status/performance", viewport={"width": 1280, "height": 720})
    await page.wait_for_selector(f"{at('vitals')} .em-tile-note")
    advice = "База не успевает или недоступна: измерения ждут в журнале и не теряются. Проверьте сервер базы и диск."
    cut = await page.evaluate("""advice => {
        const note = document.querySelector("[data-testid=vitals] .em-tile-note"), tile = note.closest(".em-tile");
        note.innerText = advice;
        return [tile.scrollHeight - tile.clientHeight, note.scrollWidth - note.clientWidth, note.scrollHeight - note.clientHeight];
    }""", advice)  # fmt: skip
    assert max(cut) <= 1
    await page.goto(page.url.replace("/status/performance", "/"))
    await page.wait_for_selector(".em-is-no_data.em-mcard .em-was")
    gap = await page.evaluate("""() => {
        const card = document.querySelector(".em-is-no_data.em-mcard"), was = card.querySelector(".em-was");
        was.innerText = "данных от этого станка ещё не было";
        return card.querySelector(".em-mcard-facts").getBoundingClientRect().left - was.getBoundingClientRect().right;
    }""")
    assert gap >= 0


async def test_report_of_a_shift_is_issued_and_listed(visit: Visit) -> None:
    page = await visit("/reports", user="engineer")
    async with page.expect_download() as download:
        await page.click(at("report-issue"))
    assert (await download.value).suggested_filename.endswith(".pdf")
    await page.wait_for_selector(f"{at('reports-table')} tbody tr")


async def test_pages_in_english_have_no_russian_captions(visit: Visit, site: str) -> None:
    page = await visit("/", user="viewer")
    await choose_language(page, "en", "Overview")
    names = ("Печь", "Токарный", "Механический", "Русский", "СНО", "Фрезерный", "Отделка", "DMG")
    found = {}
    paths = [path for path in PATHS if not path.startswith("/admin")]  # a viewer has no way in
    for path in paths:
        await page.goto(site + path)
        await page.wait_for_selector(at("app"))
        captions = await page.evaluate(
            "[...document.querySelectorAll('h2, h3, th, .em-seg-item, .em-btn, .em-nav')].map(e => e.innerText).join('|')"
        )
        found[path] = [c for c in captions.split("|") if re.search("[а-яА-Я]", c) and not any(name in c for name in names)]
    await choose_language(page, "ru", "Обзор")
    assert found == {path: [] for path in paths}


async def choose_language(page: Any, code: str, overview: str) -> None:
    await page.wait_for_function("window.did_handshake === true")
    await page.click(at("user-menu"))
    await page.click(at(f"language-{code}"))
    await page.wait_for_function(
        "word => document.querySelector('[data-testid=rail-overview]')?.innerText.includes(word)", arg=overview
    )


async def test_a_template_is_changed_beside_its_preview_and_saved(visit: Visit) -> None:
    page = await visit("/reports?tab=templates", user="engineer")
    await page.click(at("template-new"))
    await page.wait_for_selector(f"{at('template-preview')} .em-preview-title")
    await page.click(at("template-save"))
    await page.wait_for_selector(f"{at('template-troubles')} .em-form-trouble")
    assert await page.inner_text(at("template-troubles")) == "error\nНазвание. Не заполнено"
    await page.fill(f"input{at('template-name')}", "<b>Мой</b> отчёт")
    await page.wait_for_function("document.querySelector('.em-preview-title').innerText === '<b>Мой</b> отчёт'")
    await page.click(at("template-save"))
    await page.wait_for_selector(at("templates-table"))
    assert "<b>Мой</b> отчёт" in await page.inner_text(at("templates-table"))


async def test_an_own_workbook_is_judged_at_once_and_saved(visit: Visit) -> None:
    page = await visit("/reports?tab=templates&template=month", user="engineer")
    chosen, trouble = f"{at('template-workbook')} input[type=file]", at("template-troubles")
    await page.wait_for_selector(f"{at('template-workbook-now')}:has-text('не выбрана')")
    await page.set_input_files(chosen, {"name": "x.xlsx", "mimeType": XLSX, "buffer": b"%PDF-1.4"})
    await page.wait_for_selector(f"{trouble}:has-text('Это не книга Excel')")
    await page.set_input_files(chosen, {"name": "форма.xlsx", "mimeType": XLSX, "buffer": WORKBOOK})
    await page.wait_for_selector(f"{at('template-workbook-cells')}:has-text('Форма!B3')")
    async with page.expect_download() as example:
        await page.click(at("template-workbook-example"))
    assert Path(await (await example.value).path()).read_bytes().startswith(b"PK")
    await page.click(at("template-save"))
    await page.wait_for_selector(at("templates-table"))
    await page.goto(page.url.split("?")[0] + "?tab=templates&template=month")
    await page.wait_for_selector(f"{at('template-workbook-now')}:has-text('форма.xlsx')")
    await page.click(at("template-workbook-remove"))
    await page.click(at("template-save"))
    await page.wait_for_selector(at("templates-table"))


async def test_a_schedule_is_added_and_a_failed_period_tried_again(visit: Visit) -> None:
    page = await visit("/reports?tab=schedule", user="engineer")
    await page.wait_for_selector(f"{at('schedules-table')} tbody tr")
    assert "не вышел" in await page.inner_text(at("runs-table"))
    before = await page.locator(f"{at('schedules-table')} tbody tr").count()
    await page.click(at("schedule-new"))
    await page.click(at("schedule-dialog-save"))
    await page.wait_for_function(
        f"document.querySelectorAll(\"{at('schedules-table')} tbody tr\").length === {before + 1}"
    )


async def test_a_viewer_sees_reports_and_changes_none(visit: Visit) -> None:
    page = await visit("/reports?tab=templates", user="viewer")
    await page.wait_for_selector(at("templates-table"))
    assert await page.locator(at("template-new")).count() == 0
    await page.goto(page.url.partition("?")[0] + "?tab=schedule")
    await page.wait_for_selector(at("schedules-table"))
    assert await page.locator(at("schedule-new")).count() == 0


async def test_a_backlog_is_given_up_only_after_a_question_that_says_how_much(visit: Visit) -> None:
    page = await visit("/admin/feeds", user="admin")
    assert "240" in await page.inner_text(at("feed-influxdb-gaps"))
    await page.click(at("feed-influxdb-give-up"))
    await page.wait_for_selector(f"{at('feed-give-up')}:has-text('990')")
    await page.click(at("feed-give-up-no"))
    await page.wait_for_selector(at("feed-give-up"), state="hidden")
    assert await page.locator(".em-note").count() == 0
    await page.click(at("feed-influxdb-give-up"))
    await page.click(at("feed-give-up-yes"))
    await page.wait_for_selector(".em-note-good:has-text('990')")


async def test_a_part_of_a_backlog_is_given_up_after_its_cost_was_told(visit: Visit) -> None:
    page = await visit("/admin/feeds", user="admin")
    await page.click(at("feed-influxdb-give-up-part"))
    await page.click(at("give-up-way-newest"))
    assert not await page.locator(at("give-up-part-yes")).is_visible()
    await page.fill(f"{at('give-up-count')} input, input{at('give-up-count')}", "90")
    await page.click(at("give-up-part-ask"))
    await page.wait_for_selector(f"{at('give-up-cost')}:has-text('900')")
    await page.click(at("give-up-way-older"))  # what was counted is not meant any more
    await page.wait_for_selector(at("give-up-part-yes"), state="hidden")
    await page.click(at("give-up-part-ask"))
    await page.wait_for_selector(f"{at('give-up-cost')}:has-text('240')")
    await page.click(at("give-up-part-yes"))
    await page.wait_for_selector(".em-note-good:has-text('240')")


async def test_what_no_table_holds_is_looked_at_on_the_status_page_and_discarded_after_a_question(visit: Visit) -> None:
    page = await visit("/status", user="admin")
    await page.click(at("storage-refused"))
    await page.wait_for_selector(f"{at('row-3')}:has-text('time out of range')")
    assert "<b>invalid" in await page.inner_text(at("cell-2-content"))  # as text
    await page.click(at("look-2"))
    await page.wait_for_selector(f"{at('table-refused-one')}:has-text('<b>invalid byte sequence</b>')")
    await page.click(at("table-refused-one-close"))
    await page.click(at("discard-3"))
    await page.click(at("feed-entry-discard-yes"))
    await page.wait_for_selector(at("row-3"), state="detached")
    await page.click(at("table-refused-all"))
    await page.click(at("table-refused-discard"))
    await page.wait_for_selector(f"{at('feed-entry-discard')}:has-text('2')")
    await page.click(at("feed-entry-discard-yes"))
    await page.wait_for_selector(at("row-1"), state="detached")
    await page.click(at("table-refused-close"))
    await page.wait_for_selector(at("storage-refused"), state="hidden")
    page = await visit("/status", user="viewer")
    assert await page.locator(at("storage-refused")).count() == 0


async def test_what_was_refused_is_sent_again_and_given_up_entry_by_entry(visit: Visit) -> None:
    page = await visit("/admin/feeds", user="admin")
    await page.click(at("feed-influxdb-refused"))
    await page.wait_for_selector(f"{at('row-1')}:has-text('m1.active_power')")
    assert "<b>xxx" in await page.inner_text(at("cell-10-content"))  # as text, and its beginning only
    assert len(await page.inner_text(at("cell-10-content"))) < 200
    await page.click(at("retry-1"))
    await page.wait_for_selector(at("row-1"), state="detached")
    for number in (2, 3):
        await page.click(at(f"pick-{number}"))
    await page.wait_for_selector(f"{at('feed-refused-count')}:has-text('2')")
    await page.click(at("feed-refused-discard"))
    await page.wait_for_selector(f"{at('feed-entry-discard')}:has-text('2')")
    await page.click(at("feed-entry-discard-no"))
    await page.click(at("feed-refused-discard"))
    await page.click(at("feed-entry-discard-yes"))
    await page.wait_for_selector(at("row-3"), state="detached")
    assert await page.locator(f"{at('feed-refused-table')} tbody tr").count() == 7
    assert not await page.locator(at("feed-refused-chosen")).is_visible()
