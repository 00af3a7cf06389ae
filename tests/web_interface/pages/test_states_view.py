"""The histogram of a machine's power with its borders: places, heights, shares, the rows of a rehearsal."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from domain.state import MachineState as M
from domain.state import StateThresholds
from domain.state_rule import HistogramBin, Rehearsal, StateTotals
from web_interface.format import Format
from web_interface.pages.admin_states_view import BARS, Scale, bars, confidence_key, rehearsal_rows, shares

BINS = [HistogramBin(0.02, 0.03, 400), HistogramBin(2.0, 2.2, 100), HistogramBin(6.0, 7.0, 500)]
BORDERS = StateThresholds(0.3, 3.0)


def test_a_border_goes_to_its_place_and_back() -> None:
    scale = Scale.of(BINS, BORDERS)
    assert scale.low_kw < 0.02
    assert scale.high_kw > 7
    for kw in (0.025, 0.3, 3.0):
        assert scale.kw(scale.place(kw)) == pytest.approx(kw, rel=0.005)
    assert (scale.place(0.0), scale.place(1e9)) == (0.0, 1.0)
    assert [kw for _, kw in scale.ticks()] == [0.1, 1.0] or len(scale.ticks()) >= 3


def test_bars_stand_where_the_time_is() -> None:
    scale = Scale.of(BINS, BORDERS)
    heights = bars(BINS, scale)
    assert len(heights) == BARS
    assert max(heights) == 1.0
    assert heights[int(scale.place(0.5) * BARS)] == 0.0
    assert heights[int(scale.place(2.1) * BARS)] > 0.3


def test_shares_move_with_a_border() -> None:
    assert shares(BINS, BORDERS) == {M.OFF: pytest.approx(0.4), M.IDLE: pytest.approx(0.1), M.PRODUCTION: pytest.approx(0.5)}
    assert shares(BINS, StateThresholds(0.3, 1.5))[M.PRODUCTION] == pytest.approx(0.6)
    assert sum(shares([], BORDERS).values()) == 0


def test_a_rehearsal_shows_what_changes() -> None:
    now = StateTotals({M.IDLE: 7200.0, M.PRODUCTION: 3600.0}, {M.IDLE: 4.0, M.PRODUCTION: 10.0})
    then = StateTotals({M.IDLE: 3600.0, M.PRODUCTION: 7200.0}, {M.IDLE: 2.0, M.PRODUCTION: 12.0})
    found = Rehearsal("m", 0, 1, BORDERS, now, then, {(M.IDLE, M.PRODUCTION): 3600.0})
    rows = rehearsal_rows(found, Format("en", ZoneInfo("UTC"), "₽"))
    assert [row[0] for row in rows] == ["Production", "Idle"] or [row[0] for row in rows] == ["Idle", "Production"]
    assert {row[0]: row[3][-2:] for row in rows} == {"Idle": "60", "Production": "60"}
    assert [confidence_key(c) for c in (0.9, 0.5, 0.1)] == ["high", "medium", "low"]
