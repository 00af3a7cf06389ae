"""The cube as a table of two dimensions; plan against fact as rows."""

from __future__ import annotations

from datetime import date

import pytest

from domain.cube import CubeAnswer, CubeRow, Dimension
from domain.plan import Plan, PlanFact, PlanInterval, PlanScope, Progress
from web_interface.pages.cube_view import axes, cell_of, digits_of, pivot, pivot_rows, plan_rows

H = 3_600_000_000
BY = (Dimension.MACHINE, Dimension.STATE)


def row(machine: str, state: str, kwh: float | None) -> CubeRow:
    return CubeRow({Dimension.MACHINE: machine, Dimension.STATE: state}, kwh, 0.0, H, H if kwh is not None else 0)


ROWS = [row("a", "off", 1.0), row("a", "production", 5.0), row("b", "production", 9.0), row("b", "no_data", None)]
ANSWER = CubeAnswer(0, H, BY, ROWS, CubeRow({}, 15.0, 0.0, 4 * H, 3 * H))


def number(value: float | None, digits: int) -> str:
    return "—" if value is None else f"{value:.{digits}f}"


def test_largest_machine_first_states_in_their_own_order() -> None:
    found = pivot(ANSWER, *BY)
    assert list(found.rows) == ["b", "a"]
    assert list(found.columns) == ["production", "off", "no_data"]
    assert found.column_totals == {"production": 14.0, "off": 1.0, "no_data": None}
    assert found.row_totals["b"].completeness == 0.5


def test_rows_tell_unknown_from_absent_and_end_with_the_total() -> None:
    rows = pivot_rows(pivot(ANSWER, *BY), Dimension.MACHINE, lambda _d, v: str(v), number, lambda s: f"{s:.0%}", "Total")
    first, second, total = (found["cells"] for found in rows)
    assert [first[c] and first[c]["text"] for c in ("c0", "c1", "c2")] == ["9.0", "", "—"]
    assert (first["share"]["text"], first["share"]["load"], first["what"]["href"]) == ("60%", 60.0, "/machines/b")
    assert second["total"]["text"] == "6.0"
    assert (total["what"]["text"], total["total"]["text"]) == ("Total", "15.0")


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("hour-shift", (Dimension.HOUR, Dimension.SHIFT)), ("", BY), ("hour-hour", BY), ("hour-machine", BY), ("weather-state", BY),
        ("state-break", (Dimension.STATE, Dimension.BREAK)),
    ],
)  # fmt: skip
def test_axes_of_the_address(asked: str, found: tuple[Dimension, Dimension]) -> None:
    assert axes(asked) == found


@pytest.mark.parametrize(
    ("row_id", "key", "asked"),
    [
        ("r0", "c0", ("b", {"state": "production"})), ("r1", "total", ("a", {})), ("total", "c1", ("site", {"state": "off"})),
        ("total", "total", ("site", {})),
    ],
)  # fmt: skip
def test_a_cell_names_its_subject_and_what_it_is_of(row_id: str, key: str, asked: tuple[str, dict[str, str]]) -> None:
    assert cell_of(pivot(ANSWER, *BY), *BY, row_id, key) == asked


def test_hours_are_ordered_by_the_clock() -> None:
    by = (Dimension.HOUR, Dimension.SHIFT)
    rows = [CubeRow({Dimension.HOUR: hour, Dimension.SHIFT: "1"}, 1.0, 0.0, H, H) for hour in (10, 9, 23, 0)]
    assert list(pivot(CubeAnswer(0, H, by, rows, CubeRow({}, 4.0, 0.0, H, H)), *by).rows) == [0, 9, 10, 23]


def test_digits_follow_the_size() -> None:
    assert [digits_of(total) for total in (None, 3.0, 300.0, 30_000.0)] == [2, 2, 1, 0]


def test_more_energy_and_fewer_parts_than_planned_ask_for_attention() -> None:
    site, machine = Plan(PlanScope.SITE, "", PlanInterval.DAY), Plan(PlanScope.MACHINE, "m", PlanInterval.DAY)
    facts = [
        PlanFact(site, "d", date(2026, 6, 10), 0, H, True, Progress(100, 60, 50, 120), Progress(100, 40, 50, 80)),
        PlanFact(machine, "d", date(2026, 6, 10), 0, H, False, Progress(100, 101, 100, 101), Progress(10, None, 10, None)),
    ]
    rows = plan_rows(facts, lambda f: f.plan.subject, lambda _f: "today", number, lambda share: f"{share:+.0%}")
    cells = [found["cells"] for found in rows]
    assert [(c["deviation"]["text"], c["deviation"]["tone"]) for c in cells] == [("+20%", "alarm"), ("-20%", "alarm"), ("+1%", ""), ("—", "")]
    assert (cells[0]["projection"], cells[2]["projection"], cells[3]["actual"]["text"]) == ("120.0", "", "—")
