"""Curves as they are drawn: points with their band, breaks where nothing is known, marks of what is not to be trusted. Pure.

A gap is a gap: the line breaks and the stretch is marked. Of an aggregated tier each point carries the least and the greatest
value of its bucket, so that no peak vanishes however far one looks from.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from statistics import median_high

from domain.plant import Tag
from domain.ports import RawSeries, RollupRow, RollupSeries, Step
from domain.quality import FIRST_BAD, Quality
from domain.quantity import Kind
from web_interface.trends.tiers import MOST_POINTS, width_s

GAP_INTERVALS = 3.5  # of the nominal interval without a sample are a gap
GAP_BUCKETS = 1.5  # of a bucket's width
MISSING_SHARE = 0.02  # of the samples that a bucket should hold may be late or skipped before it is marked
NEIGHBOURS = 10  # buckets on each side that tell how many samples were usual then
SHORT_DAY_US = 23 * 3_600_000_000  # the shortest of a site's days
MERGE_SHARE = 1 / 400  # of the window: marks nearer to each other than that are drawn as one
MOST_MARKS = 200  # of one curve
LEAST_LATE_US = 30_000_000  # the newest samples are on their way to the database for so long


class MarkKind(Enum):
    """Why a stretch of a curve is marked."""

    GAP = "gap"  # nothing was stored
    BAD = "bad"  # stored without a value, with the reason
    UNCERTAIN = "uncertain"  # a value, trusted less, with the reason
    PARTIAL = "partial"  # of an aggregated point: not all samples behind it were good
    ESTIMATED = "estimated"  # growth of a counter spread over a gap


@dataclass(frozen=True, slots=True)
class Mark:
    """[from_us, to_us) of one kind. `reason` of the quality where there is one; `share` 0..1 that was good, or was estimated."""

    kind: MarkKind
    from_us: int
    to_us: int
    reason: str | None = None
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """`time_us` is a sample's time, or the middle of a bucket. `value` None breaks the line. `low`, `high`: of the bucket."""

    time_us: int
    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Curve:
    """One tag over one window. `width_s`: of a point; 0 for raw samples. Figures are over what was good in the window."""

    tag: Tag
    step: Step
    width_s: float
    points: Sequence[Point]
    marks: Sequence[Mark]
    least: float | None = None
    greatest: float | None = None
    mean: float | None = None
    growth: float | None = None  # of a counter, in its unit

    def shifted(self, by_us: int) -> Curve:
        """The same curve `by_us` later: a compared period drawn over the shown one."""
        points = [replace(p, time_us=p.time_us + by_us) for p in self.points]
        marks = [replace(m, from_us=m.from_us + by_us, to_us=m.to_us + by_us) for m in self.marks]
        return replace(self, points=points, marks=marks)


