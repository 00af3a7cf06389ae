"""Control loops in a report: the same figures in PDF, XLSX and preview, the verdict names who swings."""

from __future__ import annotations

import dataclasses
from io import BytesIO

import openpyxl
import pytest

from domain.loop import ControlLoop, LoopEpisode, LoopErrors, LoopReport
from reports.excel import report_xlsx
from reports.model import Report
from reports.outline import outline
from reports.pdf import report_pdf
from reports.templates import BY_ID
from reports.verdict import verdict
from tests.reports.sample import report
from tests.reports.test_writers import EN, RU, text_of

S = 1_000_000
ERRORS = LoopErrors(2143.4, 48879.0, 3.8e6, 9.4e7, 0.999, 93.7)


def judged(plain: Report) -> Report:
    """Two loops over the report's window: one holds, one swings."""
    begin = plain.from_us
    answer = LoopEpisode("a", begin + 60 * S, begin + 600 * S, 150.0, 180.0, ERRORS, 14.7, 30.0, 0.062, None, 0.01, 1)
    holds = LoopReport(
        ControlLoop("a", "Печь, зона 1", "tc.w", "tc.y", "tc.u"), "°C", "%", begin, plain.to_us, 1.0, ERRORS, 0.6, False, 0, None,
        None, 0.4, [answer], [], 1,
    )  # fmt: skip
    swings = dataclasses.replace(
        holds, loop=ControlLoop("b", "Печь, <b>зона</b> 2", "tc.w", "tc.y"), oscillates=True, half_waves=20, period_s=33.0,
        amplitude=25.1, episodes=[],
    )  # fmt: skip
    return dataclasses.replace(plain, template=BY_ID["loops"], loops=[holds, swings])


def test_the_verdict_tells_who_swings() -> None:
    made = judged(report())
    assert verdict(made, RU) == ("Колеблются контуры: 1 из 2", "Проверьте настройку: Печь, <b>зона</b> 2.")
    assert verdict(dataclasses.replace(made, loops=made.loops[:1]), EN) == ("The loops hold their set points", "")
    assert verdict(dataclasses.replace(made, loops=[]), EN)[0] == "Nothing is known of the loops in this period"
    month = dataclasses.replace(made, loops=[], to_us=made.from_us + 30 * 86_400 * S)
    assert verdict(month, EN)[0] == "Loops are judged over at most 7 days"


@pytest.mark.parametrize("words", [RU, EN])
def test_pdf_workbook_and_preview_show_the_same(words: object) -> None:
    made = judged(report())
    text = text_of(report_pdf(made, words))  # type: ignore[arg-type]
    assert "Печь, зона 1" in text
    assert "<b>зона</b>" in text.replace("\n", " ")
    book = openpyxl.load_workbook(BytesIO(report_xlsx(made, words)))  # type: ignore[arg-type]
    names = book.sheetnames
    sheet = book[names[names.index(words.t("reports.block.loops"))]]  # type: ignore[attr-defined]
    rows = list(sheet.iter_rows(min_row=2, values_only=True))
    assert (rows[0][0], rows[0][2], rows[0][4], rows[0][12]) == ("Печь, зона 1", 0.6, 2143.4, 0.999)
    assert (rows[0][9], rows[1][9]) == (None, 33.0)
    answers = list(book[words.t("report.loop.steps")].iter_rows(min_row=2, values_only=True))  # type: ignore[attr-defined]
    assert answers[0][2:6] == (150.0, 180.0, "°C", 0.062)
    lines = dict(outline(made, words).blocks)[words.t("reports.block.loops")]  # type: ignore[arg-type,attr-defined]
    assert len(lines) == 2
