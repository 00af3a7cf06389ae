"""What is now in the invented shop, as its cards and tables show it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import time

from domain.energy import ShiftPrice
from domain.plant import Tag
from domain.quantity import Kind
from domain.state import MachineState as M
from domain.state import StateInterval
from tests.web_interface import fake_shop as shop
from tests.web_interface.fake_energy import current_shift, efficiency
from tests.web_interface.fake_shop import nearest
from web_interface.services.live import LatestValue, MachineNow, ShopNow

S = shop.S


class FakeLive:
    """LiveService: every question is answered for the clock's present."""

    def __init__(self, clock: shop.ShopClock) -> None:
        self.clock = clock
        self.queues: list[tuple[frozenset[str], asyncio.Queue[tuple[str, object]]]] = []
        self._by_name = {tag.name: tag for tag in shop.tags()}

    def publish(self, kind: str, event: object) -> None:
        """What subscribers get besides the samples."""
        for kinds, queue in self.queues:
            if not kinds or kind in kinds:
                queue.put_nowait((kind, event))

    def tags(self) -> Sequence[Tag]:
        return shop.tags()

    def tag(self, name: str) -> Tag:
        if name not in self._by_name:
            raise nearest("tag", name, self._by_name)
        return self._by_name[name]

    def value(self, tag: Tag) -> LatestValue:
        tool = shop.TOOL_OF_METER.get(tag.device_id)
        machine = tool.machine.id if tool else "ctx-1250" if tag.device_id == "ctx" else None
        now = self.clock.now_us()
        now -= now % S  # polled once a second
        if tag.kind is Kind.TEXT:
            return LatestValue(tag, machine, now, None, 0, "VAL_2041.NC")
        value, quality = shop.value_at(tag, now)
        if value is not None:
            return LatestValue(tag, machine, now, value, quality, None, value, now)
        good_us = shop.LOST_US - S
        return LatestValue(tag, machine, now, None, quality, None, shop.value_at(tag, good_us)[0], good_us)

    def latest(self, *, device: str | None = None, machine: str | None = None, tag: str | None = None) -> Sequence[LatestValue]:
        if tag is not None:
            self.tag(tag)
        devices = {d.id for d in shop.plant().devices}
        machines = {tool.machine.id for tool in shop.TOOLS}
        if device is not None and device not in devices:
            raise nearest("device", device, devices)
        if machine is not None and machine not in machines:
            raise nearest("machine", machine, machines)
        found = [self.value(t) for t in shop.tags() if tag in {None, t.name} and device in {None, t.device_id}]
        return [value for value in found if machine in {None, value.machine_id}]

    def machine(self, machine_id: str) -> MachineNow:
        for tool in shop.TOOLS:
            if tool.machine.id == machine_id:
                return self._now(tool)
        raise nearest("machine", machine_id, [tool.machine.id for tool in shop.TOOLS])

    def _now(self, tool: shop.Tool) -> MachineNow:
        power = self.value(self.tag(f"{tool.machine.meter}.active_power"))
        intervals = shop.state_intervals(tool)
        kef = efficiency(tool, shop.SHIFT_US, self.clock.now_us())
        step = 4 * shop.MIN
        spark = [
            (at, None if tool.state is M.NO_DATA and at >= shop.LOST_US else spark_kw(tool, intervals, at))
            for at in range(shop.SHIFT_US, self.clock.now_us(), step)
        ]
        return MachineNow(
            tool.machine,
            tool.state,
            intervals[-1].from_us,
            power.value,
            power.quality,
            power.last_good,
            power.last_good_us,
            kef.account,
            kef,
            intervals,
            spark,
        )

    def shop(self) -> ShopNow:
        now = self.clock.now_us()
        midnight = shop.local_us(shop.TODAY, time(0))
        machines = [self._now(tool) for tool in shop.TOOLS]
        hours = range(shop.SHIFT_US, now, 3600 * S)
        return ShopNow(
            now_us=now,
            power_kw=shop.power_kw("main", now),
            shift=current_shift(),
            shift_energy_kwh=742.0,
            shift_completeness=0.998,
            kef=replace(machines[0].kef, value=0.85, numerator_kwh=630.7, denominator_kwh=742.0, account=None)
            if machines[0].kef
            else None,
            machines=machines,
            data_health=0.998,
            devices_online=12,
            devices_total=13,
            power_trend=[(t, shop.power_kw("main", t)) for t in range(midnight, now, 300 * S)],
            yesterday=[
                (t, shop.power_kw("main", t - shop.DAY_US) * 0.97) for t in range(midnight, midnight + shop.DAY_US, 300 * S)
            ],
            kef_trend=[(t, v) for t, v in zip(hours, (0.83, 0.84, 0.84, 0.84, 0.80, 0.87, 0.84), strict=False)],
            shift_cost=6110.0,
            shift_price=ShiftPrice(6110.0 / 742.0, 8.234, 8.234),
            newest_us=max(v.time_us for v in self.latest() if v.quality < 64),
        )

    async def subscribe(self, *kinds: str) -> AsyncIterator[tuple[str, object]]:
        queue: asyncio.Queue[tuple[str, object]] = asyncio.Queue()
        entry = (frozenset(kinds), queue)
        self.queues.append(entry)
        try:
            while True:
                try:
                    async with asyncio.timeout(1.0):
                        yield await queue.get()
                except TimeoutError:
                    if not kinds or "sample" in kinds:
                        yield "sample", [value for value in self.latest() if value.tag.group.value == "fast"]
        finally:
            self.queues.remove(entry)


def spark_kw(tool: shop.Tool, intervals: Sequence[StateInterval], at: int) -> float:
    """Power of the shift with its pauses."""
    for interval in intervals:
        if interval.from_us <= at and (interval.to_us is None or at < interval.to_us):
            share = {M.PRODUCTION: 1.0, M.ALARM: 1.0, M.IDLE: 0.3, M.NO_DATA: 1.0, M.OFF: 0.0}[interval.state]
            if interval.to_us is None and interval.state is M.IDLE:
                share = 1.0  # the figure of an idle machine is its idle power
            return shop.power_kw(str(tool.machine.meter), at) * share if share else 0.0
    return 0.0
