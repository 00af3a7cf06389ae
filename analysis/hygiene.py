"""Alarm hygiene after ISA-18.2 (clause 16) and EEMUA 191: rates, floods, top ten, chattering, stale. Pure.

A raise is the begin of an alert or its repeat. Rates are divided by the number of operator positions; peaks and floods are those
of the whole system, as one person may be alone.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence

from domain.alert import Alert, Priority
from domain.hygiene import FEWEST_RAISES, TOP, Band, Flood, Hygiene, Noisy

TEN_MIN_US = 600_000_000
HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
STALE_US = DAY_US
FLOOD_BEGINS, FLOOD_ENDS = 10, 5  # more than 10 raises in 10 min; fewer than 5
CHATTER_RAISES, CHATTER_WINDOW_US = 3, 60_000_000
_BANDS = ((1.0, Band.ACCEPTABLE), (2.0, Band.MANAGEABLE), (5.0, Band.DEMANDING), (10.0, Band.OVER_DEMANDING))


def hygiene(
    raises: Sequence[tuple[int, int]],
    alerts: Mapping[int, Alert],
    standing: Sequence[Alert],
    from_us: int,
    to_us: int,
    *,
    positions: int = 1,
    truncated: bool = False,
) -> Hygiene:
    """`raises`: (alert id, time) in order of time; `alerts`: those named there, by id; `standing`: what stands at `to_us`."""
    times = [time_us for _, time_us in raises]
    count, span_us = len(times), max(to_us - from_us, 1)
    rate = count / positions / span_us if span_us >= TEN_MIN_US else None
    per_10_min = None if rate is None else rate * TEN_MIN_US
    tens = Counter((time_us - from_us) // TEN_MIN_US for time_us in times)
    by_key = _by_key(raises, alerts)
    top = sorted(by_key, key=lambda noisy: -noisy.raises)[:TOP]
    return Hygiene(
        from_us, to_us, positions, count,
        per_day=None if rate is None else rate * DAY_US,
        per_hour=None if rate is None else rate * HOUR_US,
        per_10_min=per_10_min,
        peak_per_10_min=_peak(times),
        band=None if per_10_min is None else band_of(per_10_min),
        flood_share=sum(n > FLOOD_BEGINS for n in tens.values()) / max(1, -(-span_us // TEN_MIN_US)),
        floods=floods(times),
        by_hour=_by_hour(times, from_us, to_us),
        top=top,
        top_share=sum(noisy.raises for noisy in top) / count if count >= FEWEST_RAISES and len(by_key) > TOP else None,
        chattering=_chattering(raises, by_key),
        stale=[alert for alert in standing if alert.hold is None and to_us - alert.raised_us > STALE_US],
        by_priority=_by_priority(raises, alerts),
        truncated=truncated,
        kinds=len(by_key),
    )  # fmt: skip


def band_of(per_10_min: float) -> Band:
    """Band of an average rate per 10 min and position; a border belongs to the worse band."""
    return next((band for below, band in _BANDS if per_10_min < below), Band.UNACCEPTABLE)


def floods(times: Sequence[int]) -> list[Flood]:
    """Floods in sorted times of raises: begun by the raise that makes more than 10 in 10 min, over when fewer than 5 are left."""
    found: list[Flood] = []
    recent: deque[int] = deque()
    begin_us: int | None = None
    raised = 0
    for time_us in times:
        while recent and time_us - recent[0] >= TEN_MIN_US:
            gone_us = recent.popleft()
            if begin_us is not None and len(recent) < FLOOD_ENDS:
                found.append(Flood(begin_us, gone_us + TEN_MIN_US, raised))
                begin_us = None
        recent.append(time_us)
        if begin_us is not None:
            raised += 1
        elif len(recent) > FLOOD_BEGINS:
            begin_us, raised = recent[0], len(recent)
    if begin_us is not None:
        found.append(Flood(begin_us, times[-1], raised))
    return found


def _peak(times: Sequence[int]) -> int:
    recent: deque[int] = deque()
    peak = 0
    for time_us in times:
        while recent and time_us - recent[0] >= TEN_MIN_US:
            recent.popleft()
        recent.append(time_us)
        peak = max(peak, len(recent))
    return peak


def _by_hour(times: Sequence[int], from_us: int, to_us: int) -> list[tuple[int, int]]:
    counts = Counter(time_us // HOUR_US * HOUR_US for time_us in times)
    return [(hour, counts[hour]) for hour in range(from_us // HOUR_US * HOUR_US, to_us, HOUR_US)]


def _by_key(raises: Sequence[tuple[int, int]], alerts: Mapping[int, Alert]) -> list[Noisy]:
    counts: Counter[str] = Counter()
    newest: dict[str, Alert] = {}
    for alert_id, _ in raises:
        alert = alerts.get(alert_id)
        if alert is not None:
            counts[alert.key] += 1
            newest[alert.key] = alert
    return [Noisy(newest[key], count, count / len(raises)) for key, count in counts.items()]


def _chattering(raises: Sequence[tuple[int, int]], by_key: Sequence[Noisy]) -> list[Noisy]:
    """Conditions with three raises within a minute at some time."""
    of_alert: dict[int, deque[int]] = {}
    found: set[int] = set()
    for alert_id, time_us in raises:
        times = of_alert.setdefault(alert_id, deque(maxlen=CHATTER_RAISES))
        times.append(time_us)
        if len(times) == CHATTER_RAISES and time_us - times[0] <= CHATTER_WINDOW_US:
            found.add(alert_id)
    return sorted((noisy for noisy in by_key if noisy.alert.id in found), key=lambda noisy: -noisy.raises)


def _by_priority(raises: Sequence[tuple[int, int]], alerts: Mapping[int, Alert]) -> dict[Priority, float]:
    counts = Counter(alerts[alert_id].priority for alert_id, _ in raises if alert_id in alerts)
    total = sum(counts.values())
    return {priority: counts[priority] / total if total else 0.0 for priority in Priority}
