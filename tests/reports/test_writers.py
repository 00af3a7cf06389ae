"""PDF and XLSX of the same figures: readable text in both languages, numbers as numbers, hostile names as text."""

from __future__ import annotations

import dataclasses
import zipfile
from io import BytesIO

import openpyxl
import pytest
from pypdf import PdfReader
from reportlab.pdfbase.pdfmetrics import stringWidth

from domain.energy import Efficiency, EnergyAccount
from domain.figures import Cost, PowerFactor, Trust, ZoneCost
from domain.plant import Machine
from domain.state import MachineState
from reports.excel import report_xlsx
from reports.fonts import REGULAR, register
from reports.gather import _row
from reports.model import Report
from reports.names import alert_subject, meter_name
from reports.pdf import report_pdf
from reports.pdf_base import fitted
from reports.pdf_machines import told
from reports.templates import BY_ID
from reports.texts import quality, tiles
from tests.reports.sample import NAMES, report
from web_interface.wording import wording

RU, EN = wording("ru", "Europe/Moscow", "₽"), wording("en", "Europe/Moscow", "₽")


def text_of(pdf: bytes) -> str:
    pages = [page.extract_text() for page in PdfReader(BytesIO(pdf)).pages]
    return "\n".join(pages).replace("\u00a0", " ")


def test_pdf_shows_every_machine_with_its_figures_in_russian() -> None:
    text = text_of(report_pdf(report(), RU))
    assert "Отчёт за смену" in text
    assert "07:00–15:00" in text
    for name in NAMES:
        assert name in text
    assert "110,3" in text  # the compressor's kWh with a decimal comma
    assert "Цех" in text
    assert "получас 12:00: 121 кВт" in text
    assert "■" not in text


def test_pdf_in_english_has_no_russian_captions() -> None:
    text = text_of(report_pdf(report(names=["Lathe 1", "Mill 2"]), EN))
    assert "Shift report" in text
    assert "Machines" in text
    cyrillic = [line for line in text.splitlines() if any("а" <= c.lower() <= "я" for c in line)]
    allowed = ("Механический цех", "Токарный", "Кузнецов", "Компрессор", "3М151")  # the shop's own data
    assert [line for line in cyrillic if not any(word in line for word in allowed)] == []


@pytest.mark.parametrize("name", ["=1+1", "<b>жирный</b> & \x00\x1b[31m", "Очень " * 60 + "длинное имя", "مرحبا", "a" * 300])
def test_foreign_names_are_only_text(name: str) -> None:
    assert report_pdf(report(names=[name]), RU).startswith(b"%PDF")
    sheet = openpyxl.load_workbook(BytesIO(report_xlsx(report(names=[name]), RU)))["Станки"]
    cell = sheet["A2"]
    assert cell.data_type in {"s", "inlineStr"}
    assert cell.value == "".join(c for c in name if c.isprintable())


def test_empty_plant_and_many_machines_and_alerts_do_not_break_the_page() -> None:
    assert "данных" in text_of(report_pdf(report(names=[]), RU))
    many = text_of(report_pdf(report(names=[f"Станок {n}" for n in range(120)], alerts=80), RU))
    assert "Станок 119" in many


def test_excel_holds_the_reports_own_numbers() -> None:
    model: Report = report()
    book = openpyxl.load_workbook(BytesIO(report_xlsx(model, RU)))
    assert book.sheetnames == ["Сводка", "Мощность", "Станки", "Тревоги"]
    machines = book["Станки"]
    energies = [machines.cell(row, 8).value for row in range(2, 2 + len(model.machines))]
    assert energies == pytest.approx([row.energy_kwh for row in model.machines])
    assert machines.cell(2 + len(model.machines) + 1, 8).value == pytest.approx(model.total_kwh)
    power = book["Мощность"]
    assert [power.cell(r, 2).value for r in range(2, 34)] == pytest.approx([kw for _, kw in model.power_kw], nan_ok=True)
    assert power.cell(11, 2).value is None  # the gap stays empty
    assert power.cell(2, 1).value.hour == 7  # the site's zone, not UTC
    assert len(power._charts) == 1


