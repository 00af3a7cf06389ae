"""A past for the simulated shop: what its meters would have shown, as batches, from the very models that are then served live.

Values are cut to the resolution of each point's register, so a counter's history never lies above what the live meter shows next.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from domain.plant import Device, Plant, Tag
from domain.profile import Group, MercuryPoint, ModbusPoint, Point
from domain.quality import Quality
from domain.quantity import Kind, Quantity
from domain.sample import Batch, TagId, TextSample
from simulator.faults import Outage, silent_at
from simulator.grid import Floats, Times
from simulator.models import ShopModels, models_of
from simulator.registers import cut_to, quantise, ratio_of
from simulator.shop_calendar import US
from simulator.sources import Source, text_of

_CHUNK_US: Final = 6 * 3600 * US
_MERCURY_RESOLUTION: Final = {  # canonical unit; devices.md, integers with divisors 100 and 1000, energy in Wh
    Quantity.ACTIVE_POWER: 1e-5, Quantity.REACTIVE_POWER: 1e-5, Quantity.APPARENT_POWER: 1e-5, Quantity.VOLTAGE: 0.01,
    Quantity.CURRENT: 0.001, Quantity.FREQUENCY: 0.01, Quantity.POWER_FACTOR: 0.001, Quantity.PHASE_ANGLE: 0.01,
    Quantity.ENERGY_IMPORT: 0.001, Quantity.ENERGY_EXPORT: 0.001, Quantity.REACTIVE_ENERGY_IMPORT: 0.001,
    Quantity.REACTIVE_ENERGY_EXPORT: 0.001, Quantity.THD: 0.01, Quantity.TEMPERATURE: 1.0,
}  # fmt: skip


def history(
    plant: Plant, tags: Sequence[Tag], from_us: int, to_us: int, seed: int = 1, *, step_s: float | None = None,
    outages: Sequence[Outage] = (), shop: ShopModels | None = None, only: Collection[str] | None = None,
) -> Iterator[Batch]:
    """Batches of all enabled devices in [from_us, to_us), in order of time for each device.

    `step_s`: time between samples where it is longer than the device's own interval (None: the interval itself). Instants are
    whole multiples of the step. `tags` must carry their registered ids. `shop`: models that are already built. `only`: these
    points (by their names in the profile), None all.
    """
    shop = shop or models_of(plant, seed)
    wanted = [tag for tag in tags if only is None or tag.point in only]
    columns = [_Columns(d, wanted, shop.source(d), outages) for d in plant.devices if d.enabled]
    for start_us in range(from_us, to_us, _CHUNK_US):
        end_us = min(start_us + _CHUNK_US, to_us)
        for device in columns:
            yield from device.batches(start_us, end_us, step_s, first=start_us == from_us)


def weeks_before(
    plant: Plant, tags: Sequence[Tag], now_us: int, days: int, seed: int = 1, *, only: Collection[str],
    shop: ShopModels | None = None,
) -> Iterator[Batch]:
    """The days before yesterday, each minute, `only` these points: from local midnight to local midnight."""
    begin_us, end_us = (_midnight_us(plant, now_us, back) for back in (days, 1))
    yield from history(plant, tags, begin_us, end_us, seed, step_s=60.0, shop=shop, only=only)


def _midnight_us(plant: Plant, now_us: int, days_back: int) -> int:
    zone = ZoneInfo(plant.site.timezone)
    day = datetime.fromtimestamp(now_us / US, zone).date() - timedelta(days=days_back)
    return round(datetime.combine(day, time(0), zone).astimezone(UTC).timestamp()) * US


def since_yesterday(
    plant: Plant, tags: Sequence[Tag], now_us: int, seed: int = 1, *, outages: Sequence[Outage] = (),
    shop: ShopModels | None = None,
) -> Iterator[Batch]:
    """From yesterday's local midnight until now: each minute, and the last hour as dense as each device is read, 5 s at most."""
    midnight_us = _midnight_us(plant, now_us, 1)
    last_hour_us = (now_us - 3600 * US) // (60 * US) * 60 * US
    shop = shop or models_of(plant, seed)
    yield from history(plant, tags, midnight_us, last_hour_us, seed, step_s=60.0, outages=outages, shop=shop)
    yield from history(plant, tags, last_hour_us, now_us, seed, step_s=5.0, outages=outages, shop=shop)


