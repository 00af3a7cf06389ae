"""A customer's own workbook: named cells are filled with the report's figures, everything else stays as it is."""

from __future__ import annotations

import dataclasses
import zipfile
from collections.abc import Callable
from datetime import date
from io import BytesIO

import openpyxl
import pytest
from openpyxl.chart import BarChart, Reference
from openpyxl.styles import Font
from openpyxl.workbook.defined_name import DefinedName

from domain.errors import ConfigError
from domain.report import Part
from reports.model import DayRow
from reports.workbook import check_workbook, fill_workbook
from reports.workbook_example import example_workbook
from reports.workbook_names import BY_NAME, MANY, ONES, parts_for
from tests.reports.sample import NAMES, report
from web_interface.wording import wording

RU, EN = wording("ru", "Europe/Moscow", "₽"), wording("en", "Europe/Moscow", "₽")
Book = openpyxl.Workbook


def saved(book: Book, **names: str) -> bytes:
    for name, cells in names.items():
        book.defined_names[name] = DefinedName(name, attr_text=cells)
    out = BytesIO()
    book.save(out)
    return out.getvalue()


def customer() -> Book:
    """As a customer may have it: a form with own formats, a formula, merged cells and a chart over the list."""
    book = Book()
    form = book.active
    form.title = "Форма 1"
    form["A1"] = "Отчёт"
    form.merge_cells("B1:D1")
    form["B3"] = 111.0
    form["B3"].number_format, form["B3"].font = '#,##0.00" кВт·ч"', Font(bold=True, name="Arial")
    form["B4"] = "=B3*2"
    form["D9"] = "подпись"
    chart = BarChart()
    chart.add_data(Reference(form, min_col=2, min_row=11, max_row=30))
    form.add_chart(chart, "F2")
    book.create_sheet("Данные")["A1"] = "не трогать"
    return book


NAMED = {"EM_energy_kwh": "'Форма 1'!$B$3", "em_Verdict": "'Форма 1'!$B$1:$D$1", "EM_machine_name": "'Форма 1'!$A$11:$A$30",
         "EM_machine_energy_kwh": "'Форма 1'!$B$11:$B$30", "EM_from": "'Форма 1'!$B$6", "my_own": "Данные!$A$1"}


def loaded(content: bytes) -> Book:
    return openpyxl.load_workbook(BytesIO(content))


