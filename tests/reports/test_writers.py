"""PDF and XLSX of the same figures: readable text in both languages, numbers as numbers, hostile names as text."""

from __future__ import annotations

import dataclasses
from io import BytesIO

import openpyxl
import pytest
from pypdf import PdfReader

from domain.figures import Cost, Trust, ZoneCost
from reports.excel import report_xlsx
from reports.model import Report
from reports.pdf import report_pdf
from reports.templates import BY_ID
from reports.texts import meter_name
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
    assert meter_name("m1", model) == "16К20 №1 (m1)"
    assert meter_name("main", model) == "main"
    for words, night in ((RU, "ночь"), (EN, "night")):
        text = text_of(report_pdf(model, words)).casefold()
        assert night in text
        assert "пик москва" in text
        sheet = openpyxl.load_workbook(BytesIO(report_xlsx(model, words)))[words.t("report.money")]
        assert str(sheet["A2"].value).casefold() == words.t("energy.zone.night").casefold()
