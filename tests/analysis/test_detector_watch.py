"""Detectors live: from batches to findings and alerts, through restarts, outages of the store and changes of the plant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from analysis.alerts import AlertEngine
from analysis.detector_watch import DetectorWatch
from analysis.detectors.sources import KeptMinutes, context_of, with_production
from analysis.prices import Prices
from domain.alert import AlertState, Priority
from domain.detector import DetectorSettings
from domain.errors import StorageError
from domain.finding import AnomalyModel, Finding, Severity
from domain.production import PartCount, PartStep, PartStepKind, ProgramStretch
from domain.sample import Batch
from domain.state import MachineState, StateInterval
from domain.tariff import HourPrice, MoneyTerms, Tariff, Zone, ZoneSpan
from tests.analysis.fakes import MemoryAlerts, MemoryAudit, MemoryHistory, MemoryPrices, MemoryStates, meter_device, plant_of
from tests.analysis.test_detectors import T0, minute
from tests.conftest import FakeClock

S = 1_000_000
MIN = 60 * S


class MemoryFindings:
    """FindingStore; `down` makes every call fail."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, int], Finding] = {}
        self.remembered: dict[str, str] = {}
        self.kept_models: list[AnomalyModel] = []
        self.down = False

    def _check(self) -> None:
        if self.down:
            raise StorageError("database away")

    async def save_findings(self, findings: Sequence[Finding]) -> None:
        self._check()
        self.held.update({(f.key, f.from_us): f for f in findings})

    async def findings(
        self, from_us: int, to_us: int, *, subject: str | None = None, rule: str | None = None, limit: int = 1000
    ) -> Sequence[Finding]:
        self._check()
        found = [f for f in self.held.values() if f.from_us < to_us and (f.to_us is None or f.to_us > from_us)]
        return [f for f in found if subject in {None, f.subject} and rule in {None, f.rule}][:limit]

    async def save_memory(self, memory: Mapping[str, str]) -> None:
        self._check()
        self.remembered.update(memory)

    async def memory(self) -> Mapping[str, str]:
        self._check()
        return dict(self.remembered)

    async def save_model(self, model: AnomalyModel) -> None:
        self._check()
        self.kept_models.append(model)

    async def models(self, machine_id: str | None = None) -> Sequence[AnomalyModel]:
        self._check()
        return [m for m in reversed(self.kept_models) if machine_id in {None, m.machine_id}]


class Shop:
    """A shop of meters on the bus; history and states as the database would have them."""

    def __init__(
        self, clock: FakeClock, *devices: str, price: float | None = 8.0, settings: DetectorSettings | None = None
    ) -> None:
        self.clock = clock
        self.plant, self.tags = plant_of(*(meter_device(d, counter=False, scan_s=10.0) for d in devices))
        site = replace(self.plant.site, tariff_per_kwh=price)
        self.plant = replace(self.plant, site=site, shifts=(), detectors=settings or DetectorSettings())
        self.price_store = MemoryPrices()
        self.prices = Prices(lambda: self.plant, self.price_store)
        self.history, self.states, self.store = MemoryHistory(), MemoryStates(), MemoryFindings()
        self.alert_store = MemoryAlerts()
        self.start()

    def start(self) -> None:
        """A (re)started product over the same stores."""
        self.alerts = AlertEngine(self.alert_store, MemoryAudit(), self.clock)
        kept = KeptMinutes(self.history, self.states, None, lambda: self.plant)
        self.watch = DetectorWatch(
            self.plant,
            self.tags,
            store=self.store,
            minutes=kept,
            alerts=self.alerts,
            clock=self.clock,
            prices=self.prices,
        )

    async def live(
        self, minutes: int, *, kw: float, state: MachineState, devices: Sequence[str] | None = None, published: bool = True
    ) -> None:
        """`minutes` of samples each 10 s, on the bus (unless the product is down) and in the history."""
        begin = self.clock.now_us()
        for tag in self.tags:
            if devices is not None and tag.device_id not in devices:
                continue
            machine_id = f"{tag.device_id}-m"
            await self.states.save_states([StateInterval(machine_id, state, begin, begin + minutes * MIN)])
            self.history.put(tag.id, [(begin + i * 10 * S, kw, 0) for i in range(minutes * 6)])
        ids = {tag.device_id: (tag.id,) for tag in self.tags}
        for _ in range(minutes):
            for tag in self.tags:
                if published and (devices is None or tag.device_id in devices):
                    for second in range(0, 60, 10):
                        self.watch.on_batch(Batch(tag.device_id, self.clock.now_us() + second * S, ids[tag.device_id], [kw], [0]))
            await self.clock.advance(60)
            if published:
                while not await self.watch.tick():
                    pass


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(1_763_542_800_000_000)


