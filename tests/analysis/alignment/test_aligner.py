"""The aligner: frames on the grid, none twice, no sample beyond its tolerance, the same as brute force; clocks and late samples."""

from __future__ import annotations

import dataclasses
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.alignment.aligner import JUMP_US, Aligner
from analysis.alignment.decide import decide
from analysis.alignment.past import aligned, grid_between
from domain.alignment import AlignedSeries, Alignment, AlignMode, Frame

MS, S = 1000, 1_000_000
T = 1_763_548_800 * S
GRID_MS, DEADLINE_MS = 100, 300
MODES = list(AlignMode)
Samples = list[tuple[int, float | None]]


def alignment(*series: AlignedSeries) -> Alignment:
    return Alignment("a", "A", GRID_MS, DEADLINE_MS, series)


def one(mode: AlignMode, tolerance_ms: int = 150) -> Alignment:
    return alignment(AlignedSeries("d.x", mode, tolerance_ms))


def brute_force(series: AlignedSeries, samples: Samples, at: int) -> float | None:
    """By the words of docs/analysis.md, with every sample known."""
    near = [(t, v) for t, v in sorted(dict(samples).items()) if abs(t - at) <= series.tolerance_us]
    before, after = [s for s in near if s[0] <= at], [s for s in near if s[0] >= at]
    if series.mode is AlignMode.HOLD:
        return before[-1][1] if before else None
    if series.mode is AlignMode.WAIT:
        return after[0][1] if after else None
    if series.mode is AlignMode.NEAREST:
        good = [(abs(t - at), t, v) for t, v in near if v is not None]
        return min(good)[2] if good else None
    if not before or not after or before[-1][1] is None or after[0][1] is None:
        return None
    (t0, low), (t1, high) = before[-1], after[0]
    assert low is not None
    assert high is not None
    return low if t0 == t1 else low + (high - low) * (at - t0) / (t1 - t0)


samples_of = st.dictionaries(st.integers(0, 2000), st.one_of(st.none(), st.sampled_from([0.0, -1.5, 2.0, 7.25])), max_size=40)
any_series = st.builds(AlignedSeries, st.just("d.x"), st.sampled_from(MODES), st.sampled_from([0, 40, 100, 150, 450]))


@given(st.lists(st.tuples(any_series, samples_of), min_size=1, max_size=3), st.randoms(use_true_random=False))
def test_in_whatever_order_samples_come_in_time_the_frames_are_those_of_brute_force(
    sources: list[tuple[AlignedSeries, dict[int, float | None]]], chance: random.Random
) -> None:
    """Each sample comes up to 250 ms after its time, so before any deadline; those of one source overtake each other only then."""
    given_alignment = dataclasses.replace(alignment(*(series for series, _ in sources)), deadline_ms=700)
    arrivals = []
    for index, (_series, samples) in enumerate(sources):
        arrived = 0
        for ms, value in sorted(samples.items()):
            arrived = max(arrived, ms + chance.randrange(250))  # in order within a source
            arrivals.append((arrived, index, ms, value))
    aligner = Aligner(given_alignment, T)
    frames: list[Frame] = []
    at = 0
    for arrived, index, ms, value in sorted(arrivals, key=lambda a: (a[0], a[2])):
        while at + 37 < arrived:
            at += 37
            frames += aligner.frames(T + at * MS)
        aligner.feed(index, T + ms * MS, value, T + arrived * MS)
        frames += aligner.frames(T + arrived * MS)
    frames += aligner.frames(T + 4000 * MS)
    assert [frame.time_us for frame in frames] == list(range(T, frames[-1].time_us + 1, GRID_MS * MS))
    assert frames[-1].time_us >= T + 3300 * MS
    for frame in frames:
        for (series, samples), got in zip(sources, frame.values, strict=True):
            expected = brute_force(series, [(T + ms * MS, value) for ms, value in samples.items()], frame.time_us)
            assert got.value == (None if expected is None else pytest.approx(expected)), (series, frame.time_us - T)
            assert (got.value is None) == (got.reason is not None)
            assert got.sample_us is None or abs(got.sample_us - frame.time_us) <= series.tolerance_us
    assert all(error.late == 0 for error in aligner.status().series)


