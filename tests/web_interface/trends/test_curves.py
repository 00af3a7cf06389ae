"""Curves: a gap is a gap, no peak vanishes, what is doubtful is marked with its reason."""

from __future__ import annotations

from collections.abc import Sequence

from domain.ports import RawSeries, RollupRow, RollupSeries, Step
from domain.quality import Quality
from tests.web_interface.fake_shop import tags
from web_interface.trends.curves import MOST_MARKS, Mark, MarkKind, folded, raw_curve, rollup_curve, tidy
from web_interface.trends.tiers import MOST_POINTS

POWER = next(tag for tag in tags() if tag.name == "m1.active_power")
ENERGY = next(tag for tag in tags() if tag.name == "m1.energy_import")
S = 1_000_000
M = 60 * S
T = 1_763_000_000 * S // M * M


def raw(*samples: tuple[float, float | None, int]) -> RawSeries:
    """(second, value, quality)."""
    times, values, qualities = zip(*samples, strict=True) if samples else ((), (), ())
    return RawSeries(POWER.id, [T + round(t * S) for t in times], list(values), list(qualities))


def rows(*values: float | None, first: int = 0, **more: float | None) -> list[RollupRow]:
    """One a minute; the band is a tenth around the mean."""
    return [
        RollupRow(T + (first + n) * M, 60, 60 if v is not None else 0, v and v * 0.9, v and v * 1.1, v, v, v, M if v is not None else 0,
                  **more)  # type: ignore[arg-type]
        for n, v in enumerate(values)
    ]  # fmt: skip


def minutes(found: Sequence[RollupRow]) -> RollupSeries:
    return RollupSeries(POWER.id, Step.M1, found)


def kinds(marks: Sequence[Mark]) -> list[tuple[str, float, float, str | None]]:
    return [(m.kind.value, (m.from_us - T) / S, (m.to_us - T) / S, m.reason) for m in marks]


def test_a_gap_breaks_the_line_and_is_marked() -> None:
    series = raw((0, 1.0, 0), (1, 2.0, 0), (20, 3.0, 0), (21, 4.0, 0))
    curve = raw_curve(POWER, series, T, T + 22 * S, T + 22 * S)
    assert [p.value for p in curve.points] == [1.0, 2.0, None, 3.0, 4.0]
    assert kinds(curve.marks) == [("gap", 1.0, 20.0, None)]
    assert (curve.least, curve.greatest, curve.mean) == (1.0, 4.0, 2.5)


def test_a_bad_sample_breaks_the_line_and_says_why_and_an_uncertain_one_stays_drawn() -> None:
    timeout, spike = int(Quality.TIMEOUT), int(Quality.SPIKE)
    series = raw((0, 1.0, 0), (1, None, timeout), (2, None, timeout), (3, 1.0, 0), (4, 99.0, spike), (5, 1.0, 0))
    curve = raw_curve(POWER, series, T, T + 6 * S, T + 6 * S)
    assert [p.value for p in curve.points] == [1.0, None, None, 1.0, 99.0, 1.0]
    assert kinds(curve.marks) == [("bad", 1.0, 3.0, "timeout"), ("uncertain", 4.0, 5.0, "spike")]
    assert curve.greatest == 1.0, "figures are over what is good"


def test_what_is_still_to_come_is_no_gap_and_what_is_late_is_one() -> None:
    series = raw(*((n, 1.0, 0) for n in range(10)))
    assert raw_curve(POWER, series, T, T + 3600 * S, T + 12 * S).marks == []
    assert kinds(raw_curve(POWER, series, T, T + 3600 * S, T + 100 * S).marks) == [("gap", 9.0, 100.0, None)]


def test_nothing_at_all_is_one_gap_up_to_now() -> None:
    assert kinds(raw_curve(POWER, raw(), T, T + 100 * S, T + 40 * S).marks) == [("gap", 0.0, 40.0, None)]
    assert raw_curve(POWER, raw(), T, T + 100 * S, T - S).marks == []
    empty = rollup_curve(POWER, minutes([]), T, T + 600 * S, T + 600 * S)
    assert (kinds(empty.marks), list(empty.points), empty.mean) == ([("gap", 0.0, 600.0, None)], [], None)