async def test_long_idling_becomes_a_finding_with_its_cost_and_later_an_alert(clock: FakeClock) -> None:
    shop = Shop(clock, "m1")
    await shop.alerts.load()
    begin = clock.now_us()
    await shop.live(40, kw=2.4, state=MachineState.IDLE)
    (finding,) = shop.store.held.values()
    assert (finding.rule, finding.subject, finding.from_us, finding.to_us) == ("long_idle", "m1-m", begin, None)
    assert finding.waste_cost == pytest.approx((finding.waste_kwh or 0) * 8)
    assert shop.alerts.active() == []
    await shop.live(40, kw=2.4, state=MachineState.IDLE)
    (alert,) = shop.alerts.active()
    assert (alert.rule, alert.machine_id, alert.priority, alert.unit) == ("long_idle", "m1-m", Priority.LOW, "min")
    await shop.live(10, kw=6.0, state=MachineState.PRODUCTION)
    (ended,) = shop.store.held.values()
    assert ended.to_us == begin + 80 * MIN
    assert shop.alerts.active()[0].state is AlertState.RETURNED
    assert shop.watch.running() == []


async def test_waste_is_priced_by_the_hours_in_which_it_happened(clock: FakeClock) -> None:
    """Idle from 30 min before the night zone begins: each part by its own zone, the site's single price by none; a restart between."""
    begin = clock.now_us()
    night = datetime.fromtimestamp(begin / 1e6, ZoneInfo(Shop(clock, "m1").plant.site.timezone)) + timedelta(minutes=30)
    assert night.minute % 15 == 0  # prices change at quarter hours
    at = night.hour * 60 + night.minute
    zones = (Zone("night", 3.0, (ZoneSpan(at, at + 240),)), Zone("day", 10.0, (ZoneSpan(at + 240, at),)))
    shop = Shop(clock, "m1")
    shop.plant = replace(shop.plant, money=MoneyTerms(tariffs=(Tariff(date(2020, 1, 1), 2, zones=zones),)))
    shop.start()
    await shop.alerts.load()
    await shop.live(40, kw=6.0, state=MachineState.IDLE)
    shop.start()
    await shop.alerts.load()
    await shop.live(40, kw=6.0, state=MachineState.IDLE)
    (running,) = shop.watch.running()
    assert running.waste_cost is not None
    await shop.live(10, kw=6.0, state=MachineState.PRODUCTION)
    (finding,) = shop.store.held.values()
    assert finding.waste_kwh == pytest.approx(8.0)
    assert finding.waste_cost == pytest.approx(3.0 * 10 + 5.0 * 3)


async def test_waste_without_a_known_price_has_no_cost_until_the_price_is_known(clock: FakeClock) -> None:
    shop = Shop(clock, "m1")
    shop.plant = replace(shop.plant, money=MoneyTerms(tariffs=(Tariff(date(2020, 1, 1), 3, table="supplier"),)))
    shop.start()
    await shop.live(40, kw=6.0, state=MachineState.IDLE)
    (finding,) = shop.store.held.values()
    assert (finding.waste_kwh is None, finding.waste_cost) == (False, None)
    hour = clock.now_us() // (60 * MIN) * 60 * MIN
    await shop.price_store.save_prices("supplier", [HourPrice(hour + n * 60 * MIN, 5.0) for n in range(-2, 4)])
    await shop.live(20, kw=6.0, state=MachineState.IDLE)
    (finding,) = shop.watch.running()
    assert finding.waste_cost == pytest.approx((finding.waste_kwh or 0) * 5)


