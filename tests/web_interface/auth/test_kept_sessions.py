"""Sessions over a restart and a takeover: who was signed in goes on, and whatever ends a session ends it for the next process too."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from database.session_spool import EndedSessionsFile
from domain.access import Actor, Role, User
from tests.conftest import FakeClock, eventually
from tests.web_interface.fakes import CHEAP
from tests.web_interface.memory_stores import MemoryAccess, MemoryAudit, MemorySessions
from web_interface.auth.accounts import Accounts
from web_interface.auth.sessions import anti_forgery_token, digest

GOOD, OTHER = "lathe-and-mill-2026", "copper-kettle-on-fire"
ADMIN = Actor("admin", Role.ADMIN, "10.0.0.1")


class Shop:
    """One database, and the process that serves now."""

    def __init__(self, clock: FakeClock, folder: Path) -> None:
        self.clock, self.access, self.audit, self.kept = clock, MemoryAccess(), MemoryAudit(), MemorySessions()
        self.ended = folder / "sessions.ended"
        self.accounts = self.process()

    def process(self) -> Accounts:
        spool = EndedSessionsFile(self.ended)
        return Accounts(self.access, self.audit, self.clock, hashing=CHEAP, kept=self.kept, ended=spool)

    async def restart(self, away_s: float = 30.0) -> None:
        """Killed; another goes on after so long."""
        await self.clock.advance(away_s)
        self.accounts = self.process()
        await self.accounts.begin()

    async def watched(self, seconds: float) -> None:
        """As `watch` does, without its task: it would outlive the process."""
        for _ in range(int(seconds // 10)):
            await self.clock.advance(10)
            await self.accounts.check_sessions()
            assert self.accounts._kept is not None
            await self.accounts._kept.settle()

    async def enter(self, name: str = "anna") -> str:
        return (await self.accounts.login(name, GOOD, "10.0.0.5"))[1]

    def user(self, name: str = "anna") -> User:
        return next(user for user in self.access.people.values() if user.name == name)


@pytest.fixture
async def shop(fake_clock: FakeClock, tmp_path: Path) -> Shop:
    made = Shop(fake_clock, tmp_path)
    await made.accounts.begin(GOOD)
    await made.accounts.create_user("anna", Role.OPERATOR, GOOD, ADMIN)
    await made.accounts.create_user("wall", Role.VIEWER, GOOD, ADMIN)
    return made


async def test_who_is_signed_in_carries_on_and_the_id_is_kept_nowhere(shop: Shop) -> None:
    first, second = await shop.enter(), await shop.enter("admin")
    await shop.restart()
    assert shop.accounts.open_sessions() == {shop.user().id: (1, 30.0), shop.user("admin").id: (1, 30.0)}
    ended: list[str] = []
    shop.accounts.on_session_end(ended.append)
    for session, name in ((first, "anna"), (second, "admin")):
        user = shop.accounts.session(session)
        assert user is not None
        assert user.name == name
        assert session not in str(shop.kept.rows)
        assert anti_forgery_token(session) not in str(shop.kept.rows)
        assert shop.accounts.session(next(iter(shop.kept.rows))) is None  # what is kept opens nothing
    await shop.accounts.set_role(shop.user().id, Role.VIEWER, ADMIN)
    assert ended == [first]  # its open pages are told as ever
    await shop.restart()
    assert (shop.accounts.session(first), shop.accounts.session(second) is not None) == (None, True)


async def test_the_limits_hold_over_any_number_of_restarts(shop: Shop) -> None:
    idle, wall = await shop.enter(), await shop.enter("wall")
    busy = await shop.enter("admin")
    for _ in range(6):
        await shop.watched(240)
        await shop.restart(60)
        assert shop.accounts.session(busy) is not None
    await shop.watched(20)
    assert shop.accounts.session(idle, touch=False) is None  # 30 min without use, in seven processes
    for _ in range(34):
        await shop.watched(20 * 60 - 60)
        assert shop.accounts.session(busy) is not None
        await shop.watched(20)
        await shop.restart(40)
    assert shop.accounts.session(wall) is not None
    await shop.watched(20 * 60)
    assert (shop.accounts.session(busy), shop.accounts.session(wall)) == (None, None)  # 12 h in all
    await shop.restart()
    assert (shop.accounts.session(busy), shop.kept.rows) == (None, {})


@pytest.mark.parametrize("end", ["logout", "everywhere", "too_many"])
async def test_what_was_ended_is_not_there_after_a_kill(shop: Shop, end: str) -> None:
    session = await shop.enter()
    match end:
        case "logout":
            await shop.accounts.logout(session)
        case "everywhere":
            assert await shop.accounts.end_sessions(shop.user().id, ADMIN) == 1
        case _:
            for _ in range(20):
                await shop.clock.advance(0.1)
                await shop.enter()
    await shop.restart(1)
    assert shop.accounts.session(session) is None


@pytest.mark.parametrize("change", ["role", "disabled", "password", "gone", "in_between"])
async def test_who_was_changed_while_nobody_served_is_signed_out(shop: Shop, change: str) -> None:
    session, other, user = await shop.enter(), await shop.enter("admin"), shop.user()
    match change:
        case "role":
            shop.access.people[user.id] = replace(user, role=Role.ADMIN)
        case "disabled":
            shop.access.people[user.id] = replace(user, enabled=False)
        case "password":
            shop.access.hashes[user.id] = CHEAP.hash(OTHER)
        case "gone":
            del shop.access.people[user.id]
        case _:  # a command beside us, twice
            command = shop.process()
            await command.set_enabled(user.id, False, ADMIN)
            await command.set_enabled(user.id, True, ADMIN)
    await shop.restart()
    assert (shop.accounts.session(session), shop.accounts.session(other) is not None) == (None, True)


async def test_what_the_database_was_not_told_is_told_when_it_is_back(shop: Shop) -> None:
    gone = await shop.enter()
    shop.kept.broken = True
    new = await shop.enter()
    await shop.accounts.logout(gone)
    await shop.watched(60)
    shop.kept.broken = False
    await shop.watched(10)
    await shop.restart()
    assert (shop.accounts.session(gone), shop.accounts.session(new) is not None) == (None, True)


async def test_a_logout_while_the_database_is_away_outlives_a_kill(shop: Shop) -> None:
    gone, stays = await shop.enter(), await shop.enter()
    shop.kept.broken = True
    await shop.accounts.logout(gone)
    shop.kept.broken = False  # it is back only after the kill: this process could never tell it
    await shop.restart()
    assert (shop.accounts.session(gone), shop.accounts.session(stays) is not None) == (None, True)
    await shop.watched(10)
    assert len(shop.kept.rows) == 1
    assert not shop.ended.exists()  # nothing is carried along that the database knows


async def test_a_database_that_hangs_does_not_keep_a_logout_from_the_disk(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = await shop.enter()

    async def hangs(*_: object) -> None:
        await asyncio.Event().wait()

    with monkeypatch.context() as patched:
        patched.setattr(shop.kept, "settle", hangs)
        kept = shop.accounts._kept
        assert kept is not None
        await shop.clock.advance(30)
        watch = asyncio.create_task(kept.settle())  # confirms sessions, and waits for ever
        leaving = asyncio.create_task(shop.accounts.logout(gone))
        await eventually(shop.ended.exists)
        for task in (watch, leaving, *shop.accounts._background):
            task.cancel()
    await shop.restart()
    assert shop.accounts.session(gone) is None


async def test_a_list_that_cannot_be_read_signs_everybody_out_and_a_cut_line_takes_no_other(shop: Shop) -> None:
    stays = await shop.enter()
    shop.ended.write_bytes(b"0123abc")  # cut by a crash
    EndedSessionsFile(shop.ended).append([digest("other")])
    assert EndedSessionsFile(shop.ended).load() == {digest("other")}
    await shop.restart()
    assert shop.accounts.session(stays) is not None
    await shop.watched(10)
    shop.ended.mkdir()
    await shop.restart()
    assert shop.accounts.session(stays) is None


async def test_a_record_that_nobody_confirmed_for_minutes_is_not_believed(shop: Shop) -> None:
    """As after an outage in which a log-out could not be told, or in an old copy of the database."""
    session = await shop.enter("wall")
    await shop.watched(3600)
    shop.kept.broken = True
    await shop.watched(280)
    await shop.accounts.logout(session)
    shop.kept.broken = False
    await shop.restart(30)
    assert shop.accounts.session(session) is None


async def test_after_a_step_of_the_clock_no_session_lasts_longer(shop: Shop) -> None:
    session = await shop.enter()
    shop.clock.step_wall(-3600)
    await shop.restart()
    assert shop.accounts.session(session) is None