def parts_of(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(BytesIO(content)) as file:
        assert file.testzip() is None
        return {name: file.read(name) for name in file.namelist()}


def rewritten(content: bytes, name: str, change: Callable[[bytes], bytes]) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for part, data in parts_of(content).items():
            file.writestr(part, change(data) if part == name else data)
    return out.getvalue()


def test_named_cells_are_filled_and_formats_formulas_and_the_rest_stay() -> None:
    model = report()
    own = saved(customer(), **NAMED)
    found = check_workbook(own, "форма.xlsx")
    assert {(c.name, c.sheet, c.first, c.count) for c in found.cells} == {
        ("energy_kwh", "Форма 1", "B3", 1), ("verdict", "Форма 1", "B1", 1), ("machine_name", "Форма 1", "A11", 20),
        ("machine_energy_kwh", "Форма 1", "B11", 20), ("from", "Форма 1", "B6", 1),
    }
    filled = fill_workbook(own, model, RU)
    form = loaded(filled)["Форма 1"]
    assert form["B3"].value == pytest.approx(model.total_kwh)
    assert (form["B3"].number_format, form["B3"].font.name, form["B3"].font.bold) == ('#,##0.00" кВт·ч"', "Arial", True)
    assert form["B1"].value.startswith("Смена прошла в пределах плана.")
    assert [form.cell(row, 1).value for row in range(11, 31)] == NAMES + [None] * 8
    assert [form.cell(row, 2).value for row in range(11, 23)] == pytest.approx([m.energy_kwh for m in model.machines])
    assert str(form["B6"].value) == "2025-11-18 07:00:00"  # the site's clock; a cell of the general format shows a date
    assert form["B4"].value == "=B3*2"
    assert (form["A1"].value, form["D9"].value, loaded(filled)["Данные"]["A1"].value) == ("Отчёт", "подпись", "не трогать")
    assert len(form._charts) == 1
    assert str(form.merged_cells) == "B1:D1"


def test_of_other_parts_every_byte_stays_and_formulas_are_computed_anew() -> None:
    own = rewritten(saved(customer(), **NAMED), "xl/worksheets/sheet1.xml",
                    lambda xml: xml.replace(b"<f>B3*2</f><v></v>", b"<f>B3*2</f><v>222</v>").replace(b"<v />", b"<v>222</v>"))
    assert openpyxl.load_workbook(BytesIO(own), data_only=True)["Форма 1"]["B4"].value == 222
    filled = fill_workbook(own, report(), RU)
    assert openpyxl.load_workbook(BytesIO(filled), data_only=True)["Форма 1"]["B4"].value is None  # what stood there was stale
    before, after = parts_of(own), parts_of(filled)
    assert list(before) == list(after)
    assert {name for name in before if before[name] != after[name]} == {
        "xl/worksheets/sheet1.xml", "xl/workbook.xml", "xl/styles.xml"}
    assert b'fullCalcOnLoad="1"' in after["xl/workbook.xml"]
    assert fill_workbook(own, report(), RU) == filled  # the same inputs, the same file


def test_the_example_has_every_name_and_takes_a_whole_report() -> None:
    model = dataclasses.replace(
        report(), days=[DayRow(date(2025, 11, 18), 10.0, 8.0, 2.0, 0.8, 12.0, None, 1.0)],
    )
    for words in (RU, EN):
        example = example_workbook(words)
        assert {c.name for c in check_workbook(example, "e.xlsx").cells} == set(BY_NAME)
        book = loaded(fill_workbook(example, model, words))
        figures = book.worksheets[0]
        got = {figures.cell(row, 3).value[3:]: figures.cell(row, 2).value for row in range(2, 2 + len(ONES))}
        assert got["energy_kwh"] == pytest.approx(model.total_kwh)
        assert got["kef"] == model.kef
        assert str(got["max_demand_time"]) == "2025-11-18 12:00:00"
        assert got["co2_kg"] is None  # not known is empty, never 0
        assert (got["alerts"], got["site"]) == (2, "Механический цех")
        lists = {sheet.cell(2, c).value[3:]: [sheet.cell(r, c).value for r in range(3, 35)]
                 for sheet in book.worksheets[1:] for c in range(1, sheet.max_column + 1)}
        assert set(lists) == {entry.name for entry in MANY}
        assert lists["power_kw"] == pytest.approx([kw for _, kw in model.power_kw], nan_ok=True)
        assert lists["machine_idle_h"][:12] == pytest.approx([(3 * 3600 - n * 300) / 3600 for n in range(12)])
        assert [str(day) for day in lists["day_date"][:2]] == ["2025-11-18 00:00:00", "None"]


def test_a_list_along_a_row_a_prefix_of_the_namespace_and_rows_that_are_not_there() -> None:
    book = Book()
    book.active.title = "S"
    own = saved(book, EM_machine_kef="S!$C$5:$P$5", EM_site="S!$Z$900", EM_number="S!$A$5")
    prefixed = rewritten(own, "xl/worksheets/sheet1.xml", lambda _xml: (
        b'<?xml version="1.0" encoding="UTF-8"?><x:worksheet xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        b'<x:dimension ref="A1"/><x:sheetData><x:row r="5" spans="2:2"><x:c r="B5" s="0"><x:v>7</x:v></x:c></x:row>'
        b'<x:row r="7"/></x:sheetData></x:worksheet>'))
    for content in (own, prefixed):
        sheet = loaded(fill_workbook(content, report(), EN))["S"]
        assert [sheet.cell(5, column).value for column in range(3, 15)] == [0.84] * 12
        assert sheet["Z900"].value == "Механический цех"
        assert sheet["A5"].value == "2025-11-18-1"
    assert loaded(fill_workbook(prefixed, report(), EN))["S"]["B5"].value == 7


def test_foreign_text_is_only_text() -> None:
    book = Book()
    names = ["=1+1", "<b>&\x00\x1b", "  сталь  "]
    content = fill_workbook(saved(book, EM_machine_name="Sheet!$A$1:$A$3"), report(names=names), RU)
    cells = [loaded(content)["Sheet"].cell(row, 1) for row in (1, 2, 3)]
    assert [cell.value for cell in cells] == ["=1+1", "<b>&", "  сталь  "]
    assert {cell.data_type for cell in cells} <= {"s", "inlineStr"}


def test_a_list_that_does_not_fit_is_said_not_cut() -> None:
    own = saved(Book(), EM_machine_name="Sheet!$A$1:$A$10")
    with pytest.raises(ConfigError, match="EM_machine_name has room for 10 entries, the report has 12"):
        fill_workbook(own, report(), RU)


def formula_cell() -> bytes:
    book = Book()
    book.active["B3"] = "=1+1"
    return saved(book, EM_cost="Sheet!$B$3")


def bomb() -> bytes:
    return rewritten(saved(Book(), EM_cost="Sheet!$B$3"), "docProps/app.xml", lambda _x: b"0" * 70_000_000)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: b"0" * 50_000_000, "has 50.0 MB; expected at most 5 MB"),
        (lambda: b"", "is no workbook"),
        (lambda: b"%PDF-1.4", "is no workbook"),
        (lambda: b"PK\x03\x04" + b"\x00" * 400, "is no workbook"),
        (lambda: b"\xd0\xcf\x11\xe0" + b"\x00" * 400, "is protected by a password or an old XLS"),
        (lambda: saved(Book(), EM_cost="Sheet!$B$3")[:-900], "is no workbook"),
        (lambda: rewritten(saved(Book()), "[Content_Types].xml", lambda x: x.replace(b"sheet.main+xml", b"document.main+xml")), "is no workbook"),
        (lambda: rewritten(saved(Book()), "[Content_Types].xml", lambda x: x.replace(
            b"openxmlformats-officedocument.spreadsheetml.sheet.main", b"ms-excel.sheet.macroEnabled.main")), "has macros"),
        (lambda: rewritten(saved(Book(), EM_cost="Sheet!$B$3"), "xl/workbook.xml",
                           lambda x: b'<!DOCTYPE a [<!ENTITY b "c">]>' + x), "has a part with a document type"),
        (lambda: rewritten(saved(Book(), EM_cost="Sheet!$B$3"), "xl/worksheets/sheet1.xml", lambda x: x[:-20]), "is damaged"),
        (lambda: saved(Book()), "has no cell with a name EM_"),
        (lambda: saved(Book(), EM_energi_kwh="Sheet!$B$3", EM_xyzxyz="Sheet!$B$4"),
         "unknown names EM_energi_kwh, EM_xyzxyz; nearest: EM_energy_kwh"),
        (lambda: saved(Book(), EM_cost="Sheet!#REF!"), "EM_cost names no cells (Sheet!#REF!)"),
        (lambda: saved(Book(), EM_cost="Gone!$A$1"), "EM_cost names no cells (Gone!$A$1)"),
        (lambda: saved(Book(), EM_cost="5"), "EM_cost names no cells (5)"),
        (lambda: saved(Book(), EM_power_kw="Sheet!$A$1:$B$3"), "EM_power_kw names a block of cells; expected one column or one row"),
        (lambda: saved(Book(), EM_power_kw="Sheet!$A$1:$A$200000"), "names more cells than can be filled"),
        (formula_cell, "EM_cost lies on the formula of Sheet!B3"),
        (bomb, "is too large inside"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_plainly(made: Callable[[], bytes], said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        check_workbook(made(), "x.xlsx")
    assert said in str(refused.value)


def test_names_make_the_report_gather_what_they_need() -> None:
    assert parts_for(["cost", "day_cost", "power_kw", "day_date"]) == (Part.DAYS, Part.POWER)