async def test_a_killed_product_goes_on_where_it_was(clock: FakeClock) -> None:
    """No orderly stop: what was heard since the memory was stored, and what came while nobody listened, is heard from the roll-ups."""
    shop = Shop(clock, "m1")
    await shop.alerts.load()
    begin = clock.now_us()
    await shop.live(63, kw=2.4, state=MachineState.IDLE)
    await shop.live(9, kw=2.4, state=MachineState.IDLE, published=False)
    await shop.alerts.flush()
    shop.start()
    await shop.alerts.load()
    await shop.live(20, kw=2.4, state=MachineState.IDLE)
    (finding,) = shop.store.held.values()
    assert (finding.from_us, finding.to_us) == (begin, None)
    assert len(shop.alert_store.held) == 1
    await shop.live(10, kw=6.0, state=MachineState.PRODUCTION)
    (ended,) = shop.store.held.values()
    assert ended.to_us == begin + 92 * MIN
    assert ended.waste_kwh == pytest.approx(2.4 * 92 / 60)


async def test_a_finding_that_ended_while_the_product_was_down_returns_its_alert(clock: FakeClock) -> None:
    shop = Shop(clock, "m1")
    await shop.alerts.load()
    await shop.live(70, kw=2.4, state=MachineState.IDLE)
    await shop.alerts.flush()
    await shop.live(60, kw=0.0, state=MachineState.OFF, published=False)
    shop.start()
    await shop.alerts.load()
    await shop.live(5, kw=0.0, state=MachineState.OFF)
    assert all(f.to_us is not None for f in shop.store.held.values())
    assert shop.alerts.active()[0].state is AlertState.RETURNED


async def test_the_past_is_judged_at_the_first_start_without_alarming(clock: FakeClock) -> None:
    shop = Shop(clock, "m1")
    await shop.live(90, kw=2.4, state=MachineState.IDLE, published=False)
    await shop.live(300, kw=0.0, state=MachineState.OFF, published=False)
    shop.start()
    await shop.alerts.load()
    while not await shop.watch.tick():
        pass
    (finding,) = shop.store.held.values()
    assert finding.to_us is not None
    assert shop.alert_store.held == {}
    assert shop.alerts.active() == []


async def test_findings_wait_for_a_store_that_is_away(clock: FakeClock) -> None:
    shop = Shop(clock, "m1")
    await shop.live(5, kw=2.4, state=MachineState.IDLE)
    shop.store.down = True
    with pytest.raises(StorageError):
        await shop.live(1, kw=2.4, state=MachineState.IDLE)
    for _ in range(40):
        with pytest.raises(StorageError):
            await shop.live(1, kw=2.4, state=MachineState.IDLE)
    assert shop.store.held == {}
    shop.store.down = False
    await shop.live(1, kw=2.4, state=MachineState.IDLE)
    assert [f.rule for f in shop.store.held.values()] == ["long_idle"]
    assert shop.watch.pending() == []


async def test_many_machines_at_once_are_no_flood(clock: FakeClock) -> None:
    shop = Shop(clock, *(f"m{i}" for i in range(1, 13)))
    await shop.alerts.load()
    await shop.live(80, kw=2.4, state=MachineState.IDLE)
    assert len(shop.store.held) == 12
    active = shop.alerts.active()
    assert len(active) == 6
    (group,) = [alert for alert in active if alert.rule == "findings_more"]
    assert group.detail == "long_idle"
    await shop.live(10, kw=0.0, state=MachineState.OFF)
    assert {alert.state for alert in shop.alerts.active()} <= {AlertState.RETURNED}


