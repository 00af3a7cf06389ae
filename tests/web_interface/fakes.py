"""Services over the invented shop, for previews and tests: `build_services()`. Users admin, engineer, operator, viewer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import SecretStr

from application.device_tables import DeviceTables
from application.feed_settings import FeedSettings
from config.plant_history import PlantHistory
from config.settings import Kafka, ModbusServer, Settings
from domain.access import Role, User
from reports.series_sheet import series_xlsx
from tests.web_interface import fake_shop as shop
from tests.web_interface.fake_alerts import FakeAlerts, FakeRehearsals
from tests.web_interface.fake_alignments import FakeAlignments
from tests.web_interface.fake_balance import FakeBalance
from tests.web_interface.fake_baselines import fake_baselines
from tests.web_interface.fake_cube import FakeCube, FakePlans
from tests.web_interface.fake_energy import FakeEfficiency, FakeEnergy, FakePerPart
from tests.web_interface.fake_explain import FakeExplain
from tests.web_interface.fake_findings import FakeFindings
from tests.web_interface.fake_floor import fake_floor
from tests.web_interface.fake_history import ById, FakeHistory, removed_tags
from tests.web_interface.fake_inspection import fake_frames, fake_inspection
from tests.web_interface.fake_line_watch import FakeLineWatch
from tests.web_interface.fake_live import FakeLive
from tests.web_interface.fake_loops import fake_loops
from tests.web_interface.fake_money import FakeMoney
from tests.web_interface.fake_notes import fake_notes
from tests.web_interface.fake_notifications import FakeNotifications
from tests.web_interface.fake_plant import FakePlant
from tests.web_interface.fake_plugins import fake_plugins
from tests.web_interface.fake_production import FakeProduction
from tests.web_interface.fake_profiles import fake_profiles
from tests.web_interface.fake_refused import fake_refused
from tests.web_interface.fake_reports import FakeReports
from tests.web_interface.fake_served import FakeOpcUaServer, FakeServed
from tests.web_interface.fake_states import FakeStates
from tests.web_interface.fake_status import FakeFeeds, FakeStatus
from tests.web_interface.fake_upkeep import fake_backups, fake_certificates, fake_log
from tests.web_interface.fake_virtual import FakeVirtualTags
from tests.web_interface.fake_vitals import fake_vitals
from tests.web_interface.memory_stores import MemoryAccess, MemoryAudit, MemoryTrendViews
from tests.web_interface.real_plant import plant_store, real_plant
from web_interface.auth.accounts import Accounts
from web_interface.auth.passwords import Hashing
from web_interface.services import Services
from web_interface.trends.reader import TrendReader
from web_interface.trends.views import TrendViews

FEED_SETTINGS = Settings(
    kafka=Kafka(bootstrap="kafka-1:9092", user="energy", password=SecretStr("geheim-kafka")),
    modbus_server=ModbusServer(host="192.168.10.5", clients=("192.168.10.20",)),
)
PASSWORD = "lathe-and-mill-2026"
CHEAP = Hashing(memory_kib=64, time_cost=1)  # the real cost is what tests of passwords are for
_cheap_hash: list[str] = []


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
        alignments=FakeAlignments(),
        money=FakeMoney(clock),
        states=FakeStates(clock),
        findings=FakeFindings(clock),
        notes=fake_notes(clock, audit),
        floor=fake_floor(clock, audit),
        backups=fake_backups(clock, audit),
        certificates=fake_certificates(clock, audit),
        inspection=fake_inspection(clock, audit),
        frames=fake_frames(),
        log=fake_log(clock),
        plugins=fake_plugins(clock, audit),
        feeds=FakeFeeds(status),
        refused=fake_refused(clock, audit, status),
        feed_settings=FeedSettings(FEED_SETTINGS),
        modbus=FakeServed(), opcua_server=FakeOpcUaServer(),
        clock=clock,
        access_store=store,
        audit_store=audit,
    )
