"""LiveService: what overview, machine pages, /api/data/latest and the stream show, from memory.

Energy, states and КЭФ of the running shift are refreshed in the background, one machine after the other, so that the number
of open browsers never changes the number of queries.
"""

from __future__ import annotations

import asyncio
import difflib
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Protocol
from zoneinfo import ZoneInfo

import numpy as np

from domain.alert import Alert
from domain.efficiency import DEFAULT_CARD
from domain.energy import NO_SHIFT_PRICE, Efficiency, ShiftPrice, ShiftWindow
from domain.errors import NotFound, StorageError
from domain.plant import Machine, Plant, Tag, machine_of_device
from domain.ports import Clock, History, Step
from domain.sample import Batch, TagId
from domain.state import MachineState, StateInterval
from web_interface.fan_out import FanOut
from web_interface.latest_table import LatestTable
from web_interface.power_trace import MINUTE_US
from web_interface.rest import Rest
from web_interface.services.efficiency import EfficiencyService
from web_interface.services.energy import EnergyService
from web_interface.services.live import LatestValue, MachineNow, ShopNow

log = logging.getLogger(__name__)

SAMPLE_PERIOD_S = 0.25
REFRESH_S = 5.0
SLOW_REFRESH_S = 60.0
TREND_WIDTH_US = 5 * MINUTE_US
SPARK_POINTS = 120
DAY_US = 24 * 3600 * 1_000_000
TREND_PERIOD_S, SPARK_PERIOD_S = 1.0, 15.0  # lines of minute means need not be drawn at each value
MOST_DRAWN = 5000

Points = Sequence[tuple[int, float | None]]


class CurrentStates(Protocol):
    """Where the running state of a machine comes from (the analysis engine)."""

    def current(self, machine_id: str) -> StateInterval | None: ...