def test_pdf_and_excel_say_the_same_sentence() -> None:
    sentence = "Смена прошла в пределах плана."
    assert sentence in text_of(report_pdf(report(), RU))
    summary = openpyxl.load_workbook(BytesIO(report_xlsx(report(), RU)))["Сводка"]
    assert str(summary["A3"].value).startswith(sentence)


def test_no_break_spaces_of_figures_survive_in_excel() -> None:
    sheet = openpyxl.load_workbook(BytesIO(report_xlsx(report(), RU))).worksheets[0]
    assert "\u00a0₽" in str(sheet["A3"].value)
    assert "\u00a0%" in str(sheet["A3"].value)


def test_half_measured_is_not_called_below_plan() -> None:
    half = dataclasses.replace(report(), completeness=0.4)
    text = text_of(report_pdf(half, RU))
    assert "Данные неполны (40,0 %), с планом не сравниваем." in text.replace("\n", " ")
    assert "ниже плана" not in text
    assert "экономия" not in text


def test_what_is_not_known_of_a_machine_is_no_zero() -> None:
    rows = list(report().machines)
    rows[3] = dataclasses.replace(rows[3], seconds={}, energy_kwh=None, idle_kwh=0.0, production_kwh=0.0, kef=None, cost=None)
    model = dataclasses.replace(report(), machines=rows)
    text = text_of(report_pdf(model, RU))
    assert text.split(rows[3].name)[1].split(rows[4].name)[0].split() == ["—"] * 6
    sheet = openpyxl.load_workbook(BytesIO(report_xlsx(model, RU)))["Станки"]
    assert [sheet.cell(5, column).value for column in range(3, 13)] == [None] * 10


def test_figures_that_are_still_computed_are_called_so() -> None:
    model = dataclasses.replace(report(), pending_s=7200.0, other_kwh=None)
    text = " ".join(text_of(report_pdf(model, RU)).split())
    assert "Цифры станков ещё считаются, отчёт неполон." in text
    assert "Ещё не посчитано часов станков: 2." in text
    assert "выше плана" not in text


def test_common_zones_and_meters_have_the_names_that_people_know() -> None:
    trust = Trust(1.0, 0.0)
    zones = (ZoneCost("night", 10.0, 40.0, 8.0, 4.0), ZoneCost("Пик Москва", 5.0, 50.0, 2.0, 10.0))
    model = dataclasses.replace(
        report(), template=BY_ID["month"], meters={"m1": "16К20 №1"},
        money=Cost("site", 0, 1, 15.0, 90.0, 0.0, zones, trust),
    )  # fmt: skip
    assert meter_name("m1", model, RU) == "16К20 №1 (m1)"
    assert meter_name("main", model, RU) == "main"
    for words, night in ((RU, "ночь"), (EN, "night")):
        text = text_of(report_pdf(model, words)).casefold()
        assert night in text
        assert "пик москва" in text
        sheet = openpyxl.load_workbook(BytesIO(report_xlsx(model, words)))[words.t("report.money")]
        assert str(sheet["A2"].value).casefold() == words.t("energy.zone.night").casefold()


def test_no_word_of_a_head_is_broken_and_a_note_keeps_to_its_column() -> None:
    register()
    for words in (RU, EN):
        for head in (words.t("report.col.production"), words.t("report.col.idle_kwh"), words.t("report.col.energy")):
            size = fitted(head, 40.0, 8.5)
            assert all(stringWidth(word, REGULAR, size) <= 40.001 for word in head.split(" "))
    assert fitted("kWh", 40.0, 8.5) == 8.5


def test_a_power_factor_beyond_its_limit_says_so() -> None:
    trust = Trust(1.0, 0.0, ())
    factor = PowerFactor("site", 0, 1, 100.0, 43.0, 0.43, 0.92, 0.43, 0.35, 10.0, None, "counter", (), trust)
    over = dataclasses.replace(report(), tg_phi=0.43, factor=factor)
    assert _notes(over) == ["предел 0,35", "▲ 0,08: выше предела"]
    assert _notes(dataclasses.replace(over, tg_phi=0.34)) == ["предел 0,35", "в пределах"]