async def test_a_changed_parameter_keeps_what_runs_and_a_switched_off_rule_ends_its_findings(clock: FakeClock) -> None:
    shop = Shop(clock, "m1")
    begin = clock.now_us()
    await shop.live(40, kw=2.4, state=MachineState.IDLE)
    shop.plant = replace(shop.plant, detectors=DetectorSettings({"long_idle": {"min_minutes": 20.0}}))
    shop.watch.apply(shop.plant, shop.tags)
    await shop.live(10, kw=2.4, state=MachineState.IDLE)
    assert [f.from_us for f in shop.watch.running()] == [begin]
    shop.plant = replace(shop.plant, detectors=DetectorSettings({"long_idle": {"enabled": 0.0}}))
    shop.watch.apply(shop.plant, shop.tags)
    await shop.live(3, kw=2.4, state=MachineState.IDLE)
    assert shop.watch.running() == []
    assert all(f.to_us is not None for f in shop.store.held.values())


async def test_a_removed_machine_leaves_no_running_finding(clock: FakeClock) -> None:
    shop = Shop(clock, "m1", "m2")
    await shop.live(40, kw=2.4, state=MachineState.IDLE)
    assert len(shop.watch.running()) == 2
    shop.plant = replace(shop.plant, machines=shop.plant.machines[:1])
    shop.watch.apply(shop.plant, shop.tags)
    assert [f.subject for f in shop.watch.running()] == ["m1-m"]


async def test_a_trained_model_is_used_from_then_on_and_after_a_restart(clock: FakeClock) -> None:
    group = {"centre": [6.0], "scale": [1.0], "inverse": [[1.0]], "threshold": 9.0, "rows": 500}
    numbers = {"channels": ["active_power"], "smoothing": 0.2, "alpha": 0.001, "groups": {"production": group}}
    shop = Shop(clock, "m1")
    await shop.live(10, kw=12.0, state=MachineState.PRODUCTION)
    model = AnomalyModel("m1-m", 1, clock.now_us(), 0, 1, 500, "test", numbers)
    await shop.store.save_model(model)
    shop.watch.use_model(model)
    await shop.live(30, kw=12.0, state=MachineState.PRODUCTION)
    (finding,) = shop.watch.running()
    assert (finding.rule, finding.severity) == ("anomaly", Severity.MEDIUM)
    shop.start()
    await shop.live(30, kw=12.0, state=MachineState.PRODUCTION)
    assert [f.from_us for f in shop.watch.running()] == [finding.from_us]


def test_weeks_begin_on_monday_of_the_sites_zone() -> None:
    plant, _ = plant_of(meter_device("m1"), zone="Europe/Moscow")
    sunday_2030 = 1_763_915_400_000_000  # 2025-11-23 16:30 UTC, 19:30 in Moscow
    monday_0030 = sunday_2030 + 5 * 3600 * S
    context = context_of(plant)
    assert context(monday_0030)[1] == context(sunday_2030)[1] + 1
    assert context(monday_0030)[0] is True  # the night shift
    assert context_of(replace(plant, shifts=()))(monday_0030)[0] is None


def test_a_machine_planned_for_some_shifts_only_is_outside_them_in_the_others() -> None:
    plant, _ = plant_of(meter_device("m1"), zone="Europe/Moscow")
    monday_0030 = 1_763_915_400_000_000 + 5 * 3600 * S  # the night shift, named 3
    day_only = replace(plant.machines[0], shifts=("1", "2"))
    assert context_of(plant, day_only)(monday_0030)[0] is False
    assert context_of(plant, day_only)(monday_0030 + 12 * 3600 * S)[0] is True
    assert context_of(plant, replace(day_only, shifts=()))(monday_0030)[0] is True


def test_programs_and_parts_fall_into_their_minutes() -> None:
    programs = [ProgramStretch("m", "A", T0, T0 + 90 * S), ProgramStretch("m", None, T0 + 90 * S, T0 + 10 * MIN)]
    steps = (PartStep(T0, T0 + 70 * S, 2, PartStepKind.COUNTED, 2.0),)
    parts = PartCount("m", T0, T0 + 3 * MIN, 2, 1.0, steps)
    found = with_production([minute(i) for i in range(3)], programs, parts)
    assert [m.program for m in found] == ["A", "", ""]
    assert [m.parts for m in found] == [0.0, 2.0, 0.0]
    assert with_production([minute(0)], [], None)[0].parts is None
