"""Round trips of everything that is stored, on every database."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime
import json
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text, update

from database import tables
from database.backup import TABLES
from database.open import Database, open_database
from database.repositories import SessionRepository
from domain.access import ApiKey, KeptSession, Role, User
from domain.alert import Action, Alert, AlertState, Change, Hold, HoldKind, KeyHold, LimitRule, Priority
from domain.energy import EnergyAccount, ShiftWindow
from domain.errors import Conflict, NotFound, StorageError
from domain.health import Books, DestinationBook
from domain.plant import Device, Line, Machine, Plant, Site
from domain.production import ControlSignals
from domain.profile import Group, ModbusPoint, Point, Profile
from domain.quantity import Quantity
from domain.sample import Batch, TagEvent, TagId, TextSample
from domain.state import MachineState, StateInterval, StateThresholds
from domain.state_rule import Recompute, RecomputeStatus, StateRule
from domain.stores import StoredReport
from tests.conftest import FakeClock

T = 1_763_548_800_000_000
ENTRY = "time_us, actor, source, action, subject, old_json, new_json, result, hmac"


@contextlib.asynccontextmanager
async def opened(url: str, folder: Path, clock: FakeClock) -> AsyncIterator[Database]:
    async with open_database(url, folder / "data", clock) as database:
        yield database


def plant(*devices: str, zone: str = "Europe/Moscow") -> Plant:
    points = (
        Point("active_power", Quantity.ACTIVE_POWER, "W", ModbusPoint("holding", 0, "float32")),
        Point(
            "energy_import", Quantity.ENERGY_IMPORT, "kWh", ModbusPoint("holding", 2, "float32"), group=Group.SLOW, wrap_at=1e6
        ),
        Point("state", Quantity.STATE, "1", ModbusPoint("holding", 4, "uint16"), enum={0: "стоп", 1: "пуск"}),
    )
    profile = Profile("test", {"ru": "т", "en": "t"}, "v", "modbus", "a test", "H", points)
    return Plant(
        Site("Цех № 1", zone),
        lines=(Line("tcp1", "modbus-tcp", {"host": "127.0.0.1", "port": 502}),),
        devices=tuple(Device(d, "tcp1", profile, address=i + 1) for i, d in enumerate(devices)),
        machines=(Machine("lathe", "16К20 №1", "Токарный", "m1", 11.0),),
        limits=(LimitRule("m1.active_power", high=12.0),),
    )


async def test_plant_document_and_tags_that_keep_their_ids(database_url: str, tmp_path: Path, fake_clock: FakeClock) -> None:
    document = {"site": {"name": "Цех № 1 🏭"}, "devices": [{"id": "m1", "scan_s": 0.5, "points": [1, None, True]}]}
    async with opened(database_url, tmp_path, fake_clock) as database:
        assert await database.plants.load() is None
        assert await database.plants.tags() == []
        first = await database.plants.save(document, plant("m1", "m2"))
        assert await database.plants.load() == document
        assert [t.name for t in first] == [f"{d}.{p}" for d in ("m1", "m2") for p in ("active_power", "energy_import", "state")]
        assert len({t.id for t in first}) == 6
        energy = first[1]
        assert (energy.unit, energy.interval_s, energy.wrap_at, energy.group) == ("kWh", 60.0, 1e6, Group.SLOW)

        without = await database.plants.save(document, plant("m2", "m3"))
        ids = {t.name: t.id for t in first}
        assert all(t.id == ids[t.name] for t in without if t.device_id == "m2")
        assert not {t.id for t in without if t.device_id == "m3"} & set(ids.values())
        assert {t.name for t in await database.plants.tags()} == {*ids, *(t.name for t in without)}
        again = await database.plants.save(document, plant("m1"))
        assert list(again) == list(first[:3])
        assert again[2].enum == {0: "стоп", 1: "пуск"}
        async with database.store.read() as connection:
            active = await connection.execute(text("SELECT id FROM device WHERE active = :yes"), {"yes": True})
            assert [row[0] for row in active.all()] == ["m1"]


async def test_secrets_are_sealed_and_need_their_key(database_url: str, tmp_path: Path, fake_clock: FakeClock) -> None:
    async with opened(database_url, tmp_path, fake_clock) as database:
        await database.plants.set_secret("device:m1", "пароль-111111")
        await database.plants.set_secret("device:m2", "x")
        assert await database.plants.secret("device:m1") == "пароль-111111"
        async with database.store.read() as connection:
            sealed = (await connection.execute(text("SELECT sealed FROM secret WHERE name = 'device:m1'"))).scalar_one()
        assert "пароль".encode() not in bytes(sealed)
        assert b"111111" not in bytes(sealed)
        async with database.store.write() as connection:  # one sealed secret passed off as another
            await connection.execute(update(tables.secret).where(tables.secret.c.name == "device:m2").values(sealed=sealed))
        with pytest.raises(StorageError, match="device:m2"):
            await database.plants.secret("device:m2")
        await database.plants.set_secret("device:m1", None)
        assert await database.plants.secret("device:m1") is None
    key = tmp_path / "data" / "keys" / "secrets.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


async def test_states(database_url: str, tmp_path: Path, fake_clock: FakeClock) -> None:
    async with opened(database_url, tmp_path, fake_clock) as database:
        off = StateInterval("lathe", MachineState.OFF, T, T + 100, 0.25, 0.125)
        idle = StateInterval("lathe", MachineState.IDLE, T + 100, T + 200)
        running = StateInterval("lathe", MachineState.PRODUCTION, T + 200, None)
        other = StateInterval("mill", MachineState.NO_DATA, T, None)
        await database.states.save_states([off, idle, running, other])
        assert await database.states.states("lathe", T + 100, T + 150) == [idle]
        assert await database.states.states("lathe", T + 99, T + 101) == [off, idle]
        assert await database.states.states("lathe", T + 900, T + 1000) == [running]
        assert await database.states.states("lathe", T - 100, T) == []
        assert await database.states.last_states() == [running, other]
        ended = dataclasses.replace(running, to_us=T + 300, energy_kwh=1.5)
        await database.states.save_states([ended])
        assert await database.states.states("lathe", T, T + 999) == [off, idle, ended]
        alarm = StateInterval("lathe", MachineState.ALARM, T + 150, T + 300)
        await database.states.replace_states("lathe", T + 100, T + 300, [alarm])
        assert await database.states.states("lathe", T, T + 999) == [off, alarm]
        assert await database.states.last_states() == [alarm, other]


async def test_shift_energy(database_url: str, tmp_path: Path, fake_clock: FakeClock) -> None:
    async with opened(database_url, tmp_path, fake_clock) as database:
        window = ShiftWindow("Ночная", datetime.date(2026, 3, 28), T, T + 8 * 3600)
        account = EnergyAccount(
            "lathe", T, T + 3600, 12.5, 0.5, 0.99, "counter", True, {MachineState.IDLE: 2.5, MachineState.PRODUCTION: 10.0},
            {MachineState.IDLE: 1800.0}, "Ночная",
        )
        none = EnergyAccount("mill", T, T + 3600, None, 0.0, 0.0, "none")
        await database.energy.save_shift_energy(window, [account, none])
        assert await database.energy.shift_energy(window.day, window.day) == [(window, account), (window, none)]
        final = dataclasses.replace(account, running=False, energy_kwh=99.0)
        await database.energy.save_shift_energy(window, [final])
        assert await database.energy.shift_energy(window.day, window.day) == [(window, final), (window, none)]
        assert await database.energy.shift_energy(datetime.date(2026, 3, 29), datetime.date(2026, 4, 1)) == []


def changed(alert: Alert, number: int, action: Action, at_us: int, **fields: object) -> Alert:
    after = dataclasses.replace(alert, **fields)  # type: ignore[arg-type]
    return dataclasses.replace(after, change=Change(number, action, after.state, at_us, fields.get("acknowledged_by")), changes=number)  # type: ignore[arg-type]


def high_alert(key: str = "high:m1.active_power", raised_us: int = T) -> Alert:
    new = Alert(
        0, key, "high", Priority.HIGH, AlertState.UNACKNOWLEDGED, "lathe", "m1.active_power", "m1", 12.5,
        12.0, "kW", raised_us, detail="подробно", rule_id="hot", rule_version="0badcafe", message={"ru": "Жарко"},
    )
    return changed(new, 1, Action.RAISE, raised_us)


async def test_each_transition_of_an_alert_is_recorded_once(database_url: str, tmp_path: Path, fake_clock: FakeClock) -> None:
    async with opened(database_url, tmp_path, fake_clock) as database:
        new = high_alert()
        raised = await database.alerts.save(new)
        assert raised.id > 0
        assert await database.alerts.get(raised.id) == raised
        assert await database.alerts.save(new) == raised  # the answer to the first try was lost
        with pytest.raises(Conflict):
            await database.alerts.save(high_alert(raised_us=T + 1))
        taken = changed(
            raised, 2, Action.ACKNOWLEDGE, T + 5, state=AlertState.ACKNOWLEDGED, acknowledged_us=T + 5, acknowledged_by="ivanov",
            note="смотрю",
        )
        await database.alerts.save(taken)
        await database.alerts.save(taken)
        shelf = Hold(HoldKind.SHELVED, T + 6, T + 99, "ivanov", "ждём наладчика")
        await database.alerts.save(changed(taken, 3, Action.SHELVE, T + 6, hold=shelf))
        assert (await database.alerts.active())[0].hold == shelf
        cleared = changed(taken, 4, Action.CLEAR, T + 9, state=AlertState.CLEARED, returned_us=T + 9, hold=None)
        await database.alerts.save_all([cleared, taken])  # an older one that comes late undoes nothing
        assert [(c.number, c.action, c.state, c.time_us) for c in await database.alerts.changes(raised.id)] == [
            (1, Action.RAISE, AlertState.UNACKNOWLEDGED, T), (2, Action.ACKNOWLEDGE, AlertState.ACKNOWLEDGED, T + 5),
            (3, Action.SHELVE, AlertState.ACKNOWLEDGED, T + 6), (4, Action.CLEAR, AlertState.CLEARED, T + 9),
        ]
        assert await database.alerts.active() == []
        again = await database.alerts.save(high_alert(raised_us=T + 20))
        assert again.id != raised.id
        assert (await database.alerts.save(new)).id == raised.id  # what an earlier run left on its way
        assert await database.alerts.active() == [again]
        assert await database.alerts.between(T + 8, T + 10, 10) == [cleared]
        assert await database.alerts.between(T, T + 99, 10) == [again, cleared]
        assert await database.alerts.between(T, T + 99, 1) == [again]
        assert await database.alerts.raises(T, T + 99, 10) == [(raised.id, T), (again.id, T + 20)]
        with pytest.raises(NotFound):
            await database.alerts.save(dataclasses.replace(new, id=999))


async def test_many_alerts_are_stored_in_one_go_or_not_at_all(database_url: str, tmp_path: Path, fake_clock: FakeClock) -> None:
    async with opened(database_url, tmp_path, fake_clock) as database:
        first = [high_alert(f"k{n}") for n in range(700)]
        over = [changed(alert, 2, Action.RETURN, T + 3, state=AlertState.RETURNED, returned_us=T + 3) for alert in first]
        stored = await database.alerts.save_all([*first, *over])
        assert len({alert.id for alert in stored}) == 700
        assert {alert.state for alert in await database.alerts.active()} == {AlertState.RETURNED}
        assert len(await database.alerts.changes(stored[0].id)) == 2
        with pytest.raises(NotFound):
            await database.alerts.save_all([high_alert("new"), dataclasses.replace(high_alert("no"), id=99_999)])
        assert len(await database.alerts.active()) == 700


async def test_held_conditions_outlive_their_alerts(database_url: str, tmp_path: Path, fake_clock: FakeClock) -> None:
    async with opened(database_url, tmp_path, fake_clock) as database:
        shelved = KeyHold("k", Hold(HoldKind.SHELVED, T, T + 9, "ivanov", "ждём"))
        await database.alerts.save_hold(shelved)
        later = KeyHold("k", Hold(HoldKind.SHELVED, T, T + 99, "petrov", "ждём дальше"))
        rule = KeyHold("rule:hot:", Hold(HoldKind.OUT_OF_SERVICE, T, None, "eng", "ремонт"))
        await database.alerts.save_hold(later)
        await database.alerts.save_hold(rule)
        assert {hold.key: hold for hold in await database.alerts.holds()} == {"k": later, "rule:hot:": rule}
        await database.alerts.remove_hold("k")
        assert list(await database.alerts.holds()) == [rule]


async def sessions_are_kept(store: SessionRepository) -> None:
    """They begin, go on and end; none comes back by going on, and none is in a backup."""
    first, second, third = (KeptSession(f"{n:064}", n // 3, Role.ENGINEER, "m" * 64, T, T + 1, T + 2) for n in (1, 2, 3))
    await store.settle([first, second, third], [], [])
    later = [dataclasses.replace(one, used_us=T + 9, confirmed_us=T + 9, password_mark="n" * 64) for one in (first, second)]
    await store.settle([], later, [second.digest])
    assert sorted(await store.kept(), key=lambda one: one.digest) == [later[0], third]
    await store.settle([], [later[1]], [])
    await store.end_of_user(1)
    assert await store.kept() == [later[0]]
    assert "web_session" not in {table.name for table in TABLES}


async def test_users_and_keys(database_url: str, tmp_path: Path, fake_clock: FakeClock) -> None:
    async with opened(database_url, tmp_path, fake_clock) as database:
        access = database.access
        ivan = await access.create_user(User(0, "Иванов", Role.ENGINEER, full_name="Иван", created_us=T), "hash-1")
        assert await access.user_with_hash("иВАНОВ") == (ivan, "hash-1")
        assert await access.user_with_hash("петров") is None
        with pytest.raises(Conflict):
            await access.create_user(User(0, "ИВАНОВ", Role.VIEWER), "h")
        other = await access.create_user(User(0, "petrov", Role.VIEWER), "h")
        with pytest.raises(Conflict):
            await access.update_user(dataclasses.replace(other, name="иванов"))
        changed = dataclasses.replace(ivan, role=Role.ADMIN, enabled=False, language="ru", last_login_us=T + 1)
        await access.update_user(changed)
        await access.set_password_hash(ivan.id, "hash-2")
        assert await access.user_with_hash("Иванов") == (changed, "hash-2")
        assert {u.id for u in await access.users()} == {ivan.id, other.id}
        with pytest.raises(NotFound):
            await access.set_password_hash(999, "x")

        key = await access.create_key(ApiKey(0, "mes", Role.VIEWER, "em_ab", T, expires_us=T + 9), "kh")
        await access.touch_key(key.id, T + 3)
        found = await access.key_by_hash("kh")
        assert found == dataclasses.replace(key, last_used_us=T + 3)
        assert await access.key_by_hash("nope") is None
        await access.revoke_key(key.id)
        assert [k.revoked for k in await access.keys()] == [True]
        with pytest.raises(NotFound):
            await access.revoke_key(999)
        await sessions_are_kept(database.sessions)


@pytest.mark.parametrize(
    ("damage", "bad"),
    [
        ("UPDATE audit SET new_json = 'x' WHERE number = 3", 3),
        ("UPDATE audit SET actor = 'someone' WHERE number = 1", 1),
        ("DELETE FROM audit WHERE number = 4", 4),
        ("DELETE FROM audit WHERE number = 6", 6),
        ("UPDATE audit SET number = 99 WHERE number = 2", 2),
        (f"INSERT INTO audit SELECT 7, {ENTRY} FROM audit WHERE number = 6", 7),
    ],
)
async def test_the_audit_shows_what_was_done_to_it(
    database_url: str, tmp_path: Path, fake_clock: FakeClock, damage: str, bad: int
) -> None:
    async with opened(database_url, tmp_path, fake_clock) as database:
        entries = [
            await database.audit.append(T + i, "Иванов", "10.0.0.7", "login", f"user {i}", old=None, new='{"a": 1}')
            for i in range(6)
        ]
        assert [e.number for e in entries] == [1, 2, 3, 4, 5, 6]
        assert await database.audit.verify() is None
        assert await database.audit.entries(2) == [entries[5], entries[4]]
        assert await database.audit.entries(2, before=3) == [entries[1], entries[0]]
        async with database.store.write() as connection:
            await connection.execute(text(damage))
        assert await database.audit.verify() == bad
        assert not (await database.check()).ok


async def test_audit_entries_of_two_processes_make_one_chain(database_url: str, tmp_path: Path, fake_clock: FakeClock) -> None:
    async with opened(database_url, tmp_path, fake_clock) as serve, opened(database_url, tmp_path, fake_clock) as command:
        writes = [(serve if i % 2 else command).audit.append(T + i, f"a{i}", "cli", "x", "y") for i in range(20)]
        numbers = [entry.number for entry in await asyncio.gather(*writes)]
        assert sorted(numbers) == list(range(1, 21))
        assert await serve.audit.verify() is None


async def test_reports(database_url: str, tmp_path: Path, fake_clock: FakeClock) -> None:
    async with opened(database_url, tmp_path, fake_clock) as database:
        content = bytes(range(256)) * 400
        saved = [
            await database.reports.save(StoredReport(0, "shift", "pdf", T, T + 9, T + i, "Иванов", f"смена-{i}.pdf", content))
            for i in range(3)
        ]
        assert await database.reports.get(saved[1].id) == saved[1]
        assert await database.reports.get(999) is None
        assert await database.reports.list(2) == [dataclasses.replace(r, content=b"") for r in (saved[2], saved[1])]
        assert saved[1].size_bytes == len(content)


async def test_books(database_url: str, tmp_path: Path, fake_clock: FakeClock) -> None:
    async with opened(database_url, tmp_path, fake_clock) as database:
        assert await database.books.load() is None
        feed = DestinationBook("mqtt", True, 40, 3, 1, 0, "boom", T)
        books = Books(T, 50, 44, 2, {"decode": 4}, (DestinationBook("database", True, 44, 0, 0, 0), feed))
        await database.books.save(books)
        assert await database.books.load() == books
        assert books.balanced


async def test_texts_and_events(database_url: str, tmp_path: Path, fake_clock: FakeClock) -> None:
    async with opened(database_url, tmp_path, fake_clock) as database:
        old, new = TextSample(TagId(1), T, "O1234"), TextSample(TagId(1), T + 5, "Фреза ø12")
        other = TextSample(TagId(2), T, "auto")
        await database.events.save_texts([old, new, other])
        await database.events.save_texts([dataclasses.replace(other, text="mdi")])
        assert await database.events.latest_texts() == [new, dataclasses.replace(other, text="mdi")]
        wrap = TagEvent(TagId(1), T, "counter_wrap", "999999 → 3")
        await database.events.save_events([wrap, wrap])
        await database.events.save_events([wrap, TagEvent(TagId(2), T + 1, "spike", "")])
        assert await database.events.events([1], T, T + 10) == [wrap]
        assert len(await database.events.events([1, 2], T, T + 10)) == 2
        assert await database.events.events([1, 2], T + 2, T + 10) == []


async def test_backup_restores_into_an_empty_database(
    database_url: str, tmp_path: Path, fake_clock: FakeClock
) -> None:
    file = tmp_path / "b.zip"
    (tmp_path / "data" / "profiles").mkdir(parents=True)
    (tmp_path / "data" / "profiles" / "own.yaml").write_text("title: x", encoding="utf-8")
    async with opened(database_url, tmp_path, fake_clock) as database:
        tags = await database.plants.save({"site": {"name": "Цех"}}, plant("m1"))
        await database.plants.set_secret("device:m1", "geheim-geheim")
        await database.audit.append(T, "a", "b", "c", "d")
        await database.reports.save(StoredReport(0, "shift", "pdf", T, T, T, "x", "f", b"\x00\xff"))
        ids = tuple(t.id for t in tags)
        await database.writer.put_all(Batch("m1", T + i * 1_000_000, ids, [1.5, None, float(i)], [0, 64, 0]) for i in range(7000))
        await database.rollups.catch_up()
        await database.backup(file)
        before = [await database.samples.raw(t, 0, 2**60) for t in ids]
        with pytest.raises(Conflict):
            await database.restore(file)
    assert b"geheim-geheim" not in file.read_bytes()
    async with open_database(f"sqlite+aiosqlite:///{tmp_path / 'other.db'}", tmp_path / "other", fake_clock) as restored:
        assert len(await restored.restore(file)) == 2  # the secret and the audit need key files that are not in a backup
        assert await restored.plants.secret("device:m1") is None
        assert (tmp_path / "other" / "profiles" / "own.yaml").read_text(encoding="utf-8") == "title: x"
        assert [await restored.samples.raw(t, 0, 2**60) for t in ids] == before
        assert await restored.plants.load() == {"site": {"name": "Цех"}}
        books = await restored.books.load()
        assert books is not None
        assert books.kept == 21_000
        assert (await restored.reports.list(5))[0].file_name == "f"
        saved = await restored.reports.save(StoredReport(0, "shift", "pdf", T, T, T, "x", "g", b""))
        assert saved.id == 2
    (tmp_path / "bad.zip").write_bytes(b"PK nonsense")
    async with open_database(f"sqlite+aiosqlite:///{tmp_path / 'x.db'}", tmp_path / "x", fake_clock) as empty:
        with pytest.raises(StorageError, match="is not a backup"):
            await empty.restore(tmp_path / "bad.zip")


async def test_a_backup_that_fails_leaves_the_old_one(tmp_path: Path, fake_clock: FakeClock) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'energy.db'}"
    file = tmp_path / "sub" / "b.zip"
    async with opened(url, tmp_path, fake_clock) as database:
        await database.backup(file)
        good = file.read_bytes()
        async with database.store.write() as connection:
            await connection.execute(text("DROP TABLE report"))
        with pytest.raises(StorageError):
            await database.backup(file)
    assert file.read_bytes() == good
    assert list(file.parent.iterdir()) == [file]
    about = json.loads(__import__("zipfile").ZipFile(file).read("about.json"))
    assert about["rows"]["sample"] == 0


async def test_restored_from_a_server_numbers_go_on(postgresql: object, tmp_path: Path, fake_clock: FakeClock) -> None:
    first, second = postgresql.new_url(), postgresql.new_url()  # type: ignore[attr-defined]
    async with open_database(first, tmp_path / "a", fake_clock) as database:
        for name in ("u1", "u2", "u3"):
            await database.access.create_user(User(0, name, Role.VIEWER), "h")
        await database.backup(tmp_path / "b.zip")
    async with open_database(second, tmp_path / "b", fake_clock) as database:
        await database.restore(tmp_path / "b.zip")
        user = await database.access.create_user(User(0, "u4", Role.VIEWER), "h")
        assert user.id == 4


async def test_texts_of_a_window_begin_with_the_one_that_stood(
    database_url: str, tmp_path: Path, fake_clock: FakeClock
) -> None:
    changes = [TextSample(TagId(7), at, text) for at, text in ((10, "O1"), (20, "O2"), (30, "O3"))]
    async with opened(database_url, tmp_path, fake_clock) as database:
        await database.events.save_texts([*changes, TextSample(TagId(8), 15, "other")])
        assert await database.events.texts(7, 25, 40) == changes[1:]
        assert await database.events.texts(7, 20, 30) == changes[1:2]
        assert await database.events.texts(7, 0, 15) == changes[:1]
        assert await database.events.texts(9, 0, 100) == []


async def test_rules_of_states_and_their_recomputing(database_url: str, tmp_path: Path, fake_clock: FakeClock) -> None:
    control = ControlSignals("cnc.x", frozenset({"active"}), frozenset({"готов"}))
    old, new = StateRule("m", StateThresholds(0.3, 3.0), None), StateRule("m", StateThresholds(0.3, 2.5, 5, 0.1), control)
    job = Recompute("m", new.id, T, T + 100, T + 50, RecomputeStatus.RUNNING, T + 200)
    async with opened(database_url, tmp_path, fake_clock) as database:
        rules = database.state_rules
        for rule, since_us in ((old, T), (new, T + 1), (old, T + 2)):
            await rules.save_rule(rule, since_us)
        assert await rules.present_rules() == {"m": old.id}
        await rules.save_recompute(job)
        done = dataclasses.replace(job, done_us=T + 100, status=RecomputeStatus.DONE, ended_us=T + 300)
        await rules.save_recompute(done)
        assert await rules.recomputes() == [done]
        interval = StateInterval("m", MachineState.IDLE, T, T + 5, rule=new.id)
        await database.states.save_states([interval])
        assert await database.states.states("m", T, T + 9) == [interval]
        assert await database.samples.oldest(TagId(5)) is None