def _notes(made: Report) -> list[str]:
    return next(notes for name, _, _, notes in tiles(made, RU) if name == RU.t("report.kpi.tg_phi"))


def test_a_month_that_runs_is_no_shift() -> None:
    running = dataclasses.replace(report(), running=True, template=BY_ID["month"])
    assert quality(running, RU)[0] == "Период не закончен."
    assert quality(dataclasses.replace(running, template=BY_ID["shift"]), RU)[0] == "Смена не закончена."


def test_days_before_anything_was_kept_are_not_complete() -> None:
    machine = Machine("lathe", "Lathe", "", "m1", 11.0)
    states = {MachineState.PRODUCTION: 86_400.0}
    account = EnergyAccount("lathe", 0, 4 * 86_400_000_000, 100.0, 0.0, 1.0, "counter", False, {}, states)
    card = Efficiency("K1", 1, "", None, 0.0, 0.0, 1.0, 0.0, True, account)
    assert _row(machine, card, None, 4 * 86_400.0).completeness == pytest.approx(0.25)
    assert _row(machine, card, None, 86_400.0).completeness == 1.0


def test_quarter_hours_of_a_chart_lie_side_by_side() -> None:
    """An axis of dates knows no time of day: a spreadsheet would put a whole shift on one place."""
    with zipfile.ZipFile(BytesIO(report_xlsx(report(), RU))) as book:
        charts = [book.read(name).decode() for name in book.namelist() if name.startswith("xl/charts/chart")]
    power = next(chart for chart in charts if "Мощность" in chart)
    assert "<c:dateAx>" not in power
    assert '<c:auto val="1"/>' not in power  # chosen by the spreadsheet: dates


def test_heads_of_numbers_stand_over_their_numbers() -> None:
    sheet = openpyxl.load_workbook(BytesIO(report_xlsx(report(), RU)))["Станки"]
    assert [sheet.cell(1, column).alignment.horizontal for column in (1, 2, 8)] == [None, None, "right"]


def test_an_alerts_figure_has_the_digits_of_its_sentence_and_nothing_touches_it() -> None:
    model = report()
    alert = dataclasses.replace(model.alerts[0], value=2.816, limit=2.52, unit="kWh/part", returned_us=model.to_us)
    model = dataclasses.replace(model, alerts=[alert])
    assert "2,82 кВт·ч/шт" in text_of(report_pdf(model, RU))
    book = openpyxl.load_workbook(BytesIO(report_xlsx(model, RU)))
    row = next(book["Тревоги"].iter_rows(min_row=2, max_row=2))
    assert [cell.number_format for cell in row[4:6]] == ["0.00", "0.00"]
    assert row[6].alignment.indent == 1
    summary = {row[0].value: row for row in book["Сводка"].iter_rows() if row[0].value}
    assert (summary["Договорная мощность"][2].value, summary["Договорная мощность"][2].alignment.indent) == ("кВт", 1)


def test_the_feed_the_site_and_devices_have_names_in_the_list_of_alerts() -> None:
    [first, *_] = report().alerts
    bare = dataclasses.replace(first, machine_id=None, tag=None)
    told = [dataclasses.replace(bare, device_id=device) for device in ("main", "m1", None)]
    model = dataclasses.replace(report(), alerts=told, main_meter="main", meters={"m1": "16К20 №1"})
    assert [alert_subject(alert, model, RU) for alert in told] == ["Ввод", "16К20 №1", model.site]
    assert meter_name("main", model, RU) == "Ввод (main)"


def test_the_bar_of_a_machine_fills_with_no_data_what_nothing_was_kept_of() -> None:
    row = dataclasses.replace(report().machines[0], seconds={MachineState.PRODUCTION: 600.0})
    assert told(row, 3600.0) == {MachineState.PRODUCTION: 600.0, MachineState.NO_DATA: 3000.0}
    assert told(row, 601.0) == row.seconds
