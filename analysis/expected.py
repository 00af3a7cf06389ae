"""What a value is compared with: a constant, another tag, the tag's own median at the same hour, a model of another part."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Protocol
from zoneinfo import ZoneInfo

from analysis.calendar import to_local
from domain.ports import RollupRow

Model = Callable[[int], float | None]
"""The expected value at a time, in the unit of the tag; None when the model cannot tell."""
FEWEST_DAYS = 3  # a median of fewer hours says nothing


class Expected(Protocol):
    """The expected value, in the unit of the watched tag."""

    def at(self, time_us: int) -> float | None:
        """None when it is not known: then nothing is judged."""
        ...


class Constant:
    """The same at all times."""

    def __init__(self, value: float) -> None:
        self._value = value

    def at(self, time_us: int) -> float | None:
        return self._value


class OtherTag:
    """The last good value of another tag, while it is no older than `fresh_us`."""

    def __init__(self, fresh_us: int) -> None:
        self._fresh_us = fresh_us
        self._time_us, self._value = 0, 0.0

    def feed(self, time_us: int, value: float | None, quality: int) -> None:
        """One sample of it."""
        if value is not None and time_us >= self._time_us:
            self._time_us, self._value = time_us, value

    def at(self, time_us: int) -> float | None:
        return self._value if self._time_us and abs(time_us - self._time_us) <= self._fresh_us else None


class MedianByHour:
    """The tag's own median of the hourly means of the same hour of the day, by the site's wall clock."""

    def __init__(self, zone: str) -> None:
        self._zone = ZoneInfo(zone)
        self._by_hour: Mapping[int, float] = {}

    def learn(self, rows: Sequence[RollupRow]) -> None:
        """Hours of the last days."""
        self._by_hour = median_by_hour(rows, self._zone)

    def at(self, time_us: int) -> float | None:
        return self._by_hour.get(to_local(time_us, self._zone).hour)


class ModelValue:
    """A model that another part registers under a name, as it is now."""

    def __init__(self, models: Mapping[str, Model], name: str) -> None:
        self._models, self._name = models, name

    def at(self, time_us: int) -> float | None:
        model = self._models.get(self._name)
        return None if model is None else model(time_us)


def median_by_hour(rows: Sequence[RollupRow], zone: ZoneInfo) -> dict[int, float]:
    """Hour of the day -> median of its means, for hours that stand on at least 3 days."""
    means: dict[int, list[float]] = {}
    for row in rows:
        if row.mean is not None:
            means.setdefault(to_local(row.time_us, zone).hour, []).append(row.mean)
    return {hour: median(values) for hour, values in means.items() if len(values) >= FEWEST_DAYS}


def deviation_percent(value: float, expected: float | None) -> float | None:
    """100 (value - expected) / |expected|, %; None without an expectation, or where it is 0."""
    if expected is None or abs(expected) < 1e-9:
        return None
    return 100.0 * (value - expected) / abs(expected)
