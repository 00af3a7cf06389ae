"""Formulas computed: values, qualities, windows; the same whatever the rows are cut into."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.virtual.columns import Column, aligned, column_of
from analysis.virtual.stream import FormulaStream
from domain.formula import Binder
from domain.plant import Tag
from domain.quality import Quality
from domain.quantity import Quantity
from domain.sample import TagId
from domain.virtual import VirtualTag

K = Quantity
TAGS = [
    Tag(TagId(1), "m1.p", "m1", "p", K.ACTIVE_POWER, "kW"), Tag(TagId(2), "m2.p", "m2", "p", K.ACTIVE_POWER, "kW"),
    Tag(TagId(3), "m1.e", "m1", "e", K.ENERGY_IMPORT, "kWh"), Tag(TagId(4), "m1.k", "m1", "k", K.RATIO, "1"),
]  # fmt: skip
GOOD, HELD, SPIKE, LOST, TIMEOUT = (
    int(q) for q in (Quality.GOOD, Quality.HELD, Quality.SPIKE, Quality.NO_COMMUNICATION, Quality.TIMEOUT)
)
ESTIMATED, NO_VALUE, ZERO = int(Quality.ESTIMATED), int(Quality.NO_VALUE), int(Quality.DIVISION_BY_ZERO)

Series = list[tuple[float | None, int]]


def stream(formula: str, quantity: Quantity = K.ACTIVE_POWER, step_s: float = 1.0) -> FormulaStream:
    bound = Binder(TAGS, [VirtualTag("v.x", formula, quantity, quantity.unit)]).bind("v.x")
    return FormulaStream([bound.root], step_s)


def column(rows: Series) -> Column:
    return column_of([value for value, _ in rows], [quality for _, quality in rows])


def good(*values: float) -> Series:
    return [(value, GOOD) for value in values]


def run(formula: str, quantity: Quantity = K.ACTIVE_POWER, **inputs: Series) -> Series:
    rows = len(next(iter(inputs.values())))
    columns = {name.replace("_", "."): column(rows_in) for name, rows_in in inputs.items()}
    (found,) = stream(formula, quantity).feed(columns, rows)
    return [
        (None if math.isnan(value) else value, int(quality))
        for value, quality in zip(found.values, found.qualities, strict=True)
    ]


def test_the_quality_of_the_result_is_the_worst_of_what_goes_in() -> None:
    p1: Series = [(1.0, GOOD), (1.0, SPIKE), (1.0, GOOD), (None, TIMEOUT)]
    p2: Series = [(2.0, GOOD), (2.0, HELD), (None, LOST), (2.0, GOOD)]
    assert run("m1.p + m2.p", m1_p=p1, m2_p=p2) == [(3.0, GOOD), (3.0, HELD), (None, LOST), (None, TIMEOUT)]
    assert run("sum(*.p)", m1_p=p1, m2_p=p2) == [(3.0, GOOD), (3.0, HELD), (None, LOST), (None, TIMEOUT)]
    assert run("coalesce(m1.p; m2.p)", m1_p=p1, m2_p=p2) == [(1.0, GOOD), (1.0, SPIKE), (1.0, GOOD), (2.0, GOOD)]


def test_division_by_zero_is_bad_with_its_reason() -> None:
    assert run("m1.p / m2.p", K.RATIO, m1_p=good(1, 2), m2_p=good(0, 4)) == [(None, ZERO), (0.5, GOOD)]
    assert run("sqrt(m1.k)", K.RATIO, m1_k=good(-1, 4)) == [(None, NO_VALUE), (2.0, GOOD)]


def test_only_the_branch_that_is_taken_decides() -> None:
    p2: Series = [(None, TIMEOUT), (7.0, GOOD), (7.0, GOOD)]
    found = run("if(m1.p > 3 kW; m1.p; m2.p)", m1_p=[(4.0, GOOD), (3.0, GOOD), (None, LOST)], m2_p=p2)
    assert found == [(4.0, GOOD), (7.0, GOOD), (None, LOST)]


@pytest.mark.parametrize(
    ("formula", "wanted"),
    [
        ("-m1.p", -3.0), ("abs(-m1.p)", 3.0), ("min(m1.p; 2 kW; 0)", 0.0), ("max(m1.p; 500 W)", 3.0), ("clip(m1.p; 4 kW; 5 kW)", 4.0),
        ("m1.p - 500 W", 2.5), ("m1.p * 2 / 4", 1.5), ("unit(7; kW) + 0 * m1.p", 7.0), ("2 * (m1.p + 1 MW)", 2006.0),
    ],
)  # fmt: skip
def test_values(formula: str, wanted: float) -> None:
    assert run(formula, m1_p=good(3.0)) == [(pytest.approx(wanted), GOOD)]


def test_windows_say_when_they_are_not_full() -> None:
    p: Series = [*good(1, 2, 3), (None, TIMEOUT), *good(5, 6, 7)]
    found = run("avg(m1.p; 3 s)", m1_p=p)
    assert found == [
        (1.0, ESTIMATED), (1.5, ESTIMATED), (2.0, GOOD), (2.5, ESTIMATED), (4.0, ESTIMATED), (5.5, ESTIMATED), (6.0, GOOD),
    ]  # fmt: skip
    assert run("delta(m1.p; 2 s)", m1_p=p)[:4] == [(None, NO_VALUE), (None, NO_VALUE), (2.0, GOOD), (None, NO_VALUE)]


def test_the_rate_of_a_counter_is_a_power_and_a_reset_has_none() -> None:
    found = run("rate(m1.e; 1 s)", m1_e=good(10.0, 10.001, 10.003, 2.0, 2.002))
    assert found[1:] == [
        (pytest.approx(3.6), GOOD), (pytest.approx(7.2), GOOD), (None, NO_VALUE), (pytest.approx(7.2), GOOD),
    ]  # fmt: skip


values = st.one_of(st.none(), st.floats(-1e6, 1e6))
qualities = st.sampled_from([GOOD, GOOD, SPIKE, HELD])
cell = st.builds(lambda value, quality: (value, TIMEOUT if value is None else quality), values, qualities)
FORMULAS = [
    "avg(m1.p; 5 s) - delta(avg(m2.p; 20 s); 3 s)", "m1.p * m2.p / (1 kW + abs(m1.p))", "sum(*.p; 0.1 * m1.p)",
    "if(m1.p > avg(m2.p; 1 min); m1.p; coalesce(m2.p; 0))", "rate(m1.e; 7 s) + clip(m1.p; 0; 3 kW)",
]  # fmt: skip


@given(
    st.sampled_from(FORMULAS), st.lists(st.tuples(cell, cell, cell), min_size=1, max_size=90),
    st.lists(st.integers(1, 40), max_size=90),
)  # fmt: skip
def test_the_cut_of_the_rows_changes_nothing(formula: str, rows: list[tuple[tuple[float | None, int], ...]], cuts: list[int]) -> None:
    quantity = K.OTHER if "m1.p *" in formula else K.ACTIVE_POWER
    columns = {name: column([row[i] for row in rows]) for i, name in enumerate(("m1.p", "m2.p", "m1.e"))}
    bound = Binder(TAGS, [VirtualTag("v.x", formula, quantity, "kW")]).bind("v.x")
    (whole,) = FormulaStream([bound.root], 1.0).feed(columns, len(rows))
    pieces, at = FormulaStream([bound.root], 1.0), 0
    for cut in [*cuts, *([1] * len(rows))]:
        end = min(at + cut, len(rows))
        if at == end:
            break
        (piece,) = pieces.feed({name: one.part(at, end) for name, one in columns.items()}, end - at)
        np.testing.assert_array_equal(piece.values, whole.values[at:end])
        np.testing.assert_array_equal(piece.qualities, whole.qualities[at:end])
        at = end


def test_samples_on_the_grid_are_held_for_three_intervals_and_then_lost() -> None:
    times = np.array([900_000, 2_100_000])
    found, heard = aligned(times, column_of([5.0, 6.0], [GOOD, SPIKE]), np.arange(0, 7_000_000, 1_000_000), 1_000_000)
    assert found.qualities.tolist() == [LOST, GOOD, GOOD, SPIKE, HELD, HELD, LOST]
    assert heard.tolist() == [False, True, True, True, True, True, False]
    assert [None if math.isnan(v) else v for v in found.values] == [None, 5.0, 5.0, 6.0, 6.0, 6.0, None]
