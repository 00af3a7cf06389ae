"""Alarm hygiene: the figures of ISA-18.2 and EEMUA 191 on small lists whose answers can be counted by hand."""

from __future__ import annotations

import pytest

from analysis.hygiene import band_of, floods, hygiene
from analysis.hygiene_explained import HygieneExplained
from domain.alert import Alert, AlertState, Hold, HoldKind, Priority
from domain.errors import ConfigError, NotFound
from domain.hygiene import Band, Flood, Hygiene

S = 1_000_000
MIN = 60 * S
H = 3600 * S


def alert(number: int, key: str = "", priority: Priority = Priority.HIGH, raised_us: int = 0, hold: Hold | None = None) -> Alert:
    return Alert(
        number, key or f"k{number}", "high", priority, AlertState.UNACKNOWLEDGED, None, None, None, None, None, "", raised_us, hold=hold
    )


@pytest.mark.parametrize(
    ("rate", "band"),
    [(0.99, Band.ACCEPTABLE), (1.0, Band.MANAGEABLE), (2.0, Band.DEMANDING), (5.0, Band.OVER_DEMANDING), (10.0, Band.UNACCEPTABLE)],
)
def test_bands_of_eemua_191(rate: float, band: Band) -> None:
    assert band_of(rate) is band


def test_rates_per_position() -> None:
    raises = [(1, i * 4 * MIN) for i in range(360)]  # one each 4 min for a day: 2.5 per 10 min
    found = hygiene(raises, {1: alert(1)}, [], 0, 24 * H, positions=2)
    assert (found.per_day, found.per_hour, found.per_10_min) == (180.0, 7.5, 1.25)
    assert (found.band, found.peak_per_10_min, found.flood_share) == (Band.MANAGEABLE, 3, 0.0)
    assert found.by_hour[:2] == [(0, 15), (H, 15)]
    assert len(found.by_hour) == 24


def test_a_window_too_short_tells_no_rate() -> None:
    assert hygiene([(1, 5)], {1: alert(1)}, [], 0, MIN).band is None


def test_a_flood_begins_over_ten_and_ends_below_five() -> None:
    times = [i * 30 * S for i in range(20)]  # one each 30 s for 10 min: the eleventh at 300 s
    assert floods(times) == [Flood(0, 570 * S, 20)]
    assert floods([i * MIN for i in range(100)]) == []  # ten in ten minutes are none
    later = [*times, *(H + i * MIN for i in range(3))]
    assert floods(later) == [Flood(0, 450 * S + 10 * MIN, 20)]  # the sixteenth leaves the window: four are left
    assert floods([]) == []


def test_flood_share_counts_ten_minute_intervals() -> None:
    raises = [(1, i * S) for i in range(11)]
    assert hygiene(raises, {1: alert(1)}, [], 0, H).flood_share == pytest.approx(1 / 6)


def test_top_ten_and_shares_by_priority() -> None:
    alerts = {n: alert(n, priority=Priority.CRITICAL if n == 12 else Priority.LOW) for n in range(1, 13)}
    raises = sorted([(n, n * H) for n in alerts] + [(1, 2 * H + i * H) for i in range(8)], key=lambda r: r[1])
    found = hygiene(raises, alerts, [], 0, 24 * H)
    assert (found.top[0].alert.key, found.top[0].raises, found.top[0].share) == ("k1", 9, 9 / 20)
    assert len(found.top) == 10
    assert found.top_share is None, "of twenty raises the ten that come most are always nearly all"
    assert found.kinds == 12
    assert found.by_priority == {Priority.CRITICAL: 1 / 20, Priority.HIGH: 0.0, Priority.MEDIUM: 0.0, Priority.LOW: 19 / 20}


def test_the_share_of_the_top_ten_is_told_only_where_it_tells_something() -> None:
    def told(kinds: int, each: int) -> float | None:
        alerts = {n: alert(n) for n in range(kinds)}
        raises = [(n % kinds, n * MIN) for n in range(kinds * each)]
        return hygiene(raises, alerts, [], 0, 24 * H).top_share

    assert told(10, 20) is None, "ten kinds are all there are"
    assert told(49, 1) is None
    assert told(25, 2) == pytest.approx(10 / 25)


def test_occurrences_of_one_condition_count_together() -> None:
    found = hygiene([(1, 0), (2, H)], {1: alert(1, "same"), 2: alert(2, "same")}, [], 0, 24 * H)
    assert [(noisy.alert.id, noisy.raises) for noisy in found.top] == [(2, 2)]


def test_chattering_is_three_within_a_minute() -> None:
    raises = [(1, 0), (1, 20 * S), (2, 30 * S), (1, 60 * S), (2, 61 * S), (2, 91 * S)]
    assert [n.alert.id for n in hygiene(raises, {1: alert(1), 2: alert(2)}, [], 0, H).chattering] == [1]


def test_stale_stands_longer_than_a_day_and_is_not_held() -> None:
    shelf = Hold(HoldKind.SHELVED, 0)
    standing = [alert(1, raised_us=0), alert(2, raised_us=2 * H), alert(3, raised_us=0, hold=shelf)]
    assert [a.id for a in hygiene([], {}, standing, H, 25 * H).stale] == [1]


async def test_the_rate_opens_with_its_numbers() -> None:
    class Desk:
        async def hygiene(self, from_us: int, to_us: int, positions: int = 1) -> Hygiene:
            return hygiene([(1, n * 4 * MIN) for n in range(360)], {1: alert(1)}, [], from_us, to_us, positions=positions)

    opened = await HygieneExplained(Desk()).explain("alarm_rate", "site", 0, 24 * H, {"positions": "2"})
    assert opened.value == 1.25
    assert opened.substituted == "600 · 360 / (2 · 86400.0)"
    assert "option=positions=2" in opened.api
    few = await HygieneExplained(Desk()).explain("alarm_top_share", "site", 0, 24 * H, {})
    assert (few.value, few.notes, few.substituted) == (None, ("hygiene.top_share.few",), "360 / 360")
    for figure, positions in (("other", "1"), ("alarm_rate", "0")):
        with pytest.raises((NotFound, ConfigError)):
            await HygieneExplained(Desk()).explain(figure, "site", 0, 24 * H, {"positions": positions})