@given(
    st.lists(st.tuples(any_series, samples_of), min_size=1, max_size=2),
    st.lists(st.tuples(st.integers(0, 1), st.integers(-100, 3000), st.integers(-400, 900)), max_size=60),
)
def test_whatever_clocks_and_sources_do_no_frame_comes_twice_or_off_the_grid_or_after_its_time(
    sources: list[tuple[AlignedSeries, dict[int, float | None]]], events: list[tuple[int, int, int]]
) -> None:
    aligner = Aligner(alignment(*(series for series, _ in sources)), T)
    frames: list[Frame] = []
    now = T
    for index, ms, step in events:
        now += step * MS  # forwards and backwards
        aligner.feed(index % len(sources), T + ms * MS, float(ms), now)
        found = aligner.frames(now)
        assert all(frame.time_us <= now for frame in found)
        frames += found
    times = [frame.time_us for frame in frames]
    assert times == sorted(set(times))
    assert all(time % (GRID_MS * MS) == 0 for time in times)
    for frame in frames:
        for (series, _), value in zip(sources, frame.values, strict=True):
            assert value.sample_us is None or abs(value.sample_us - frame.time_us) <= series.tolerance_us


@given(any_series, samples_of)
def test_over_history_the_rules_are_the_same(series: AlignedSeries, samples: dict[int, float | None]) -> None:
    ordered = sorted(samples.items())
    times = np.array([ms * MS for ms, _ in ordered], dtype=np.int64)
    values = np.array([np.nan if value is None else value for _, value in ordered], dtype=np.float64)
    grid = grid_between(-150 * MS, 2300 * MS, GRID_MS * MS)
    found = aligned(series, times, values, grid)
    for at, got in zip(grid.tolist(), found.tolist(), strict=True):
        wanted = decide(series, times.tolist(), [v for _, v in ordered], at, closed=True)
        assert wanted is not None
        assert got == pytest.approx(np.nan if wanted.value is None else wanted.value, nan_ok=True), at


@pytest.mark.parametrize("mode", MODES)
def test_zero_is_a_value_and_bad_quality_is_none(mode: AlignMode) -> None:
    aligner = Aligner(one(mode), T)
    for ms, value in ((0, 0.0), (100, None), (200, float("nan")), (300, 0.0), (400, 1.0)):
        aligner.feed(0, T + ms * MS, value, T + 400 * MS)
    found = {frame.time_us - T: frame.values[0] for frame in aligner.frames(T + 400 * MS)}
    assert (found[0].value, found[0].reason) == (0.0, None)
    if mode is not AlignMode.NEAREST:  # the nearest good one may be a neighbour
        assert (found[100 * MS].value, found[100 * MS].reason) == (None, "bad")
        assert found[200 * MS].reason == "bad"
    assert found[300 * MS].value == 0.0


@pytest.mark.parametrize(
    ("mode", "sample_ms", "reason"),
    [("hold", None, "none"), ("hold", -151, "stale"), ("wait", -10, "late"), ("wait", 151, "late"), ("interpolate", -10, "late"),
     ("interpolate", None, "none"), ("interpolate", -200, "stale"), ("nearest", -151, "stale"), ("nearest", None, "none")],
)  # fmt: skip
def test_what_is_missing_at_the_deadline_is_said_with_its_reason_and_not_waited_for(
    mode: str, sample_ms: int | None, reason: str
) -> None:
    aligner = Aligner(one(AlignMode(mode)), T)
    if sample_ms is not None:
        aligner.feed(0, T + sample_ms * MS, 5.0, T)
    early = aligner.frames(T + DEADLINE_MS * MS - 1)
    frame = (early or aligner.frames(T + DEADLINE_MS * MS))[0]
    assert (frame.time_us, frame.values[0].value, frame.values[0].reason) == (T, None, reason)


