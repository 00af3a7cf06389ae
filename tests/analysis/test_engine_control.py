"""The engine with a machine whose control tells what it does: live, after a restart, and when it contradicts the meter."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from analysis.alerts import AlertEngine
from analysis.engine import AnalysisEngine
from domain.alert import AlertState, Priority
from domain.plant import Device, Plant, Tag, tags_of
from domain.production import ControlSignals
from domain.profile import ModbusPoint, Point, Profile, Quirks
from domain.quantity import Quantity
from domain.sample import Batch, TagId, TextSample
from domain.state import MachineState as M
from tests.analysis.fakes import MemoryAlerts, MemoryAudit, MemoryHistory, MemoryStates, S, meter_device, plant_of
from tests.conftest import FakeClock

CONTROL = ControlSignals("cnc.execution", frozenset({"active"}), frozenset({"ready"}), frozenset({"fault"}))


def control_device(*, text: bool) -> Device:
    quantity = Quantity.TEXT if text else Quantity.STATE
    points = (
        Point("execution", quantity, "", ModbusPoint("holding", 0, "uint16"), enum={} if text else {1: "READY", 2: "ACTIVE"}),
        Point("speed", Quantity.SPEED, "1/min", ModbusPoint("holding", 1, "uint16")),
    )
    return Device("cnc", "l", Profile("c", {"en": "C"}, "v", "modbus", "t", "H", points, Quirks(timeout_s=1.0)), 2)


class Texts:
    """EventStore, as far as texts go."""

    def __init__(self) -> None:
        self.held: list[TextSample] = []

    def add(self, text: TextSample) -> tuple[TextSample, ...]:
        if self.held and self.held[-1].text == text.text:
            return ()
        self.held.append(text)
        return (text,)

    async def texts(self, tag_id: int, from_us: int, to_us: int) -> list[TextSample]:
        before = [t for t in self.held if t.time_us <= from_us][-1:]
        return before + [t for t in self.held if from_us < t.time_us < to_us]


class Floor:
    """A machine with a meter and a control; batches go to the engine and into the history."""

    def __init__(self, *, text: bool, control: ControlSignals = CONTROL, states: bool = True) -> None:
        self.clock, self.history, self.states = FakeClock(), MemoryHistory(), MemoryStates()
        plant, tags = plant_of(meter_device("a", counter=False))
        machine = replace(plant.machines[0], control=control, states=plant.machines[0].states if states else None)
        cnc = control_device(text=text)
        self.plant: Plant = replace(plant, devices=(*plant.devices, cnc), machines=(machine,))
        self.tags: list[Tag] = [*tags, *(replace(tag, id=TagId(10 + n)) for n, tag in enumerate(tags_of(cnc)))]
        self.texts = Texts()
        self.alert_store = MemoryAlerts()
        self.start()

    def start(self) -> None:
        self.alerts = AlertEngine(self.alert_store, MemoryAudit(), self.clock)
        self.engine = AnalysisEngine(
            self.plant, self.tags, alerts=self.alerts, states=self.states, history=self.history, clock=self.clock,
            texts=self.texts,  # type: ignore[arg-type]
        )  # fmt: skip

    def send(self, kw: float | None, execution: str | float | None) -> None:
        now = self.clock.now_us()
        if kw is not None:
            self.history.put(1, [(now, kw, 0)])
            self.engine.on_batch(Batch("a", now, (TagId(1),), [kw], [0]))
        if isinstance(execution, str):
            texts = self.texts.add(TextSample(TagId(10), now, execution))
            self.history.put(11, [(now, 0.0, 0)])
            self.engine.on_batch(Batch("cnc", now, (TagId(11),), [0.0], [0], texts))
        elif execution is not None:
            self.history.put(10, [(now, execution, 0)])
            self.engine.on_batch(Batch("cnc", now, (TagId(10),), [execution], [0]))

    async def play(self, seconds: int, kw: float | None, execution: str | float | None) -> None:
        for _ in range(seconds):
            self.send(kw, execution)
            await self.clock.advance(1)

    async def stored(self) -> list[tuple[M, int | None]]:
        """(state, whole seconds or None while it runs); NO_DATA before the first sample left out."""
        held = [interval for _, interval in sorted(self.states.held.items())]
        told = [(i.state, None if i.to_us is None else (i.to_us - i.from_us) // S) for i in held]
        return told[1:] if told[0][0] is M.NO_DATA and told[0][1] in {0, 1} else told


@asynccontextmanager
async def running(floor: Floor) -> AsyncIterator[Floor]:
    task = asyncio.create_task(floor.engine.run())
    await floor.clock.advance(0.001)
    try:
        yield floor
    finally:
        await floor.clock.advance(2)
        task.cancel()
        await asyncio.wait([task])


@pytest.mark.parametrize("text", [True, False])
async def test_the_control_wins_while_it_is_heard(text: bool) -> None:
    ready, active, fault = ("READY", "ACTIVE", "FAULT") if text else (1.0, 2.0, None)
    control = CONTROL if text else replace(CONTROL, running=frozenset({"2", "active"}), idle=frozenset({"1", "ready"}))
    async with running(Floor(text=text, control=control)) as floor:
        await floor.play(30, 5.0, ready)  # the spindle warms up at full power: no production
        assert floor.engine.current("a-m").state is M.IDLE  # type: ignore[union-attr]
        await floor.play(30, 1.0, active)  # a light cut, below the border
        assert floor.engine.current("a-m").state is M.PRODUCTION  # type: ignore[union-attr]
        if fault is not None:
            await floor.play(20, 1.0, fault)
            assert floor.engine.current("a-m").state is M.ALARM  # type: ignore[union-attr]
        await floor.play(30, 5.0, None)  # the control falls silent: the power decides, after its own dwell
        assert floor.engine.current("a-m").state is M.PRODUCTION  # type: ignore[union-attr]
    told = await floor.stored()
    ended = [(M.IDLE, 30), (M.PRODUCTION, 30), (M.ALARM, 20)] if text else [(M.IDLE, 30), (M.PRODUCTION, 30)]
    assert told[: len(ended)] == ended, told


async def test_states_after_a_restart_are_those_of_an_engine_that_never_stopped() -> None:
    floor = Floor(text=True)
    async with running(floor):
        await floor.play(60, 1.0, "READY")
        await floor.play(60, 1.0, "ACTIVE")
    held = dict(floor.states.held)
    floor.states.held = {key: i for key, i in held.items() if i.state is not M.PRODUCTION}  # it never told of the cut
    for key, interval in floor.states.held.items():
        floor.states.held[key] = replace(interval, to_us=None) if interval.state is M.IDLE else interval
    floor.start()
    async with running(floor):
        await floor.play(5, 1.0, "ACTIVE")
    assert [state for state, _ in await floor.stored()][:2] == [M.IDLE, M.PRODUCTION]


async def test_a_machine_without_thresholds_lives_by_its_control() -> None:
    async with running(Floor(text=True, states=False)) as floor:
        await floor.play(20, 5.0, "READY")
        await floor.play(20, 0.0, "ACTIVE")
        assert floor.engine.current("a-m").state is M.PRODUCTION  # type: ignore[union-attr]
        await floor.play(20, 5.0, None)
        assert floor.engine.current("a-m").state is M.NO_DATA  # type: ignore[union-attr]


async def test_a_lasting_contradiction_is_told_once_and_returns() -> None:
    async with running(Floor(text=True)) as floor:
        await floor.play(500, 1.0, "ACTIVE")
        assert floor.alerts.active() == []
        await floor.play(150, 1.0, "ACTIVE")
        (alert,) = floor.alerts.active()
        assert (alert.rule, alert.machine_id, alert.priority) == ("control_conflict", "a-m", Priority.LOW)
        assert alert.detail == "running_idle"
        await floor.play(30, 5.0, "ACTIVE")
        assert [a.state for a in floor.alerts.active()] == [AlertState.RETURNED]
