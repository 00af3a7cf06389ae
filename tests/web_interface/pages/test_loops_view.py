"""What the page of control loops says."""

from __future__ import annotations

import dataclasses
from zoneinfo import ZoneInfo

from domain.loop import ControlLoop, LoopEpisode, LoopErrors, LoopReport
from web_interface.format import MISSING, Format
from web_interface.pages import loops_view as view

S = 1_000_000
FMT = Format("ru", ZoneInfo("Europe/Moscow"))
ERRORS = LoopErrors(2143.0, 48879.0, 3.8e6, 9.4e7, 0.999, 93.7)
EPISODE = LoopEpisode("oven", 60 * S, 600 * S, 150.0, 180.0, ERRORS, 14.7, 30.0, 0.062, None, 0.0, 1)
LOOP = ControlLoop("oven", "Печь", "tc.w", "tc.y", "tc.u")
TRACE = [(0, 150.0, 149.0, 20.0), (60 * S, 180.0, None, 40.0)]
GOOD = LoopReport(LOOP, "°C", "%", 0, 3600 * S, 1.0, ERRORS, 0.6, False, 0, None, None, 0.4, [EPISODE], TRACE, 1)


def test_the_verdict_names_the_worst_that_is_known() -> None:
    assert view.verdict(GOOD, FMT)[1:] == ("good", "держит задание, колебаний нет")
    swings = dataclasses.replace(GOOD, oscillates=True, period_s=33.0, amplitude=25.1)
    assert view.verdict(swings, FMT)[2].startswith("колеблется с периодом 33\xa0с и амплитудой 25,1\xa0°C")
    over = dataclasses.replace(GOOD, episodes=[dataclasses.replace(EPISODE, overshoot=0.4)])
    assert view.verdict(over, FMT) == ("warning_amber", "suspect", "перерегулирование до 40\xa0%: настройка слишком резкая")
    assert view.verdict(dataclasses.replace(GOOD, harris=0.95), FMT)[1] == "suspect"
    unknown = dataclasses.replace(GOOD, errors=LoopErrors(None, None, None, None, 0.0, None))
    assert view.verdict(unknown, FMT)[1:] == ("quiet", "за это окно данных нет")


def test_figures_stand_side_by_side_with_their_units_and_dashes() -> None:
    other = dataclasses.replace(GOOD, loop=dataclasses.replace(LOOP, id="second"), harris=None, oscillates=True, period_s=33.0)
    rows = {row["id"]: row["cells"] for row in view.figure_rows([GOOD, other], FMT)}
    assert rows["iae"]["oven"]["text"].replace("\xa0", " ") == "2 140 °C·с"
    assert (rows["harris"]["oven"]["text"], rows["harris"]["second"]["text"]) == ("0,40", MISSING)
    assert rows["swing"]["oven"]["text"] == "нет"
    assert [column["key"] for column in view.figure_columns([GOOD, other], "ru")] == ["figure", "oven", "second"]


def test_an_answer_that_never_settled_says_so_and_sorts_below_all() -> None:
    cells = view.episode_rows(GOOD, FMT, 3600 * S)[0]["cells"]
    assert cells["settling"] == {"text": "не вошло", "sort": -1.0}
    assert cells["step"]["text"].replace("\xa0", " ") == "150,0 → 180,0 °C"


def test_charts_break_where_nothing_is_known_and_leave_out_what_is_not_measured() -> None:
    options, chart = view.value_chart(GOOD, FMT)
    assert [series["data"] for series in options["series"]] == [[[0.0, 150.0], [60_000.0, 180.0]], [[0.0, 149.0], [60_000.0, None]]]
    assert (chart["unit"], chart["range"]) == ("°C", [0, 3_600_000])
    assert view.output_chart(GOOD, FMT) is not None
    assert view.output_chart(dataclasses.replace(GOOD, loop=dataclasses.replace(LOOP, output=None)), FMT) is None