class LiveView:
    """See services.LiveService for the promises; `apply` on each change of the plant, `run` as one supervised task."""

    def __init__(
        self,
        clock: Clock,
        history: History,
        energy: EnergyService,
        cards: EfficiencyService,
        states: CurrentStates,
        devices_online: Callable[[], tuple[int, int]],
        shift_price: Callable[[int, int, int], Awaitable[ShiftPrice]],
    ) -> None:
        """`devices_online` gives (online, total) of the collector; `shift_price` of (begin, now, end) what a kWh costs."""
        self._clock, self._history, self._energy, self._cards = clock, history, energy, cards
        self._states, self._devices_online, self._price_of = states, devices_online, shift_price
        self._table = LatestTable()
        self._fan_out = FanOut()
        self._plant: Plant | None = None
        self._tags: dict[str, Tag] = {}
        self._tags_of: dict[str, list[Tag]] = {}
        self._power_tags: dict[str, TagId] = {}  # machine -> its meter's active power
        self._kef: dict[str, Efficiency] = {}  # each machine's own card
        self._shared: dict[str, Efficiency] = {}  # the card of the whole shop
        self._intervals: dict[str, Sequence[StateInterval]] = {}
        self._kef_hours: dict[int, tuple[float, float]] = {}
        self._shift: ShiftWindow | None = None
        self._begin_us = 0  # of the shift or day that the figures are of
        self._price, self._priced = NO_SHIFT_PRICE, (0, 0)
        self._drawn: dict[Hashable, tuple[float, Points]] = {}
        self._refresh_now = asyncio.Event()

    # -- feeding -------------------------------------------------------------------------------------------------

    def apply(self, plant: Plant, tags: Sequence[Tag]) -> None:
        """The plant changed (or was read at start)."""
        self._plant = plant
        active = set(plant.tag_devices)
        kept = [tag for tag in tags if tag.device_id in active]
        self._tags = {tag.name: tag for tag in kept}
        machine_of = machine_of_device(plant)
        by_device: dict[str, list[Tag]] = defaultdict(list)
        for tag in self._tags.values():
            by_device[tag.device_id].append(tag)
        self._tags_of = {machine.id: _told_by(machine, machine_of, by_device) for machine in plant.machines}
        self._power_tags = {
            machine.id: found.id
            for machine in plant.machines
            if (found := self._tags.get(f"{machine.meter}.active_power")) is not None
        }
        traced = list(self._power_tags.values())
        main = self._tags.get(f"{plant.site.main_meter}.active_power")
        if main is not None:
            traced.append(main.id)
        self._table.apply(kept, machine_of, traced)
        self._drawn.clear()
        self._priced = (0, 0)
        self._refresh_now.set()
        self._fan_out.publish("plant", None)

    def on_batch(self, batch: Batch) -> None:
        """Bus sink."""
        self._table.on_batch(batch)

    def on_state(self, interval: StateInterval) -> None:
        """A machine changed its state."""
        self._fan_out.publish("state", interval)

    def on_alert(self, alert: Alert) -> None:
        """An alert was raised, acknowledged, returned or cleared."""
        self._fan_out.publish("alert", alert)

    async def run(self) -> None:
        """Preload the traces, then keep shift figures fresh and push samples until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._push_samples(), name="live:push")
            tasks.create_task(self._refresh_loop(), name="live:refresh")

    # -- asking --------------------------------------------------------------------------------------------------

    @property
    def samples_taken(self) -> int:
        """Values seen since start."""
        return self._table.samples

    def tags(self) -> Sequence[Tag]:
        return list(self._tags.values())

    def tag(self, name: str) -> Tag:
        """Raises NotFound with the nearest names."""
        found = self._tags.get(name)
        if found is None:
            raise _not_found("tag", name, self._tags)
        return found

    def latest(self, *, device: str | None = None, machine: str | None = None, tag: str | None = None) -> Sequence[LatestValue]:
        """Raises NotFound for an unknown device, machine or tag."""
        plant = self._known_plant()
        if tag is not None:
            self.tag(tag)
        if device is not None and device not in plant.tag_devices:
            raise _not_found("device", device, plant.tag_devices)
        chosen = list(self._tags.values()) if machine is None else self._tags_of[self._machine(machine).id]
        chosen = [t for t in chosen if (tag is None or t.name == tag) and (device is None or t.device_id == device)]
        return [found for t in chosen if (found := self._table.value(t)) is not None]


    def machine(self, machine_id: str) -> MachineNow:
        """Raises NotFound."""
        return self._machine_now(self._machine(machine_id), self._clock.now_us())

    def shop(self) -> ShopNow:
        plant = self._known_plant()
        now_us = self._clock.now_us()
        machines = [self._machine_now(machine, now_us) for machine in plant.machines]
        total = _sum_efficiency(list(self._shared.values()))
        energies = [m.shift.energy_kwh for m in machines if m.shift is not None and m.shift.energy_kwh is not None]
        energy_kwh = sum(energies) if energies else None
        online, devices = self._devices_online()
        price = self._price.so_far
        today_us = _midnight_us(now_us, plant.site.timezone)
        return ShopNow(
            now_us=now_us,
            power_kw=self._shop_power(plant, machines),
            shift=self._shift,
            shift_energy_kwh=energy_kwh,
            shift_completeness=total.completeness if total else 1.0,
            kef=total,
            machines=machines,
            data_health=self._table.good_share(),
            devices_online=online,
            devices_total=devices,
            power_trend=self._kept(("today", today_us), TREND_PERIOD_S, lambda: self._shop_trend(plant, today_us, now_us)),
            yesterday=self._kept(("yesterday", today_us), SPARK_PERIOD_S, lambda: self._yesterday(plant, today_us)),
            kef_trend=[(hour, n / d if d else None) for hour, (n, d) in sorted(self._kef_hours.items())],
            shift_cost=energy_kwh * price if energy_kwh is not None and price is not None else None,
            shift_price=self._price,
            newest_us=self._table.newest_good_us(),
        )

    def subscribe(self, *kinds: str) -> AsyncIterator[tuple[str, object]]:
        return self._fan_out.subscribe(*kinds)

    # -- inside --------------------------------------------------------------------------------------------------

    def _known_plant(self) -> Plant:
        if self._plant is None:
            raise StorageError("the plant has not been read yet")
        return self._plant

    def _machine(self, machine_id: str) -> Machine:
        plant = self._known_plant()
        for machine in plant.machines:
            if machine.id == machine_id:
                return machine
        raise _not_found("machine", machine_id, [m.id for m in plant.machines])

    def _power(self, tag_name: str) -> LatestValue | None:
        tag = self._tags.get(tag_name)
        return self._table.value(tag) if tag is not None else None

    def _machine_now(self, machine: Machine, now_us: int) -> MachineNow:
        power = self._power(f"{machine.meter}.active_power")
        running = self._states.current(machine.id)
        kef = self._kef.get(machine.id)
        return MachineNow(
            machine=machine,
            state=running.state if running else MachineState.NO_DATA,
            state_since_us=running.from_us if running else now_us,
            power_kw=power.value if power else None,
            power_quality=power.quality if power else 64,
            last_good_kw=power.last_good if power else None,
            last_good_us=power.last_good_us if power else None,
            shift=kef.account if kef else None,
            kef=kef,
            intervals=self._intervals_now(machine.id, running),
            spark=self._spark(machine.id, self._shift, now_us) if self._shift is not None else (),
        )

    def _spark(self, machine_id: str, shift: ShiftWindow, now_us: int) -> Points:
        """Power over the shift; made anew every few seconds, the same list in between."""
        tag_id = self._power_tags.get(machine_id)
        trace = self._table.trace(tag_id) if tag_id is not None else None
        if trace is None:
            return ()
        until_us = min(now_us, shift.to_us)
        width = -(-(shift.to_us - shift.from_us) // SPARK_POINTS)
        made = partial(trace.points, shift.from_us, until_us, width)
        return self._kept((machine_id, shift.from_us), SPARK_PERIOD_S, made)

    def _kept(self, key: Hashable, seconds: float, make: Callable[[], Points]) -> Points:
        """What `make` gives, for about so long: a quarter more or less by key, so that not all come due at once."""
        now = self._clock.monotonic()
        seconds *= 0.75 + 0.5 * (hash(key) & 255) / 255
        made = self._drawn.get(key)
        if made is None or now >= made[0]:
            if len(self._drawn) > MOST_DRAWN:
                self._drawn.clear()
            made = self._drawn[key] = (now + seconds, make())
        return made[1]

    def _intervals_now(self, machine_id: str, running: StateInterval | None) -> Sequence[StateInterval]:
        """The refreshed intervals, ended or begun by what happened since."""
        intervals = self._intervals.get(machine_id, ())
        if running is None or not intervals or intervals[-1].from_us >= running.from_us:
            return intervals
        last = intervals[-1]
        return [*intervals[:-1], replace(last, to_us=running.from_us), running]

    def _shop_power(self, plant: Plant, machines: Sequence[MachineNow]) -> float | None:
        if plant.site.main_meter:
            main = self._power(f"{plant.site.main_meter}.active_power")
            if main is not None and main.value is not None:
                return main.value
        known = [m.power_kw for m in machines if m.power_kw is not None]
        return sum(known) if known else None

    def _yesterday(self, plant: Plant, today_us: int) -> Points:
        return [(t + DAY_US, v) for t, v in self._shop_trend(plant, today_us - DAY_US, today_us)]

    def _shop_trend(self, plant: Plant, from_us: int, to_us: int) -> list[tuple[int, float | None]]:
        main = self._tags.get(f"{plant.site.main_meter}.active_power")
        ids = [main.id] if main is not None else list(self._power_tags.values())
        traces = [trace for tag_id in ids if (trace := self._table.trace(tag_id)) is not None]
        starts = range(from_us, to_us, TREND_WIDTH_US)
        total, known = np.zeros(len(starts)), np.zeros(len(starts), np.bool_)
        for trace in traces:
            means = trace.means(from_us, to_us, TREND_WIDTH_US)
            there = ~np.isnan(means)
            total[there] += means[there]
            known |= there
        sums: list[float] = total.tolist()
        return [(at, kw if there else None) for at, kw, there in zip(starts, sums, known.tolist(), strict=True)]

    async def _push_samples(self) -> None:
        while True:
            await self._clock.sleep(SAMPLE_PERIOD_S)
            if self._fan_out.wanted("sample"):
                changed = self._table.take_changed()
                if changed:
                    self._fan_out.publish("sample", changed)

    async def _refresh_loop(self) -> None:
        slow_at = 0.0
        preloaded: set[TagId] = set()
        while True:
            self._refresh_now.clear()
            try:
                await self._preload(preloaded)
                await self._refresh(slow=self._clock.monotonic() >= slow_at)
                if self._clock.monotonic() >= slow_at:
                    slow_at = self._clock.monotonic() + SLOW_REFRESH_S
            except (StorageError, OSError) as exc:  # the database is away: live values go on, shift figures wait
                log.warning("figures of the shift are not refreshed: %s", exc)
            try:
                async with asyncio.timeout(REFRESH_S):
                    await self._refresh_now.wait()
            except TimeoutError:
                pass

    async def _preload(self, done: set[TagId]) -> None:
        now_us = self._clock.now_us()
        for tag_id in [*self._power_tags.values(), *self._main_tag_ids()]:
            trace = self._table.trace(tag_id)
            if tag_id in done or trace is None:
                continue
            done.add(tag_id)
            series = await self._history.rollup(tag_id, Step.M1, now_us - 2 * DAY_US, now_us)
            trace.preload((row.time_us, row.mean, row.good_count) for row in series.rows)
            self._drawn.clear()

    def _main_tag_ids(self) -> list[TagId]:
        if self._plant is None:
            return []
        main = self._tags.get(f"{self._plant.site.main_meter}.active_power")
        return [main.id] if main is not None else []

    async def _refresh(self, *, slow: bool) -> None:
        if self._plant is None:
            return
        now_us = self._clock.now_us()
        shift = self._energy.shift_at(now_us)
        from_us = shift.from_us if shift else _midnight_us(now_us, self._plant.site.timezone)
        if from_us == self._begin_us or not self._kef:
            self._shift, self._begin_us = shift, from_us
            kef, shared_kef, intervals = self._kef, self._shared, self._intervals
        else:  # another shift or day: its figures come together, else sums would hold machines of both
            kef, shared_kef, intervals = {}, {}, {}
        shared, rest = shared_card(self._plant.machines), Rest()
        for machine in self._plant.machines:
            own = await self._cards.efficiency(machine.id, from_us, now_us)
            same = own.card == shared
            kef[machine.id] = own
            shared_kef[machine.id] = own if same else await self._cards.efficiency(machine.id, from_us, now_us, shared)
            intervals[machine.id] = await self._energy.states(machine.id, from_us, now_us)
            await rest.breathe()
        await self._refresh_price(shift, from_us, now_us, slow=slow)
        self._shift, self._begin_us = shift, from_us
        self._kef, self._shared, self._intervals = kef, shared_kef, intervals
        gone = set(self._kef) - {machine.id for machine in self._plant.machines}
        for machine_id in gone:
            self._kef.pop(machine_id, None)
            self._shared.pop(machine_id, None)
            self._intervals.pop(machine_id, None)
        if slow:
            await self._refresh_hours(self._plant, from_us, now_us)

    async def _refresh_price(self, shift: ShiftWindow | None, from_us: int, now_us: int, *, slow: bool) -> None:
        """Prices change by the quarter hour: read anew now and then, and at once for another shift or plant."""
        to_us = shift.to_us if shift is not None else now_us
        window = (from_us, to_us if shift is not None else 0)
        if slow or window != self._priced:
            self._price = await self._price_of(from_us, now_us, to_us)
            self._priced = window

    async def _refresh_hours(self, plant: Plant, from_us: int, now_us: int) -> None:
        """КЭФ by hour of the shift; closed hours are computed once."""
        hours: dict[int, tuple[float, float]] = {}
        hour_us, shared, rest = 3600 * 1_000_000, shared_card(plant.machines), Rest()
        for start in range(from_us, now_us, hour_us):
            closed = start + hour_us <= now_us - 2 * MINUTE_US
            if closed and start in self._kef_hours:
                hours[start] = self._kef_hours[start]
                continue
            end = min(start + hour_us, now_us)
            cards = []
            for machine in plant.machines:
                cards.append(await self._cards.efficiency(machine.id, start, end, shared))
                await rest.breathe()
            known = [card for card in cards if card.value is not None]
            hours[start] = (sum(c.numerator_kwh for c in known), sum(c.denominator_kwh for c in known))
        self._kef_hours = hours


def shared_card(machines: Sequence[Machine]) -> str:
    """The card of the whole shop: the one that all machines have, else the one that any meter can tell."""
    own = {machine.kef.card if machine.kef is not None else DEFAULT_CARD for machine in machines}
    return own.pop() if len(own) == 1 else DEFAULT_CARD


def _sum_efficiency(cards: Sequence[Efficiency]) -> Efficiency | None:
    """Ratios are never averaged: numerators and denominators of the machines that have a value are summed."""
    if not cards:
        return None
    known = [c for c in cards if c.value is not None]
    numerator, denominator = sum(c.numerator_kwh for c in known), sum(c.denominator_kwh for c in known)
    weight = denominator or 1.0
    return replace(
        cards[0],
        value=numerator / denominator if denominator > 0 else None,
        numerator_kwh=numerator,
        denominator_kwh=denominator,
        completeness=sum(c.completeness for c in cards) / len(cards),
        estimated_share=sum(c.estimated_share * c.denominator_kwh for c in known) / weight,
        complete=bool(known) and all(c.complete for c in known),
        reason=None if denominator > 0 else cards[0].reason,
        account=None,
    )


def _not_found(what: str, name: str, known: Mapping[str, object] | Sequence[str]) -> NotFound:
    return NotFound(what, name, tuple(difflib.get_close_matches(name, list(known), n=5, cutoff=0.3)))


def _midnight_us(now_us: int, zone: str) -> int:
    local = datetime.fromtimestamp(now_us / 1e6, ZoneInfo(zone))
    return int(local.replace(hour=0, minute=0, second=0, microsecond=0).timestamp() * 1e6)


def _told_by(machine: Machine, machine_of: Mapping[str, str], tags_of: Mapping[str, Sequence[Tag]]) -> list[Tag]:
    """What tells of a machine: all tags of its own devices; of one that it shares, only those its control names."""
    named = set(machine.control.tags) if machine.control is not None else set()
    return [
        tag for device in machine.devices for tag in tags_of.get(device, ())
        if machine_of.get(device) == machine.id or tag.name in named
    ]  # fmt: skip