def raw_curve(tag: Tag, series: RawSeries, from_us: int, to_us: int, now_us: int) -> Curve:
    """From samples of [from_us, to_us)."""
    longest_us = round(GAP_INTERVALS * width_s(Step.RAW, tag.interval_s) * 1e6)
    points: list[Point] = []
    marks: list[Mark] = []
    values: list[float] = []
    last_us: int | None = None
    for time_us, value, quality in zip(series.times_us, series.values, series.qualities, strict=True):
        if last_us is not None and time_us - last_us > longest_us:
            points.append(Point(last_us + longest_us // 2, None))
            marks.append(Mark(MarkKind.GAP, last_us, time_us))
        bad = quality >= FIRST_BAD or value is None
        points.append(Point(time_us, None if bad else value))
        if bad or quality:
            kind = MarkKind.BAD if bad else MarkKind.UNCERTAIN
            marks.append(Mark(kind, time_us, time_us + round(width_s(Step.RAW, tag.interval_s) * 1e6), _reason(quality)))
        if not bad and value is not None and quality == 0:
            values.append(value)
        last_us = time_us
    first_us = series.times_us[0] if len(series.times_us) else None
    marks += _edges(first_us, last_us, from_us, min(to_us, now_us), longest_us)
    growth = values[-1] - values[0] if tag.kind is Kind.COUNTER and len(values) > 1 else None
    return Curve(
        tag, Step.RAW, 0.0, points, tidy(marks, from_us, to_us), min(values, default=None), max(values, default=None),
        sum(values) / len(values) if values else None, growth if growth is not None and growth >= 0 else None,
    )


def rollup_curve(tag: Tag, series: RollupSeries, from_us: int, to_us: int, now_us: int, *, growth: bool = False) -> Curve:
    """From buckets that overlap [from_us, to_us). `growth`: of a counter what it grew by in each bucket, not its reading."""
    rows, width_us = folded(series.rows, series.step.seconds * 1_000_000)
    longest_us = round(GAP_BUCKETS * width_us)
    points: list[Point] = []
    marks: list[Mark] = []
    last_us: int | None = None
    for row, usual in zip(rows, _usual(tag, rows, _lengths(rows, width_us, series.step, now_us)), strict=True):
        if last_us is not None and row.time_us - last_us > longest_us:
            points.append(Point(last_us + width_us + (row.time_us - last_us - width_us) // 2, None))
            marks.append(Mark(MarkKind.GAP, last_us + width_us, row.time_us))
        points.append(_point(row, width_us, growth))
        marks += _row_marks(tag, row, row.time_us + width_us, usual)
        last_us = row.time_us
    end_us = None if last_us is None else last_us + width_us
    marks += _edges(rows[0].time_us if rows else None, end_us, from_us, min(to_us, now_us), width_us // 2)
    covered = sum(row.covered_us for row in rows if row.mean is not None)
    mean = sum((row.mean or 0.0) * row.covered_us for row in rows) / covered if covered else None
    shown = [p for p in points if p.value is not None]
    lows = [p.value if p.low is None else p.low for p in shown]
    highs = [p.value if p.high is None else p.high for p in shown]
    grown = [row.consumption for row in rows if row.consumption is not None]
    return Curve(
        tag, series.step, width_us / 1e6, points, tidy(marks, from_us, to_us),
        min((v for v in lows if v is not None), default=None), max((v for v in highs if v is not None), default=None),
        None if growth else mean, sum(grown) if grown and tag.kind is Kind.COUNTER else None,
    )


def folded(rows: Sequence[RollupRow], width_us: int, most: int = MOST_POINTS) -> tuple[Sequence[RollupRow], int]:
    """As many neighbours made into one as leave at most `most`; extremes stay. The rows and their new width, us.

    By time, not by number: what lies behind a gap is not joined with what lies before it.
    """
    if len(rows) <= most:
        return rows, width_us
    first_us = rows[0].time_us
    places = [round((row.time_us - first_us) / width_us) for row in rows]  # days are an hour longer or shorter twice a year
    many = -(-len(rows) // most)
    while len({place // many for place in places}) > most:
        many += 1
    found: dict[int, list[RollupRow]] = {}
    for place, row in zip(places, rows, strict=True):
        found.setdefault(place // many, []).append(row)
    return [replace(_folded(some), time_us=first_us + key * many * width_us) for key, some in found.items()], width_us * many


def tidy(marks: Iterable[Mark], from_us: int, to_us: int) -> list[Mark]:
    """Cut to the window, in order; marks of a kind that touch, or nearly so, become one. At most MOST_MARKS, the longest."""
    near_us = (to_us - from_us) * MERGE_SHARE
    open_of: dict[MarkKind, int] = {}
    found: list[Mark] = []
    for whole in sorted(marks, key=lambda m: m.from_us):
        mark = replace(whole, from_us=max(whole.from_us, from_us), to_us=min(whole.to_us, to_us))
        if mark.to_us <= mark.from_us:
            continue
        place = open_of.get(mark.kind)
        if place is not None and mark.from_us - found[place].to_us <= near_us:
            found[place] = _joined(found[place], mark)
        else:
            open_of[mark.kind] = len(found)
            found.append(mark)
    if len(found) > MOST_MARKS:
        longest = sorted(found, key=lambda m: m.from_us - m.to_us)[:MOST_MARKS]
        found = sorted(longest, key=lambda m: m.from_us)
    return found


def _joined(first: Mark, second: Mark) -> Mark:
    shares = [m.share for m in (first, second) if m.share is not None]
    share = None
    if shares:  # weighed by length: a bad minute in a good day stays small
        lengths = [(m.to_us - m.from_us, m.share) for m in (first, second) if m.share is not None]
        total = sum(length for length, _ in lengths)
        share = sum(length * s for length, s in lengths) / total if total else shares[0]
    reason = first.reason if first.reason == second.reason else None
    return Mark(first.kind, first.from_us, max(first.to_us, second.to_us), reason, share)


def _edges(first_us: int | None, last_us: int | None, from_us: int, end_us: int, longest_us: int) -> list[Mark]:
    """Gaps at the window's ends; `end_us` is not later than now: what is still to come is no gap."""
    if first_us is None or last_us is None:
        return [Mark(MarkKind.GAP, from_us, end_us)] if end_us > from_us else []
    found = []
    if first_us - from_us > longest_us:
        found.append(Mark(MarkKind.GAP, from_us, first_us))
    if end_us - last_us > max(longest_us, LEAST_LATE_US):
        found.append(Mark(MarkKind.GAP, last_us, end_us))
    return found


def _point(row: RollupRow, width_us: int, growth: bool) -> Point:
    middle_us = row.time_us + width_us // 2
    if growth:
        return Point(middle_us, row.consumption)
    return Point(middle_us, row.mean, row.min, row.max)


def _lengths(rows: Sequence[RollupRow], width_us: int, step: Step, now_us: int) -> list[int]:
    """How much of each bucket is over, us. A day is as long as the begin of the next one says, else at least 23 hours."""
    found = []
    for n, row in enumerate(rows):
        length_us = width_us
        if step is Step.D1 and width_us == Step.D1.seconds * 1_000_000:
            after_us = rows[n + 1].time_us - row.time_us if n + 1 < len(rows) else 0
            length_us = after_us if SHORT_DAY_US <= after_us <= 2 * width_us - SHORT_DAY_US else SHORT_DAY_US
        found.append(max(0, min(length_us, now_us - row.time_us)))
    return found


def _usual(tag: Tag, rows: Sequence[RollupRow], lengths_us: Sequence[int]) -> list[float]:
    """Samples that each bucket should hold: as many as its neighbours did, for its length; never more than the interval says.

    The interval alone would not do: it is today's, and a past that was read seldomer has nothing missing.
    """
    rates = [row.count / length if length else 0.0 for row, length in zip(rows, lengths_us, strict=True)]
    most = 1 / (width_s(Step.RAW, tag.interval_s) * 1e6)
    return [
        min(most, median_high(rates[max(0, n - NEIGHBOURS) : n + NEIGHBOURS + 1])) * length for n, length in enumerate(lengths_us)
    ]


def _good_share(tag: Tag, row: RollupRow, usual: float) -> float:
    """Good samples of a bucket among those it should hold, 0 to 1: what never came is missing as much as what came bad.

    A counter's growth is measured from reading to reading, however few there were.
    """
    came = row.good_count / row.count if row.count else 1.0
    if tag.kind is Kind.COUNTER or usual - row.count <= max(GAP_INTERVALS, MISSING_SHARE * usual):
        return came
    return min(came, row.good_count / usual)


def _row_marks(tag: Tag, row: RollupRow, end_us: int, usual: float) -> list[Mark]:
    found = []
    share = _good_share(tag, row, usual)
    if row.count and not row.good_count:
        found.append(Mark(MarkKind.BAD, row.time_us, end_us))
    elif share < 1:
        found.append(Mark(MarkKind.PARTIAL, row.time_us, end_us, share=share))
    if row.estimated and row.consumption:
        found.append(Mark(MarkKind.ESTIMATED, row.time_us, end_us, share=min(1.0, row.estimated / row.consumption)))
    return found


def _reason(quality: int) -> str | None:
    try:
        return Quality(quality).reason
    except ValueError:
        return "internal"


def _folded(rows: Sequence[RollupRow]) -> RollupRow:
    good = [row for row in rows if row.mean is not None]
    covered = sum(row.covered_us for row in good)
    mean = sum((row.mean or 0.0) * row.covered_us for row in good) / covered if covered else None
    grown = [row.consumption for row in rows if row.consumption is not None]
    guessed = [row.estimated for row in rows if row.estimated is not None]
    return RollupRow(
        rows[0].time_us, sum(row.count for row in rows), sum(row.good_count for row in rows),
        min((row.min for row in good if row.min is not None), default=None),
        max((row.max for row in good if row.max is not None), default=None), mean, good[0].first if good else None,
        good[-1].last if good else None, covered, sum(grown) if grown else None, sum(guessed) if guessed else None,
    )
