"""Services over the invented shop, for previews and tests: `build_services()`. Users admin, engineer, operator, viewer."""

from __future__ import annotations

import asyncio
import contextlib
import difflib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, time, timedelta

from pydantic import SecretStr

from analysis.alerts import AlertEngine
from application.device_tables import DeviceTables
from application.feed_settings import FeedSettings
from config.plant_history import PlantHistory
from config.settings import Kafka, Settings
from domain.access import Role, User
from domain.alert import Action, Alert, AlertState, Change, Hold, HoldKind, Priority
from domain.alert_rule import AlertRule
from domain.efficiency import CARDS, GroupEfficiency
from domain.energy import Efficiency, EnergyAccount, ShiftPrice, ShiftWindow
from domain.errors import NotFound
from domain.kpi import GroupKpis, SpecificEnergy, TimeElements, TimeKpis
from domain.plant import Tag
from domain.ports import RawSeries, RollupRow, RollupSeries, Step
from domain.quantity import Kind, Quantity
from domain.rehearsal import FilterRehearsal, JobState, Occasion, RehearsalJob, RuleRehearsal
from domain.sample import TagId
from domain.state import MachineState as M
from domain.state import StateInterval
from reports.series_sheet import series_xlsx
from tests.analysis import fakes as shop_fakes
from tests.analysis.fakes import MemoryAlerts
from tests.web_interface import fake_shop as shop
from tests.web_interface.fake_balance import FakeBalance
from tests.web_interface.fake_baselines import fake_baselines
from tests.web_interface.fake_cube import FakeCube, FakePlans
from tests.web_interface.fake_explain import FakeExplain
from tests.web_interface.fake_findings import FakeFindings
from tests.web_interface.fake_floor import fake_floor
from tests.web_interface.fake_inspection import FakeFrames, fake_inspection
from tests.web_interface.fake_line_watch import FakeLineWatch
from tests.web_interface.fake_loops import fake_loops
from tests.web_interface.fake_money import FakeMoney
from tests.web_interface.fake_notes import fake_notes
from tests.web_interface.fake_notifications import FakeNotifications
from tests.web_interface.fake_plant import FakePlant
from tests.web_interface.fake_production import FakeProduction
from tests.web_interface.fake_profiles import fake_profiles
from tests.web_interface.fake_reports import FakeReports
from tests.web_interface.fake_states import FakeStates
from tests.web_interface.fake_status import FakeFeeds, FakeStatus
from tests.web_interface.fake_upkeep import fake_backups, fake_certificates, fake_log
from tests.web_interface.fake_virtual import FakeVirtualTags
from tests.web_interface.fake_vitals import fake_vitals
from tests.web_interface.memory_stores import MemoryAccess, MemoryAudit, MemoryTrendViews
from tests.web_interface.real_plant import plant_store, real_plant
from web_interface.auth.accounts import Accounts
from web_interface.auth.passwords import Hashing
from web_interface.services import LatestValue, MachineNow, Services, ShopNow
from web_interface.trends.reader import TrendReader
from web_interface.trends.views import TrendViews

S = shop.S
FEED_SETTINGS = Settings(kafka=Kafka(bootstrap="kafka-1:9092", user="energy", password=SecretStr("geheim-kafka")))
PASSWORD = "lathe-and-mill-2026"
CHEAP = Hashing(memory_kib=64, time_cost=1)  # the real cost is what tests of passwords are for
_cheap_hash: list[str] = []


def nearest(what: str, name: str, known: Iterable[str]) -> NotFound:
    return NotFound(what, name, tuple(difflib.get_close_matches(name, list(known), n=5, cutoff=0.3)))


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


def current_shift() -> ShiftWindow:
    return shop.shift_windows(shop.SHIFT_US, shop.SHIFT_US + 1)[0]


def account(tool: shop.Tool, from_us: int, to_us: int) -> EnergyAccount:
    """Scaled from the picture's shift; hours of states from the intervals."""
    now = shop.START_US
    share = max(0, min(to_us, now) - from_us) / (now - shop.SHIFT_US)
    seconds: dict[M, float] = dict.fromkeys(M, 0.0)
    for interval in shop.state_intervals(tool):
        seconds[interval.state] += ((interval.to_us or now) - interval.from_us) / S * share
    by_state = {M.PRODUCTION: tool.kwh * tool.kef * share, M.IDLE: tool.kwh * (1 - tool.kef) * share}
    by_state |= {M.OFF: 0.0, M.ALARM: 0.0, M.NO_DATA: 0.0}
    missing = tool.state is M.NO_DATA
    return EnergyAccount(
        tool.machine.id,
        from_us,
        to_us,
        tool.kwh * share,
        1.0 if missing else 0.0,
        0.985 if missing else 1.0,
        "counter",
        running=to_us >= now,
        by_state_kwh=by_state,
        by_state_s=seconds,
        label="1",
    )


