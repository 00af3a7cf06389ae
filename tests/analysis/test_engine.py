"""The engine end to end in memory: batches in; states, alerts and shift accounts out, also over restarts and outages."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from analysis.accounting import EnergyAccounting
from analysis.alerts import AlertEngine
from analysis.engine import AnalysisEngine
from analysis.shift_keeper import ShiftKeeper
from domain.alert import AlertState, LimitRule, Priority
from domain.plant import Device, Plant, Tag
from domain.quality import Quality
from domain.sample import Batch, TagId
from domain.state import MachineState, StateInterval
from tests.analysis.fakes import MemoryAlerts, MemoryAudit, MemoryEnergy, MemoryHistory, MemoryStates, S, meter_device, plant_of
from tests.conftest import FakeClock

OFF, IDLE, CUT, LOST = MachineState.OFF, MachineState.IDLE, MachineState.PRODUCTION, MachineState.NO_DATA


class Stores:
    def __init__(self) -> None:
        self.alerts, self.audit, self.states, self.history = MemoryAlerts(), MemoryAudit(), MemoryStates(), MemoryHistory()
        self.energy = MemoryEnergy()
        self.clock = FakeClock()


class Shop:
    """An engine over given stores; `play` sends a batch a second and keeps it in the history."""

    def __init__(self, stores: Stores, plant: Plant, tags: Sequence[Tag]) -> None:
        self.stores, self.plant, self.tags = stores, plant, list(tags)
        self.alerts = AlertEngine(stores.alerts, stores.audit, stores.clock)
        self.changes: list[StateInterval] = []
        self.engine = AnalysisEngine(
            plant, self.tags, alerts=self.alerts, states=stores.states, history=stores.history, clock=stores.clock
        )
        self.engine.on_state(self.changes.append)
        self.ids = {d.id: tuple(t.id for t in self.tags if t.device_id == d.id) for d in plant.devices}

    def batch(self, device: str, kw: float | None, *, at_us: int | None = None, keep: bool = True) -> None:
        time_us = self.stores.clock.now_us() if at_us is None else at_us
        quality = 0 if kw is not None else int(Quality.TIMEOUT)
        ids = self.ids[device][:1]
        self._plan = getattr(self, "_plan", {})
        ids = self._plan.setdefault(device, ids)
        if keep:
            self.stores.history.put(ids[0], [(time_us, kw, quality)])
        self.engine.on_batch(Batch(device, time_us, ids, [kw], [quality]))

    async def play(self, seconds: int, **kw: float | None) -> None:
        for _ in range(seconds):
            for device, value in kw.items():
                self.batch(device, value)
            await self.stores.clock.advance(1)

    async def stored(self, machine: str = "a-m") -> list[tuple[MachineState, int | None]]:
        """(state, whole seconds or None while it runs), as the store holds them; NO_DATA before the first sample left out."""
        held = [i for (m, _), i in sorted(self.stores.states.held.items()) if m == machine]
        found = [(i.state, None if i.to_us is None else (i.to_us - i.from_us) // S) for i in held]
        return found[1:] if found and found[0][0] is LOST and found[0][1] in {0, 1} else found


@asynccontextmanager
async def running(stores: Stores, *devices: Device, limits: Sequence[LimitRule] = ()) -> AsyncIterator[Shop]:
    plant, tags = plant_of(*(devices or (meter_device("a"),)), limits=limits)
    shop = Shop(stores, plant, tags)
    task = asyncio.create_task(shop.engine.run())
    await stores.clock.advance(0.001)
    try:
        yield shop
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_states_are_live_told_and_stored() -> None:
    async with running(Stores()) as shop:
        await shop.play(30, a=1.0)
        assert shop.engine.current("a-m") is not None
        await shop.play(30, a=6.0)
        await shop.play(30, a=0.1)
        await shop.stores.clock.advance(2)
        assert await shop.stored() == [(IDLE, 30), (CUT, 30), (OFF, None)]
        assert [c.state for c in shop.changes if c.to_us is None] == [IDLE, CUT, OFF]
        assert shop.engine.current("nobody") is None


async def test_a_silent_machine_has_no_data_and_one_alert() -> None:
    async with running(Stores(), meter_device("a"), meter_device("b")) as shop:
        await shop.play(20, a=6.0, b=6.0)
        await shop.play(10, b=6.0)
        current = shop.engine.current("a-m")
        assert current is not None
        assert current.state is LOST
        (alert,) = shop.alerts.active()
        assert (alert.key, alert.rule, alert.device_id, alert.machine_id) == ("no_data:a", "no_data", "a", "a-m")
        assert (alert.raised_us - shop.stores.clock.now_us()) / S > -10
        await shop.play(5, a=None, b=6.0)  # bad readings are no sign of life
        assert len(shop.alerts.active()) == 1
        await shop.play(2, a=6.0, b=6.0)
        assert shop.alerts.active()[0].state is AlertState.RETURNED


async def test_limits_raise_escalate_and_return_with_machine_and_unit() -> None:
    rule = LimitRule("a.active_power", high=12, critical_high=14, hysteresis=0.5, on_delay_s=3)
    async with running(Stores(), limits=[rule]) as shop:
        await shop.play(5, a=12.5)
        (alert,) = shop.alerts.active()
        assert (alert.rule, alert.priority, alert.machine_id, alert.tag, alert.value, alert.limit, alert.unit) == (
            "high", Priority.HIGH, "a-m", "a.active_power", 12.5, 12, "kW",
        )  # fmt: skip
        await shop.play(5, a=15.0)
        assert [a.rule for a in shop.alerts.active()] == ["critical_high", "high"]
        await shop.play(5, a=1.0)
        await shop.stores.clock.advance(1)
        assert {a.state for a in shop.alerts.active()} == {AlertState.RETURNED}
        assert len(shop.stores.alerts.transitions) == 4


async def test_a_restart_repeats_no_alert_and_returns_what_is_over() -> None:
    stores, rule = Stores(), LimitRule("a.active_power", high=12)
    async with running(stores, limits=[rule]) as shop:
        await shop.play(5, a=13.0)
    async with running(stores, limits=[rule]) as shop:
        await shop.play(5, a=13.0)
        assert stores.alerts.transitions == [(1, "unacknowledged")]
        await shop.play(5, a=1.0)
        assert stores.alerts.transitions == [(1, "unacknowledged"), (1, "returned")]


async def test_a_limit_that_is_removed_takes_its_alert_along() -> None:
    async with running(Stores(), limits=[LimitRule("a.active_power", high=12, id=1)]) as shop:
        await shop.play(5, a=13.0)
        shop.engine.apply(replace(shop.plant, limits=(LimitRule("a.active_power", high=12, id=2),)), shop.tags)
        assert shop.alerts.active()[0].state is AlertState.UNACKNOWLEDGED  # only its number changed
        shop.engine.apply(replace(shop.plant, limits=()), shop.tags)
        assert shop.alerts.active()[0].state is AlertState.RETURNED


async def test_after_a_stop_the_time_in_between_has_no_data_and_states_are_made_up_to_the_last_sample() -> None:
    stores = Stores()
    async with running(stores) as shop:
        await shop.play(60, a=6.0)
        await shop.stores.clock.advance(1)
    shop.stores.history.put(1, [(stores.clock.now_us() + i * S, 1.0, 0) for i in range(20)])  # stored after the last state
    await stores.clock.advance(600)
    async with running(stores) as shop:
        await shop.play(30, a=6.0)
        await shop.stores.clock.advance(2)
        found = await shop.stored()
        assert [state for state, _ in found if state is not LOST] == [CUT, IDLE, CUT]
        tiles = [i for _, i in sorted(stores.states.held.items())]
        assert all(a.to_us == b.from_us for a, b in itertools.pairwise(tiles))
        assert tiles[-1].to_us is None


async def test_states_wait_for_a_store_that_is_away() -> None:
    async with running(Stores()) as shop:
        await shop.play(5, a=1.0)
        shop.stores.states.down = True
        told: list[tuple[int, int, str]] = []
        shop.engine.on_recomputed(lambda *what: told.append(what))
        await shop.play(60, a=6.0)
        await shop.play(60, a=0.1)
        assert (shop.engine.current("a-m") or shop.changes[0]).state is OFF
        shop.stores.states.down = False
        await shop.play(10, a=0.1)
        assert await shop.stored() == [(IDLE, 5), (CUT, 60), (OFF, None)]
        assert told  # what was measured meanwhile is void


async def test_late_samples_change_the_past() -> None:
    async with running(Stores()) as shop:
        await shop.play(30, a=6.0)
        hole = shop.stores.clock.now_us()
        await shop.stores.clock.advance(30)
        await shop.play(60, a=6.0)
        assert (LOST, 30) in await shop.stored()
        for i in range(30):
            shop.batch("a", 6.0, at_us=hole + i * S)
        await shop.stores.clock.advance(3)
        assert LOST not in [state for state, _ in await shop.stored()]


async def test_a_past_that_was_computed_again_has_its_states_made_again() -> None:
    async with running(Stores()) as shop:
        begin = shop.stores.clock.now_us()
        await shop.play(40, a=6.0)
        await shop.play(60, a=1.0)
        assert CUT in [state for state, _ in await shop.stored()]
        told: list[tuple[int, int, str]] = []
        shop.engine.on_recomputed(lambda *what: told.append(what))
        shop.stores.history.put(shop.ids["a"][0], [(begin + i * S, 1.0, 0) for i in range(40)])
        shop.engine.samples_changed(begin, begin + 40 * S, "a-m")
        assert told == [(begin, begin + 40 * S, "a-m")]
        await shop.stores.clock.advance(3)
        assert CUT not in [state for state, _ in await shop.stored()]


async def test_a_clock_that_steps_back_stops_nothing_and_leaves_no_state_in_the_future() -> None:
    async with running(Stores()) as shop:
        await shop.play(60, a=6.0)
        shop.stores.clock.step_wall(-3600)
        await shop.stores.clock.advance(1)
        await shop.play(60, a=1.0)
        current = shop.engine.current("a-m")
        assert current is not None
        assert current.state is IDLE
        assert all(i.from_us <= shop.stores.clock.now_us() for i in shop.stores.states.held.values())
        assert any(a.rule == "clock" and a.detail == "-3600.0 s" for a in shop.stores.alerts.held.values())


async def test_plant_changes_keep_what_did_not_change() -> None:
    async with running(Stores()) as shop:
        await shop.play(30, a=6.0)
        before = shop.engine.current("a-m")
        plant = replace(shop.plant, machines=(replace(shop.plant.machines[0], name="renamed"),))
        shop.engine.apply(plant, shop.tags)
        assert shop.engine.current("a-m") == before
        shop.engine.apply(replace(plant, machines=()), shop.tags)
        assert shop.engine.current("a-m") is None
        await shop.stores.clock.advance(2)
        assert (await shop.stored())[-1][1] is not None


async def test_shift_accounts_are_kept_each_minute_and_again_after_late_samples() -> None:
    stores = Stores()
    plant, tags = plant_of(meter_device("a"))
    accounting = EnergyAccounting(lambda: plant, lambda: tags, stores.history, stores.states, stores.clock)
    keeper = ShiftKeeper(accounting, stores.energy, stores.clock)
    now = stores.clock.now_us()
    window = accounting.shift_at(now)
    assert window is not None
    minutes = (now - window.from_us) // (60 * S) + 1
    stores.history.put(2, [(window.from_us + i * 60 * S, 100 + i * 0.1, 0) for i in range(minutes)])
    await keeper.keep()
    held = stores.energy.held[("a-m", window.name, window.day)][1]
    assert held.running
    assert held.label == window.name
    assert held.energy_kwh == pytest.approx((now - window.from_us) // (60 * S) * 0.1)
    assert len({key[1:] for key in stores.energy.held}) == 7  # and the six before it
    stores.energy.down = True
    task = asyncio.create_task(keeper.run())
    await stores.clock.advance(30)
    stores.energy.down = False
    saves = stores.energy.saves
    await stores.clock.advance(15)
    assert stores.energy.saves == saves + 1  # only the running one is open now
    old = accounting.shifts(window.from_us - 4 * 8 * 3600 * S, window.from_us - 3 * 8 * 3600 * S)[0]
    stores.history.put(2, [(old.from_us + i * 60 * S, 50 + i * 0.1, 0) for i in range(481)])
    accounting.invalidate(old.from_us, old.to_us)
    keeper.mark(old.from_us, old.to_us)
    await stores.clock.advance(70)
    assert stores.energy.held[("a-m", old.name, old.day)][1].energy_kwh == pytest.approx(48.0)
    task.cancel()


def test_taking_a_batch_in_is_cheap() -> None:
    """20 tags of which one is a machine's power with a limit; the border leaves room for a busy machine."""
    stores = Stores()
    plant, tags = plant_of(meter_device("a"), limits=[LimitRule("a.active_power", high=12)])
    shop = Shop(stores, plant, tags)
    ids = tuple(TagId(i) for i in range(1, 21))
    batches = [Batch("a", stores.clock.now_us() + i * S, ids, [1.0] * 20, [0] * 20) for i in range(3000)]
    start = time.thread_time()
    for batch in batches:
        shop.engine.on_batch(batch)
    assert (time.thread_time() - start) / len(batches) < 40e-6