def test_an_aggregated_point_stands_in_the_middle_of_its_bucket_with_its_band() -> None:
    curve = rollup_curve(POWER, minutes(rows(10.0, 20.0)), T, T + 2 * M, T + 2 * M)
    assert [(p.time_us - T, p.value, p.low, p.high) for p in curve.points] == [(M // 2, 10.0, 9.0, 11.0), (M + M // 2, 20.0, 18.0, 22.0)]
    assert (curve.least, curve.greatest, curve.mean, curve.width_s, list(curve.marks)) == (9.0, 22.0, 15.0, 60.0, [])


def test_missing_buckets_are_a_gap_and_buckets_without_a_good_sample_are_bad() -> None:
    found = [*rows(1.0, None, 2.0), *rows(3.0, first=10)]
    curve = rollup_curve(POWER, minutes(found), T, T + 11 * M, T + 11 * M)
    assert [p.value for p in curve.points] == [1.0, None, 2.0, None, 3.0]
    assert [(k, a / 60, b / 60) for k, a, b, _ in kinds(curve.marks)] == [("bad", 1.0, 2.0), ("gap", 3.0, 10.0)]


def test_a_bucket_with_some_bad_samples_says_how_many_were_good() -> None:
    found = rows(1.0, 1.0, 1.0)
    found[1] = RollupRow(T + M, 60, 45, 1.0, 1.0, 1.0, 1.0, 1.0, M)
    (mark,) = rollup_curve(POWER, minutes(found), T, T + 3 * M, T + 3 * M).marks
    assert (mark.kind, mark.share) == (MarkKind.PARTIAL, 0.75)


def test_growth_of_a_counter_and_the_part_that_was_estimated() -> None:
    found = [*rows(100.0, 101.0, consumption=1.0, estimated=0.0), *rows(103.0, first=2, consumption=2.0, estimated=1.5)]
    grown = rollup_curve(ENERGY, minutes(found), T, T + 3 * M, T + 3 * M, growth=True)
    assert [p.value for p in grown.points] == [1.0, 1.0, 2.0]
    assert [p.low for p in grown.points] == [None] * 3
    (mark,) = grown.marks
    assert (mark.kind, (mark.from_us - T) // M, mark.share, grown.growth) == (MarkKind.ESTIMATED, 2, 0.75, 4.0)
    reading = rollup_curve(ENERGY, minutes(found), T, T + 3 * M, T + 3 * M)
    assert [p.value for p in reading.points] == [100.0, 101.0, 103.0]


def test_folding_days_keeps_the_bound_and_every_peak() -> None:
    many = rows(*(float(n % 97) for n in range(3 * MOST_POINTS + 5)))
    many[4321] = RollupRow(T + 4321 * M, 60, 60, -7.0, 555.0, 10.0, 10.0, 10.0, M)
    short, width_us = folded(many, M)
    assert len(short) <= MOST_POINTS
    assert width_us == 4 * M
    assert max(row.max for row in short if row.max is not None) == 555.0
    assert min(row.min for row in short if row.min is not None) == -7.0
    assert sum(row.count for row in short) == 60 * len(many)
    assert folded(many[:10], M) == (many[:10], M)
    assert folded([], M) == ([], M)


def test_marks_that_nearly_touch_become_one_and_their_number_is_bounded() -> None:
    window = 1000 * M
    near = [Mark(MarkKind.PARTIAL, T + n * 2 * M, T + n * 2 * M + M, None, 0.5) for n in range(10)]
    (one,) = tidy(near, T, T + window)
    assert (one.from_us, one.to_us, one.share) == (T, T + 19 * M, 0.5)
    apart = [Mark(MarkKind.GAP, T + n * 4 * M, T + n * 4 * M + M) for n in range(250)]
    assert len(tidy(apart, T, T + window)) == MOST_MARKS
    assert tidy([Mark(MarkKind.GAP, T - M, T + M), Mark(MarkKind.GAP, T + window, T + window + M)], T, T + window) == [
        Mark(MarkKind.GAP, T, T + M)
    ]


def test_a_compared_curve_is_drawn_later_with_all_it_has() -> None:
    curve = raw_curve(POWER, raw((0, 1.0, 0), (30, 2.0, 0)), T, T + 31 * S, T + 99 * S)
    later = curve.shifted(3600 * S)
    assert [p.time_us for p in later.points] == [p.time_us + 3600 * S for p in curve.points]
    assert [m.from_us for m in later.marks] == [m.from_us + 3600 * S for m in curve.marks]
    assert (later.least, later.greatest) == (curve.least, curve.greatest)


D = 86_400 * S


def day(n: int, count: int = 86_400, length_us: int = D) -> RollupRow:
    """Day `n` of all good samples."""
    return RollupRow(T + n * D, count, count, 1.0, 2.0, 1.5, 1.0, 2.0, min(count * S, length_us))


def days(*found: RollupRow) -> RollupSeries:
    return RollupSeries(POWER.id, Step.D1, found)


def test_samples_that_never_came_are_marked_in_the_coarse_tiers_too() -> None:
    curve = rollup_curve(POWER, days(day(0), day(1, 43_200), day(2)), T, T + 3 * D, T + 9 * D)
    (mark,) = curve.marks
    assert (mark.kind, (mark.from_us - T) // D, (mark.to_us - T) // D, mark.share) == (MarkKind.PARTIAL, 1, 2, 0.5)


def test_a_late_poll_a_running_bucket_and_a_short_day_are_no_doubt() -> None:
    late = RollupRow(T + M, 58, 58, 1.0, 1.0, 1.0, 1.0, 1.0, M)
    running = RollupRow(T + 2 * M, 20, 20, 1.0, 1.0, 1.0, 1.0, 1.0, 20 * S)
    assert rollup_curve(POWER, minutes([*rows(1.0), late, running]), T, T + 3 * M, T + 2 * M + 20 * S).marks == []
    hour = 3_600 * S
    spring = [day(0), RollupRow(T + D, 82_800, 82_800, 1.0, 2.0, 1.5, 1.0, 2.0, 23 * hour)]
    after = RollupRow(T + 2 * D - hour, 86_400, 86_400, 1.0, 2.0, 1.5, 1.0, 2.0, D)
    assert rollup_curve(POWER, days(*spring, after), T, T + 3 * D - hour, T + 9 * D).marks == []
    assert rollup_curve(POWER, days(*spring), T, T + 2 * D - hour, T + 9 * D).marks == []


def test_a_past_that_was_read_seldomer_has_nothing_missing_but_its_own_gaps() -> None:
    past, since = [day(n, 1_440) for n in range(20)], [day(n) for n in range(20, 40)]
    assert rollup_curve(POWER, days(*past, *since), T, T + 40 * D, T + 99 * D).marks == []
    past[7] = day(7, 360)
    (mark,) = rollup_curve(POWER, days(*past, *since), T, T + 40 * D, T + 99 * D).marks
    assert (mark.kind, (mark.from_us - T) // D, mark.share) == (MarkKind.PARTIAL, 7, 0.25)


def test_a_counter_that_was_read_seldom_grew_by_what_it_shows() -> None:
    found = rows(100.0, 101.0, consumption=1.0, estimated=0.0)
    found[1] = RollupRow(T + M, 1, 1, 101.0, 101.0, None, 101.0, 101.0, S, 1.0, 0.0)
    assert rollup_curve(ENERGY, minutes(found), T, T + 2 * M, T + 2 * M, growth=True).marks == []


def test_folding_goes_by_time_so_that_a_gap_stays_a_gap() -> None:
    apart = [day(n) for n in (0, 1, 2, 900, 901, 902)]
    short, width_us = folded(apart, D, most=4)
    assert width_us == 2 * D
    assert [((row.time_us - T) // D, row.count // 86_400) for row in short] == [(0, 2), (2, 1), (900, 2), (902, 1)]
    curve = rollup_curve(POWER, days(*(day(n) for n in (*range(2001), *range(3000, 3002)))), T, T + 3002 * D, T + 4000 * D)
    assert [(m.kind.value, (m.from_us - T) // D, (m.to_us - T) // D) for m in curve.marks if m.kind is MarkKind.GAP] == [("gap", 2002, 3000)]