def efficiency(tool: shop.Tool, from_us: int, to_us: int) -> Efficiency:
    a = account(tool, from_us, to_us)
    total = a.energy_kwh or 0.0
    return Efficiency(
        "K1",
        3,
        "E_production / E_total",
        tool.kef if total else None,
        total * tool.kef,
        total,
        a.completeness,
        a.estimated_kwh / total if total else 0.0,
        complete=a.completeness >= 0.95,
        account=a,
    )


class FakeHistory:
    """HistoryService: the same functions of time, asked for the past."""

    def __init__(self, live: FakeLive) -> None:
        self._live = live

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


class FakeEnergy:
    """EnergyService."""

    def shifts(self, from_us: int, to_us: int) -> Sequence[ShiftWindow]:
        return shop.shift_windows(from_us, to_us)

    def shift_at(self, time_us: int) -> ShiftWindow | None:
        for window in shop.shift_windows(time_us - shop.DAY_US, time_us + 1):
            if window.from_us <= time_us < window.to_us:
                return window
        return None

    def shifts_of_day(self, day: date) -> Sequence[ShiftWindow]:
        begin = shop.local_us(day, time(0))
        return [window for window in shop.shift_windows(begin, begin + shop.DAY_US) if window.day == day]

    async def states(self, machine_id: str, from_us: int, to_us: int) -> Sequence[StateInterval]:
        return [
            interval
            for interval in shop.state_intervals(self._tool(machine_id))
            if interval.from_us < to_us and (interval.to_us is None or interval.to_us > from_us)
        ]

    async def account(self, machine_id: str, from_us: int, to_us: int) -> EnergyAccount:
        return account(self._tool(machine_id), from_us, to_us)

    async def efficiency(self, machine_id: str, from_us: int, to_us: int) -> Efficiency:
        return efficiency(self._tool(machine_id), from_us, to_us)

    async def energy(self, by: str, from_us: int, to_us: int) -> Sequence[EnergyAccount]:
        if by == "shift":
            windows = [(w.from_us, w.to_us, w.name) for w in shop.shift_windows(from_us, to_us)]
        else:
            width = {"day": shop.DAY_US, "hour": 3600 * S}[by]
            begin = -(-from_us // width) * width
            windows = [(at, at + width, "") for at in range(begin, to_us, width)]
        return [replace(account(tool, a, b), label=name) for a, b, name in windows for tool in shop.TOOLS]

    @staticmethod
    def _tool(machine_id: str) -> shop.Tool:
        for tool in shop.TOOLS:
            if tool.machine.id == machine_id:
                return tool
        raise nearest("machine", machine_id, [tool.machine.id for tool in shop.TOOLS])


class FakeEfficiency:
    """EfficiencyService: K1 whatever card is asked for, under that card's name."""

    async def efficiency(self, machine_id: str, from_us: int, to_us: int, card: str | None = None) -> Efficiency:
        found = efficiency(FakeEnergy._tool(machine_id), from_us, to_us)
        if card is not None and card not in CARDS:
            raise NotFound("efficiency card", card, tuple(CARDS))
        return replace(found, card=card or found.card)

    async def grouped(
        self, by: str, step: str, from_us: int, to_us: int, card: str | None = None, subject: str = "site"
    ) -> Sequence[GroupEfficiency]:
        tools = [tool for tool in shop.TOOLS if subject in {"site", tool.machine.id}]
        hour = 3600 * S if step == "hour" else to_us - from_us
        found = []
        for n, begin in enumerate(range(from_us, to_us, hour)):
            for tool in tools:
                value = await self.efficiency(tool.machine.id, begin, begin + hour, card)
                if value.value is not None:
                    value = replace(value, value=value.value - 0.05 * (n % 3))
                found.append(GroupEfficiency(tool.machine.id, begin, begin + hour, step, value, (tool.machine.id,)))
        return found


class FakePerPart:
    """ProductionFiguresService: 23 parts a machine, two programs, the times of a good shift."""

    async def specific(self, machine_id: str, from_us: int, to_us: int) -> SpecificEnergy:
        kwh = account(FakeEnergy._tool(machine_id), from_us, to_us).energy_kwh or 0.0
        seconds = (to_us - from_us) / S
        return SpecificEnergy(machine_id, from_us, to_us, None, seconds, kwh, 0.0, 23, kwh / 23, 0.998, 3.9)

    async def by_program(self, machine_id: str, from_us: int, to_us: int) -> Sequence[SpecificEnergy]:
        whole = await self.specific(machine_id, from_us, to_us)
        kwh = whole.energy_kwh or 0.0
        long = replace(whole, program="VAL_2041.NC", energy_kwh=kwh * 0.8, parts=17, kwh_per_part=kwh * 0.8 / 17, stretches=3)
        return [long, replace(whole, program="FLANEC_12.NC", energy_kwh=kwh * 0.2, parts=6, kwh_per_part=kwh * 0.2 / 6)]

    async def oee(self, by: str, from_us: int, to_us: int, subject: str = "site") -> Sequence[GroupKpis]:
        if subject != "site":
            FakeEnergy._tool(subject)
        times = TimeElements(18000.0, 23400.0, 27000.0, 5400.0, 16560.0, 23, 22.0, 0.998)
        found = TimeKpis(0.667, 0.769, 0.867, 0.92, 0.957, 0.587, 0.667, 0.231)
        members = tuple(tool.machine.id for tool in shop.TOOLS) if subject == "site" else (subject,)
        return [GroupKpis(subject, from_us, to_us, times, found, members)]


_STANDING, _TAKEN, _BACK = AlertState.UNACKNOWLEDGED, AlertState.ACKNOWLEDGED, AlertState.RETURNED


def _alerts() -> list[Alert]:
    def at(hour: int, minute: int, second: int = 0) -> int:
        return shop.local_us(shop.TODAY, time(hour, minute, second))

    def one(
        n: int,
        rule: str,
        priority: Priority,
        state: AlertState,
        machine: str | None,
        tag: str,
        value: float | None,
        limit: float | None,
        unit: str,
        raised: int,
        detail: str = "",
    ) -> Alert:
        taken = state is _TAKEN
        return Alert(
            n,
            f"{rule}:{tag}",
            rule,
            priority,
            state,
            machine,
            tag,
            tag.partition(".")[0],
            value,
            limit,
            unit,
            raised,
            raised + 9 * shop.MIN if state is _BACK else None,
            raised + shop.MIN if taken else None,
            "А. Кузнецов" if taken else None,
            None,
            detail,
        )

    return [
        one(1, "critical_high", Priority.CRITICAL, _STANDING, "furnace-1", "m11.current_l2", 78.4, 75, "A", at(13, 31, 12)),
        one(
            2,
            "no_data",
            Priority.HIGH,
            _STANDING,
            "haas-vf2",
            "m7.active_power",
            None,
            None,
            "kW",
            at(13, 36, 4),
            "timeout 800 ms x 74",
        ),
        one(3, "idle_long", Priority.MEDIUM, _TAKEN, "lathe-2", "m2.active_power", 47, 30, "min", at(12, 55, 31), "1.6 kWh"),
        one(4, "high", Priority.LOW, _TAKEN, None, "main.active_power", 151.2, 150, "kW", at(13, 30)),
        one(5, "machine_alarm", Priority.HIGH, _BACK, "ctx-1250", "ctx.spindle_load", 700124, None, "", at(9, 42, 18)),
        replace(
            one(6, "kef_low", Priority.MEDIUM, _TAKEN, "grinder-1", "m9.active_power", 0.72, 0.75, "", at(6, 20)),
            hold=Hold(HoldKind.SHELVED, at(13, 0), at(15, 0), "П. Орлов", "Правка круга"),
        ),
        replace(
            one(7, "high", Priority.LOW, _STANDING, "mill-1", "m8.active_power", 30.0, 25.0, "kW", at(9, 5)),
            hold=Hold(HoldKind.SHELVED, at(9, 30), at(9, 30) + 22 * 3600 * S, "П. Орлов", "Поверка счётчика"),
            repeats=4, last_raised_us=at(9, 25), chattering=True,
        ),
    ]  # fmt: skip


class FakeAlerts(AlertEngine):
    """The real engine over a store in memory that holds the shop's alerts; acknowledging is seen by the live stream."""

    def __init__(self, live: FakeLive) -> None:
        store = MemoryAlerts()
        for alert in _alerts():
            change = Change(1, Action.RAISE, alert.state, alert.raised_us)
            store.held[alert.id], store.recorded[alert.id] = replace(alert, changes=1), {1: change}
        super().__init__(store, shop_fakes.MemoryAudit(), live.clock)
        self.on_alert(lambda alert: live.publish("alert", alert))
        self.apply(shop.plant())
        with contextlib.suppress(StopIteration):
            self.load().send(None)  # nothing waits in it: the store is in memory


class FakeRehearsals:
    """RehearsalService that is done at once."""

    def __init__(self, clock: shop.ShopClock) -> None:
        self._clock = clock
        self.jobs: dict[str, RehearsalJob] = {}

    def start_rule(self, rule: AlertRule, days: int = 30) -> RehearsalJob:
        now = self._clock.now_us()
        from_us = now - days * shop.DAY_US
        by_day = [((shop.TODAY - timedelta(days=n)).isoformat(), (n * 5) % 7) for n in range(days, 0, -1)]
        occasion = Occasion("m11.current_l2", "high", now - shop.DAY_US, now - shop.DAY_US + 9 * shop.MIN, 78.4, 75.0)
        busiest = max(by_day, key=lambda entry: entry[1])
        alerts = sum(count for _, count in by_day)
        result = RuleRehearsal(rule.version, from_us, now, 3, alerts, 30_360.0, 0.0, by_day, busiest, (occasion,) * 6, True)
        return self._done(result)

    def start_filter(
        self, tag: Tag, low: float | None, high: float | None, *, spike: bool, days: int = 30
    ) -> RehearsalJob:
        now = self._clock.now_us()
        return self._done(FilterRehearsal(tag.name, now - days * shop.DAY_US, now, 2_592_000, 12, -0.4, ((now, 905.0),), ()))

    def _done(self, result: RuleRehearsal | FilterRehearsal) -> RehearsalJob:
        job = RehearsalJob(str(len(self.jobs) + 1), JobState.DONE, 1.0, result)
        self.jobs[job.id] = job
        return job

    def job(self, job_id: str) -> RehearsalJob:
        if job_id not in self.jobs:
            raise NotFound("rehearsal", job_id)
        return self.jobs[job_id]

    def cancel(self, job_id: str) -> RehearsalJob:
        return self.job(job_id)

    async def wait(self, job_id: str, seconds: float) -> RehearsalJob:
        return self.job(job_id)


def fake_history(clock: shop.ShopClock, audit: MemoryAudit) -> PlantHistory:
    """Of the small plant that validates, with two versions."""
    store = plant_store(clock.now_us())
    return PlantHistory(real_plant(store, audit, clock, lambda _plant, _tags: None), store)


@dataclass(frozen=True, slots=True)
class FakeServices(Services):
    """The same, with what tests reach into."""

    clock: shop.ShopClock = None  # type: ignore[assignment]
    access_store: MemoryAccess = None  # type: ignore[assignment]
    audit_store: MemoryAudit = None  # type: ignore[assignment]


def build_services(clock: shop.ShopClock | None = None, *, users: Mapping[str, Role] | None = None) -> FakeServices:
    """All services. `users`: name -> role; default one of each role, named after it."""
    clock = clock or shop.ShopClock()
    live = FakeLive(clock)
    store, audit = MemoryAccess(), MemoryAudit()
    if not _cheap_hash:
        _cheap_hash.append(CHEAP.hash(PASSWORD))
    for name, role in (users if users is not None else {role.value: role for role in Role}).items():
        store.add(User(0, name, role, full_name={"operator": "Анна Кузнецова"}.get(name, "")), _cheap_hash[0])
    return FakeServices(
        live=live,
        history=(history := FakeHistory(live)),
        trends=TrendReader(ById(history), live.tags, removed_tags, clock, series_xlsx),
        trend_views=TrendViews(MemoryTrendViews(), audit, clock),
        energy=FakeEnergy(),
        alerts=FakeAlerts(live),
        plant=FakePlant(),
        plant_history=fake_history(clock, audit),
        profiles=fake_profiles(small := real_plant(plant_store(clock.now_us()), audit, clock, lambda _plant, _tags: None)),
        device_tables=DeviceTables(small),
        line_watch=FakeLineWatch(clock),
        access=Accounts(store, audit, clock, hashing=CHEAP),
        status=(status := FakeStatus(clock)),
        vitals=fake_vitals(clock, status),
        reports=FakeReports(clock),
        rehearsals=FakeRehearsals(clock),
        explain=FakeExplain(),
        notifications=FakeNotifications(),
        efficiency=FakeEfficiency(),
        per_part=FakePerPart(),
        production=FakeProduction(clock),
        virtual_tags=FakeVirtualTags(clock),
        cube=FakeCube(clock),
        plan_facts=FakePlans(clock),
        baselines=fake_baselines(clock, audit),
        balance=FakeBalance(clock),
        loops=fake_loops(clock),
        money=FakeMoney(clock),
        states=FakeStates(clock),
        findings=FakeFindings(clock),
        notes=fake_notes(clock, audit),
        floor=fake_floor(clock, audit),
        backups=fake_backups(clock, audit),
        certificates=fake_certificates(clock, audit),
        inspection=fake_inspection(clock, audit),
        frames=FakeFrames(),
        log=fake_log(clock),
        feeds=FakeFeeds(status),
        feed_settings=FeedSettings(FEED_SETTINGS),
        clock=clock,
        access_store=store,
        audit_store=audit,
    )
