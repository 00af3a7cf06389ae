"""The past of the invented shop: the same functions of time, asked for any window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from domain.plant import Tag
from domain.ports import RawSeries, RollupRow, RollupSeries, Step
from domain.quantity import Kind, Quantity
from domain.sample import TagId
from tests.web_interface import fake_shop as shop
from tests.web_interface.fake_live import FakeLive

S = shop.S


class FakeHistory:
    """HistoryService: the same functions of time, asked for the past."""

    def __init__(self, live: FakeLive) -> None:
        self._live = live

    async def begins_us(self) -> int | None:
        return shop.START_US - 400 * shop.DAY_US

    async def raw(self, tag: str, from_us: int, to_us: int, limit: int) -> RawSeries:
        found = self._live.tag(tag)
        step = max(1, round(found.interval_s)) * S
        first = -(-from_us // step) * step
        times = list(range(first, min(to_us, self._live.clock.now_us()), step))[:limit]
        pairs = [shop.value_at(found, at) if found.kind is not Kind.TEXT else (None, 69) for at in times]
        return RawSeries(found.id, times, [v for v, _ in pairs], [q for _, q in pairs])

    async def rollup(self, tag: str, step: Step, from_us: int, to_us: int) -> RollupSeries:
        found = self._live.tag(tag)
        width = step.seconds * S
        rows = [
            self._row(found, at, width)
            for at in range(-(-from_us // width) * width, min(to_us, self._live.clock.now_us()), width)
        ]
        return RollupSeries(found.id, step, rows)

    @staticmethod
    def _row(tag: Tag, at: int, width: int) -> RollupRow:
        ends = [shop.value_at(tag, t)[0] for t in (at, at + width // 2, at + width)] if tag.kind is not Kind.TEXT else [None]
        values = [v for v in ends if v is not None]
        n = width // S
        if not values:
            return RollupRow(at, n, 0, None, None, None, None, None, 0)
        grown = values[-1] - values[0] if tag.kind is Kind.COUNTER else None
        return RollupRow(
            at,
            n,
            n,
            min(values),
            max(values),
            sum(values) / len(values),
            values[0],
            values[-1],
            width,
            grown,
            0.0 if grown is not None else None,
        )


class ById:
    """domain.ports.History over the same: by a tag's id. Tag 9001 was removed from the plant; it had the power of m1."""

    def __init__(self, history: FakeHistory) -> None:
        self._history = history
        self._names = {tag.id: tag.name for tag in shop.tags()} | {REMOVED.id: "m1.active_power"}

    async def raw(self, tag_id: TagId, from_us: int, to_us: int, *, limit: int = 1_000_000, edges: bool = False) -> RawSeries:
        return await self._history.raw(self._names[tag_id], from_us, to_us, limit)

    async def rollup(self, tag_id: TagId, step: Step, from_us: int, to_us: int) -> RollupSeries:
        return await self._history.rollup(self._names[tag_id], step, max(from_us, to_us - 400 * shop.DAY_US), to_us)


REMOVED = replace(shop.tags()[0], id=TagId(9001), name="m0.active_power", device_id="m0", quantity=Quantity.ACTIVE_POWER, unit="kW")


async def removed_tags() -> Sequence[Tag]:
    """All tags that there ever were."""
    return [*shop.tags(), REMOVED]