def test_one_source_away_delays_frames_to_the_deadline_and_no_longer() -> None:
    aligner = Aligner(alignment(AlignedSeries("d.x"), AlignedSeries("d.y")), T)
    aligner.feed(0, T, 1.0, T)
    assert aligner.frames(T + 299 * MS) == []
    (frame,) = aligner.frames(T + 300 * MS)
    assert [value.reason for value in frame.values] == [None, "none"]
    aligner.feed(1, T - 5 * MS, 2.0, T + 301 * MS)  # after the deadline: counted, and still good for the next
    aligner.feed(0, T + 100 * MS, 1.0, T + 301 * MS)
    (frame,) = aligner.frames(T + 400 * MS)
    assert [value.value for value in frame.values] == [1.0, 2.0]
    assert [error.late for error in aligner.status().series] == [0, 1]


def test_samples_out_of_order_and_sent_twice_change_nothing() -> None:
    aligner = Aligner(one(AlignMode.INTERPOLATE), T)
    for ms in (150, 50, 90, 50, 150):
        aligner.feed(0, T + ms * MS, float(ms), T + 160 * MS)
    frames = aligner.frames(T + 160 * MS)
    assert [(frame.time_us - T, frame.values[0].value) for frame in frames] == [(0, None), (100 * MS, pytest.approx(100.0))]
    aligner.feed(0, T - 50 * MS, -50.0, T + 170 * MS)
    assert aligner.frames(T + 170 * MS) == []
    assert aligner.status().series[0].late == 1


def test_a_clock_set_forwards_skips_the_time_between_and_one_set_back_repeats_nothing() -> None:
    aligner = Aligner(one(AlignMode.HOLD, 10_000), T)
    assert len(aligner.frames(T + S)) == 8
    hour = 3600 * S
    found = aligner.frames(T + hour)
    assert len(found) <= 4
    status = aligner.status()
    assert (status.clock_jumps, status.skipped) == (1, (hour - DEADLINE_MS * MS) // (GRID_MS * MS) - 8)
    newest = found[-1].time_us if found else T
    assert aligner.frames(T + 2 * S) == []
    assert aligner.status().clock_jumps == 2
    again = aligner.frames(T + hour + S)
    assert again[0].time_us == newest + GRID_MS * MS
    assert JUMP_US > DEADLINE_MS * MS


def test_a_source_whose_clock_is_far_ahead_is_counted_and_not_used() -> None:
    aligner = Aligner(one(AlignMode.NEAREST), T)
    aligner.feed(0, T + 3600 * S, 9.0, T)
    aligner.feed(0, T, 1.0, T)
    (frame,) = aligner.frames(T + MS)
    assert frame.values[0].value == 1.0
    assert aligner.status().series[0].ahead == 1


def test_the_error_is_the_distance_of_samples_from_grid_times() -> None:
    aligner = Aligner(one(AlignMode.HOLD), T)
    for index in range(101):
        aligner.feed(0, T + index * 100 * MS - (50 if index % 20 == 19 else 10) * MS, 1.0, T + index * 100 * MS)
    aligner.frames(T + 20 * S)
    error = aligner.status().series[0]
    assert (error.used, error.p95_ms, error.max_ms) == (102, 50.0, 110.0)  # the last is held for one frame more
    assert error.mean_ms == pytest.approx((96 * 10 + 5 * 50 + 110) / 102)


def test_memory_is_bounded_while_nothing_can_be_said() -> None:
    aligner = Aligner(one(AlignMode.HOLD), T + 3600 * S)
    for index in range(25_000):
        aligner.feed(0, T + index * MS, 1.0, T + index * MS)
    assert len(aligner._series[0].times_us) == 20_000
