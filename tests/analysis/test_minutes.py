"""Minutes from a stream and from columns are the same numbers; states and shifts fall into them exactly."""

from __future__ import annotations

import random

from analysis.detectors.minute import CHANNELS, MINUTE_US, MinuteFold, minutes_of, with_calendar, with_states
from domain.quality import Quality
from domain.state import MachineState as M
from domain.state import StateInterval

S = 1_000_000
T0 = 1_763_548_800_000_000


def recording(seconds: int, seed: int = 7) -> dict[int, tuple[list[int], list[float | None], list[int]]]:
    """Three channels with bad values, spikes and a gap of two minutes."""
    random.seed(seed)
    columns = {}
    for channel in (0, 3, 4):
        times, values, qualities = [], [], []
        for second in range(seconds):
            if 130 <= second < 250:
                continue
            times.append(T0 + second * S + random.randrange(S))
            bad = random.random() < 0.05
            values.append(None if bad else random.gauss(50, 10))
            qualities.append(int(Quality.TIMEOUT) if bad else int(Quality.SPIKE) if random.random() < 0.02 else 0)
        columns[channel] = (times, values, qualities)
    return columns


def test_stream_and_columns_give_the_same_minutes() -> None:
    columns = recording(1000)
    fold = MinuteFold(1.0)
    rows = [(t, channel, v, q) for channel, (ts, vs, qs) in columns.items() for t, v, q in zip(ts, vs, qs, strict=True)]
    for time_us, channel, value, quality in sorted(rows):
        fold.add(channel, time_us, value, quality)
    streamed = fold.take(T0 + 3600 * S)
    assert streamed == minutes_of(columns, 1.0)
    assert len(streamed) == 16  # of 17 begun minutes one lies wholly in the gap
    assert all(len(minute.frequency_10s) <= 6 for minute in streamed)


def test_take_gives_only_what_is_over_and_late_samples_are_left_out() -> None:
    fold = MinuteFold(1.0)
    fold.add(0, T0, 4.0, 0)
    assert fold.take(T0 + 30 * S) == []
    fold.add(0, T0 + 61 * S, 8.0, 0)
    fold.add(0, T0 + 59 * S, 1000.0, 0)
    (minute,) = fold.take(T0 + 61 * S)
    assert (minute.time_us, minute.power_kw, minute.known_s) == (T0, 4.0, 1.0)
    fold.forget()
    assert fold.take(T0 + 3600 * S) == []


def test_a_minute_known_in_part_stands_for_its_mean() -> None:
    fold = MinuteFold(3.0)
    for second in range(0, 30, 3):
        fold.add(0, T0 + second * S, 6.0, 0)
    (minute,) = fold.take(T0 + MINUTE_US)
    assert minute.known_s == 30.0
    assert minute.energy_kwh == 6.0 / 60


def test_states_are_cut_at_the_borders_of_minutes() -> None:
    fold = MinuteFold(1.0)
    for second in range(180):
        fold.add(0, T0 + second * S, 1.0, 0)
    intervals = [
        StateInterval("m", M.OFF, T0 - 900 * S, T0 + 20 * S),
        StateInterval("m", M.IDLE, T0 + 20 * S, T0 + 100 * S),
        StateInterval("m", M.PRODUCTION, T0 + 100 * S, None),
    ]
    first, second, third = with_states(fold.take(T0 + 180 * S), intervals)
    assert (first.off_s, first.idle_s, first.production_s) == (20.0, 40.0, 0.0)
    assert (second.off_s, second.idle_s, second.production_s) == (0.0, 40.0, 20.0)
    assert third.producing
    assert not third.idle
    (dated, *_) = with_calendar([first], lambda _t: (False, 47))
    assert (dated.in_shift, dated.week, dated.off_s) == (False, 47, 20.0)


def test_channels_are_standard_points() -> None:
    assert CHANNELS[0] == "active_power"
    assert CHANNELS[4:7] == ("voltage_l1", "voltage_l2", "voltage_l3")