class _Columns:
    """One device's tags by group, and how its values come about."""

    def __init__(self, device: Device, tags: Sequence[Tag], source: Source, outages: Sequence[Outage]) -> None:
        self._device, self._source = device, source
        self._outages = [o for o in outages if o.device_id == device.id]
        ids = {tag.point: tag.id for tag in tags if tag.device_id == device.id}
        known = [p for p in device.profile.points if p.tag in ids]
        self._ids = ids
        mercury = device.profile.protocol == "mercury"  # tells of itself in its own words: left to the first reading
        self._texts = [p for p in known if p.kind is Kind.TEXT and p.tag not in source.changing and not mercury]
        self._daily = [p for p in known if p.kind is not Kind.TEXT and p.group is Group.DAILY and not mercury]
        self._numbers = {group: [p for p in known if p.kind is not Kind.TEXT and p.group is group] for group in Group}

    def batches(self, from_us: int, to_us: int, step_s: float | None, *, first: bool) -> Iterator[Batch]:
        """Daily points come with the first batch of all only."""
        fast_s = max(step_s or 0.0, self._device.scan_s)
        slow_s = max(60.0, fast_s)
        if fast_s >= 60.0:
            found = [self._of([*self._numbers[Group.FAST], *self._numbers[Group.SLOW]], _grid(from_us, to_us, fast_s))]
        else:
            found = [
                self._of(self._numbers[Group.FAST], _grid(from_us, to_us, fast_s)),
                self._of(self._numbers[Group.SLOW], _grid(from_us, to_us, slow_s)),
            ]
        if first:
            found.insert(0, self._of(self._daily, np.array([from_us]), texts=bool(self._texts)))
        for batches in found:
            yield from batches

    def _of(self, points: Sequence[Point], times_us: Times, *, texts: bool = False) -> Iterator[Batch]:
        if not times_us.size or not (points or texts):
            return
        device = self._device
        series = self._source.series(times_us)
        columns = [settle(device, point, series[point.tag]) for point in points]
        told = self._steady_texts(times_us) if texts else self._changing_texts(times_us)
        rows = np.array(columns).T.tolist() if columns else [[] for _ in times_us]
        ids = tuple(self._ids[p.tag] for p in points)
        good, lost = [int(Quality.GOOD)] * len(ids), [int(Quality.TIMEOUT)] * len(ids)
        for time_us, row in zip(times_us.tolist(), rows, strict=True):
            if self._outages and silent_at(self._outages, device.id, time_us):
                yield Batch(device.id, time_us, ids, [None] * len(ids), lost)
            else:
                yield Batch(device.id, time_us, ids, row, good, told.get(time_us, ()))

    def _steady_texts(self, times_us: Times) -> dict[int, tuple[TextSample, ...]]:
        texts = {p.tag: text_of(self._device, p.tag) for p in self._texts}
        return {time_us: self._samples(texts, time_us) for time_us in times_us.tolist()}

    def _changing_texts(self, times_us: Times) -> dict[int, tuple[TextSample, ...]]:
        changes = self._source.text_changes(times_us)
        return {time_us: self._samples(texts, time_us) for time_us, texts in changes.items()}

    def _samples(self, texts: Mapping[str, str], time_us: int) -> tuple[TextSample, ...]:
        return tuple(TextSample(TagId(self._ids[point]), time_us, text) for point, text in texts.items() if point in self._ids)


def settle(device: Device, point: Point, values: Floats) -> Floats:
    """Values (canonical unit) as a reader of the device sees them: to the resolution of the register or the reply."""
    if isinstance(point.where, ModbusPoint):
        return quantise(point, device.options, values)
    resolution = _MERCURY_RESOLUTION.get(point.quantity) if isinstance(point.where, MercuryPoint) else None
    if resolution is None:
        return values
    return cut_to(values, resolution * ratio_of(point, device.options), counted=point.kind is Kind.COUNTER)


def _grid(from_us: int, to_us: int, step_s: float) -> Times:
    """Whole multiples of the step in [from_us, to_us)."""
    step_us = round(step_s * US)
    return np.arange(-(-from_us // step_us) * step_us, to_us, step_us, dtype=np.int64)
