"""Baselines of the invented shop: the product's own service over invented days, with one model that holds and one that does not."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, time, timedelta
from typing import Any

from analysis.baselines import Baselines
from domain.baseline import (
    Baseline,
    BaselineDefinition,
    BaselineFit,
    Coefficient,
    Period,
    PeriodRow,
    Reason,
    Variable,
    VariableKind,
)
from domain.errors import ConfigError
from domain.plant import Machine, Tag
from domain.quantity import Quantity
from domain.sample import TagId
from tests.web_interface import fake_shop as shop
from tests.web_interface.memory_stores import MemoryAudit

SAVING_FROM = date(2026, 11, 3)
WEATHER = Tag(TagId(9001), "weather.temperature", "weather", "temperature", Quantity.TEMPERATURE, "°C")


def day_row(day: date, names: Sequence[str]) -> PeriodRow:
    """A day of the shop: E = 640 + 1.8 parts + 14 K·d, less 55 kWh a day since the compressor was repaired."""
    n = day.toordinal()
    parts = 480.0 + 160 * math.sin(n * 0.9) + 60 * math.sin(n * 2.3) - (260 if day.weekday() >= 5 else 0)
    hdd = max(0.0, 9 + 7 * math.sin(n / 19) + 2 * math.sin(n * 1.7))
    energy = 640 + 1.8 * parts + 14 * hdd + 22 * math.sin(n * 5.1) - (55 if day >= SAVING_FROM else 0)
    known = {"parts": parts, "hdd": hdd, "hours": parts / 5}
    begin = shop.local_us(day, time())
    lost = day == date(2026, 11, 9)
    return PeriodRow(begin, begin + shop.DAY_US, day.isoformat(), None if lost else energy, tuple(known.get(name, 1.0) for name in names))


class FakeData:
    """BaselineData of the shop."""

    def __init__(self, clock: shop.ShopClock) -> None:
        self._clock = clock

    async def rows(self, definition: BaselineDefinition, from_us: int, to_us: int) -> list[PeriodRow]:
        names = [v.name for v in definition.variables]
        end_us = min(to_us, self._clock.now_us())
        day, found = shop.TODAY - timedelta(days=500), []
        while day < shop.TODAY:
            row = day_row(day, names)
            if row.from_us >= from_us and row.to_us <= end_us:
                found.append(row)
            day += timedelta(days=1)
        return found

    def sources(self, subject: str) -> tuple[Machine, ...]:
        machines = tuple(t.machine for t in shop.TOOLS if subject in {"site", t.machine.id, f"section:{t.machine.section}"})
        if not machines:
            raise ConfigError(f"subject: there is no {subject!r}; expected a machine id, section:<name> or site")
        return machines

    def tag(self, name: str) -> Tag:
        if name == WEATHER.name:
            return WEATHER
        raise ConfigError(f"source: there is no tag {name!r}")


class MemoryBaselines:
    def __init__(self, held: list[Baseline]) -> None:
        self.held, self.number = held, len(held)

    async def save(self, baseline: Baseline) -> Baseline:
        self.number += 1
        version = 1 + max((b.version for b in self.held if b.definition.name == baseline.definition.name), default=0)
        self.held.append(replace(baseline, id=self.number, version=version))
        return self.held[-1]

    async def all(self) -> list[Baseline]:
        return self.held[::-1]

    async def get(self, baseline_id: int) -> Baseline | None:
        return next((b for b in self.held if b.id == baseline_id), None)

    async def delete(self, baseline_id: int) -> None:
        self.held[:] = [b for b in self.held if b.id != baseline_id]


class SameProcess:
    async def run(self, function: Callable[..., Any], *args: Any) -> Any:
        return function(*args)


def _stored() -> list[Baseline]:
    """As fitted on 1 August to 29 October; written out so that starting needs no scipy."""
    begin, end = shop.local_us(date(2026, 8, 1), time()), shop.local_us(date(2026, 10, 30), time())
    parts = Variable("parts", VariableKind.PARTS, "lathe-1", unit="1")
    hdd = Variable("hdd", VariableKind.HEATING, "weather.temperature", base_c=18.0, unit="K·d")
    good = BaselineFit(
        90, 0, 639.2, (Coefficient("parts", 1.801, 0.0103, 0.0, 12.0, 696.0, 1.01), Coefficient("hdd", 14.05, 0.33, 0.0, 0.0, 17.9, 1.01)),
        0.9972, 0.9971, 0.0101, 0.0, 15.9, 1.1, ((32.0, -0.04, -1.1), (-0.04, 0.0001, 0.0), (-1.1, 0.0, 0.11)), 1.663, 1571.0,
    )
    hours = Variable("hours", VariableKind.HOURS, "furnace-1", unit="h")
    bad = BaselineFit(
        42, 5, 120.0, (Coefficient("hours", 3.9, 2.4, 0.11, 4.0, 22.0, 1.0),), 0.41, 0.40, 0.22, 0.0, 48.0, 1.0, ((90.0, 0.0), (0.0, 5.7)), 1.684, 190.0,
        (
            Reason("low_r2", {"value": 0.41, "bound": 0.75}), Reason("high_cv_rmse", {"value": 0.22, "bound": 0.15}),
            Reason("high_p", {"variable": "hours", "value": 0.11, "bound": 0.1}), Reason("missing", {"missing": 5.0, "total": 47.0}, blocking=False),
        ),
    )
    return [
        Baseline(1, BaselineDefinition("Цех: детали и погода", "site", Period.DAY, (parts, hdd), begin, end), good, 1, 1, end + shop.DAY_US, "engineer"),
        Baseline(2, BaselineDefinition("Печь по часам", "furnace-1", Period.DAY, (hours,), begin, end), bad, 1, 1, end, "engineer"),
    ]


def fake_baselines(clock: shop.ShopClock, audit: MemoryAudit) -> Baselines:
    return Baselines(FakeData(clock), MemoryBaselines(_stored()), audit, clock, SameProcess())  # type: ignore[arg-type]


def as_at_start(service: Baselines) -> None:
    """Forget what was changed."""
    service._store.held[:] = _stored()  # type: ignore[attr-defined]
