"""Accounts over in-memory stores: first start, log-in, sessions, keys, and the audit of all of it."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from domain.access import Actor, Role
from domain.errors import ConfigError, Conflict, Forbidden, NotFound, StorageError
from tests.conftest import FakeClock
from tests.web_interface.fakes import CHEAP
from tests.web_interface.memory_stores import MemoryAccess, MemoryAudit
from web_interface.auth.accounts import Accounts
from web_interface.auth.passwords import Hashing
from web_interface.services.access import TooMany

GOOD, OTHER = "lathe-and-mill-2026", "copper-kettle-on-fire"
ADMIN = Actor("admin", Role.ADMIN, "10.0.0.1")


class Made:
    """Accounts with what is behind them."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock, self.store, self.audit = clock, MemoryAccess(), MemoryAudit()
        self.accounts = Accounts(self.store, self.audit, clock, hashing=CHEAP)


@pytest.fixture
def made(fake_clock: FakeClock) -> Made:
    return Made(fake_clock)


@pytest.fixture
async def shop(made: Made) -> Made:
    """With an administrator and an operator."""
    await made.accounts.begin(GOOD)
    await made.accounts.create_user("anna", Role.OPERATOR, GOOD, ADMIN, "Anna Petrova")
    return made


async def logged_in(made: Made, name: str = "anna", password: str = GOOD) -> str:
    return (await made.accounts.login(name, password, "10.0.0.5"))[1]


# ---- first start ----------------------------------------------------------------------------------------------------


async def test_no_account_comes_with_the_product_and_the_code_works_once(made: Made) -> None:
    assert await made.accounts.users() == []
    code = await made.accounts.begin()
    assert code is not None
    assert made.accounts.set_up_needed()
    user = await made.accounts.set_up(code.lower().replace("-", " "), "boss", GOOD, "10.0.0.5")
    assert (user.name, user.role) == ("boss", Role.ADMIN)
    assert not made.accounts.set_up_needed()
    with pytest.raises(Forbidden):
        await made.accounts.set_up(code, "second", GOOD, "10.0.0.5")


async def test_two_installations_share_no_code(made: Made, fake_clock: FakeClock) -> None:
    assert await made.accounts.begin() != await Made(fake_clock).accounts.begin()


async def test_the_code_expires_after_an_hour(made: Made) -> None:
    code = await made.accounts.begin()
    await made.clock.advance(3601)
    with pytest.raises(Forbidden):
        await made.accounts.set_up(str(code), "boss", GOOD, "10.0.0.5")
    assert await made.accounts.users() == []


async def test_guessing_the_code_is_slowed_down(made: Made) -> None:
    await made.accounts.begin()
    for _ in range(5):
        with pytest.raises(Forbidden):
            await made.accounts.set_up("AAAA-AAAA-AAAA-AAAA", "boss", GOOD, "10.0.0.5")
    with pytest.raises(TooMany):
        await made.accounts.set_up("AAAA-AAAA-AAAA-AAAA", "boss", GOOD, "10.0.0.5")


async def test_a_weak_password_leaves_the_code_usable(made: Made) -> None:
    code = str(await made.accounts.begin())
    with pytest.raises(ConfigError):
        await made.accounts.set_up(code, "boss", "password1234", "10.0.0.5")
    await made.accounts.set_up(code, "boss", GOOD, "10.0.0.5")


async def test_the_environment_makes_the_first_administrator_and_only_the_first(made: Made) -> None:
    assert await made.accounts.begin(GOOD) is None
    assert not made.accounts.set_up_needed()
    await logged_in(made, "admin")
    await made.accounts.begin(OTHER)
    with pytest.raises(Forbidden):
        await logged_in(made, "admin", OTHER)


async def test_a_weak_password_in_the_environment_is_a_configuration_error(made: Made) -> None:
    with pytest.raises(ConfigError, match="too short"):
        await made.accounts.begin("short")


async def test_an_account_made_by_a_command_ends_the_setup(made: Made) -> None:
    await made.accounts.begin()
    beside = Accounts(made.store, made.audit, made.clock, hashing=CHEAP)
    await beside.create_user("boss", Role.ADMIN, GOOD, ADMIN)
    await made.accounts.check_sessions()
    assert not made.accounts.set_up_needed()


# ---- log-in and sessions --------------------------------------------------------------------------------------------


async def test_a_session_has_a_new_random_id_of_128_bits(shop: Made) -> None:
    first, second = await logged_in(shop), await logged_in(shop)
    assert first != second
    assert len(first) >= 22
    user = shop.accounts.session(first)
    assert user is not None
    assert (user.name, user.role) == ("anna", Role.OPERATOR)
    assert user.last_login_us == shop.clock.now_us()


async def test_unknown_wrong_and_disabled_answer_alike(shop: Made) -> None:
    user = (await shop.store.user_with_hash("anna"))[0]  # type: ignore[index]
    texts = set()
    for name, password in (("nobody", GOOD), ("anna", "wrong-password-1")):
        with pytest.raises(Forbidden) as refusal:
            await logged_in(shop, name, password)
        texts.add(str(refusal.value))
    await shop.accounts.set_enabled(user.id, False, ADMIN)
    with pytest.raises(Forbidden) as refusal:
        await logged_in(shop)
    texts.add(str(refusal.value))
    assert len(texts) == 1
    assert shop.audit.actions().count("login_failed") == 3


async def test_a_thousand_wrong_passwords_do_not_lock_the_account_for_good(shop: Made) -> None:
    refused = 0
    for _ in range(1000):
        try:
            await shop.accounts.login("anna", "wrong-password-1", "10.9.9.9")
        except TooMany:
            refused += 1
        except Forbidden:
            pass
    assert refused >= 990, "nearly all of them were not even looked at"
    await shop.clock.advance(61)
    await logged_in(shop)


async def test_idle_half_an_hour_ends_a_session_and_use_keeps_it(shop: Made) -> None:
    used, idle = await logged_in(shop), await logged_in(shop)
    for _ in range(3):
        await shop.clock.advance(20 * 60)
        assert shop.accounts.session(used) is not None
    assert shop.accounts.session(idle) is None


async def test_looking_without_touching_keeps_nothing_alive(shop: Made) -> None:
    session = await logged_in(shop)
    for _ in range(3):
        await shop.clock.advance(11 * 60)
        alive = shop.accounts.session(session, touch=False)
    assert alive is None


async def test_twelve_hours_end_a_session_however_busy(shop: Made) -> None:
    session = await logged_in(shop)
    for _ in range(36):
        assert shop.accounts.session(session) is not None
        await shop.clock.advance(20 * 60)
    await shop.clock.advance(1)
    assert shop.accounts.session(session) is None


async def test_a_viewers_display_on_the_wall_stays_for_the_day(shop: Made) -> None:
    await shop.accounts.create_user("wall", Role.VIEWER, GOOD, ADMIN)
    session = await logged_in(shop, "wall")
    await shop.clock.advance(11 * 3600)
    assert shop.accounts.session(session, touch=False) is not None
    await shop.clock.advance(2 * 3600)
    assert shop.accounts.session(session, touch=False) is None


@pytest.mark.parametrize("change", ["role", "disable", "password", "logout"])
async def test_what_ends_sessions_at_once_and_tells_the_open_pages(shop: Made, change: str) -> None:
    ended: list[str] = []
    shop.accounts.on_session_end(ended.append)
    session, other = await logged_in(shop), await logged_in(shop, "admin")
    user = shop.accounts.session(session)
    assert user is not None
    match change:
        case "role":
            await shop.accounts.set_role(user.id, Role.VIEWER, ADMIN)
        case "disable":
            await shop.accounts.set_enabled(user.id, False, ADMIN)
        case "password":
            await shop.accounts.set_password(user.id, OTHER, ADMIN)
        case _:
            await shop.accounts.logout(session)
    assert shop.accounts.session(session) is None
    assert ended == [session]
    assert shop.accounts.session(other) is not None


@pytest.mark.parametrize("change", ["role", "disable", "password"])
async def test_a_change_made_by_a_command_beside_us_acts_within_seconds(shop: Made, change: str) -> None:
    session = await logged_in(shop)
    user = shop.accounts.session(session)
    assert user is not None
    beside = Accounts(shop.store, shop.audit, shop.clock, hashing=CHEAP)
    await shop.accounts.check_sessions()
    assert shop.accounts.session(session) is not None
    match change:
        case "role":
            await beside.set_role(user.id, Role.VIEWER, ADMIN)
        case "disable":
            await beside.set_enabled(user.id, False, ADMIN)
        case _:
            await beside.set_password(user.id, OTHER, ADMIN)
    await shop.accounts.check_sessions()
    assert shop.accounts.session(session) is None


async def test_a_database_that_is_away_for_long_is_told_once_each_time(
    shop: Made, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    session, users = await logged_in(shop), shop.store.users

    async def away() -> None:
        raise StorageError("connection refused")

    watching = asyncio.create_task(shop.accounts.watch())
    for _ in range(2):
        monkeypatch.setattr(shop.store, "users", away)
        await shop.clock.advance(60.0)
        monkeypatch.setattr(shop.store, "users", users)
        await shop.clock.advance(60.0)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    assert [record.message for record in caplog.records] == ["accounts could not be compared: connection refused"] * 2
    assert shop.accounts.session(session) is not None


async def test_sessions_are_bounded(shop: Made) -> None:
    ids = [await logged_in(shop) for _ in range(25)]
    assert sum(1 for i in ids if shop.accounts.session(i) is not None) == 20
    assert shop.accounts.session(ids[-1]) is not None


async def test_the_hash_is_renewed_at_login_when_the_cost_grows_and_sessions_stay(shop: Made) -> None:
    before = await logged_in(shop)
    dearer = Accounts(shop.store, shop.audit, shop.clock, hashing=Hashing(memory_kib=128))
    old = shop.store.hashes[2]
    _, session = await dearer.login("anna", GOOD, "10.0.0.5")
    assert "m=128" in shop.store.hashes[2] != old
    await dearer.check_sessions()
    assert dearer.session(session) is not None
    assert shop.accounts.session(before) is not None


# ---- accounts -------------------------------------------------------------------------------------------------------


async def test_names_are_unique_whatever_their_case(shop: Made) -> None:
    with pytest.raises(Conflict):
        await shop.accounts.create_user("ANNA", Role.VIEWER, GOOD, ADMIN)


@pytest.mark.parametrize("name", ["", "a b", "x" * 65, "<script>", "new\nline"])
async def test_names_that_are_none(shop: Made, name: str) -> None:
    with pytest.raises(ConfigError, match="name"):
        await shop.accounts.create_user(name, Role.VIEWER, GOOD, ADMIN)


async def test_below_admin_nothing_of_accounts_can_be_changed(shop: Made) -> None:
    engineer = Actor("eva", Role.ENGINEER, "10.0.0.9")
    calls: tuple[Callable[[], Awaitable[object]], ...] = (
        lambda: shop.accounts.create_user("new", Role.VIEWER, GOOD, engineer),
        lambda: shop.accounts.set_role(2, Role.ADMIN, engineer),
        lambda: shop.accounts.set_enabled(1, False, engineer),
        lambda: shop.accounts.set_password(1, OTHER, engineer),
        lambda: shop.accounts.create_key("k", Role.ADMIN, engineer),
        lambda: shop.accounts.revoke_key(1, engineer),
    )
    for call in calls:
        with pytest.raises(Forbidden):
            await call()
    assert shop.audit.actions().count("refused") == len(calls)
    assert [user.role for user in await shop.accounts.users()] == [Role.ADMIN, Role.OPERATOR]


async def test_the_last_administrator_stays(shop: Made) -> None:
    changes: tuple[Callable[[], Awaitable[None]], ...] = (
        lambda: shop.accounts.set_role(1, Role.VIEWER, ADMIN),
        lambda: shop.accounts.set_enabled(1, False, ADMIN),
    )
    for call in changes:
        with pytest.raises(Conflict):
            await call()
    await shop.accounts.set_role(2, Role.ADMIN, ADMIN)
    await shop.accounts.set_role(1, Role.VIEWER, ADMIN)


async def test_ones_own_password_asks_the_old_one(shop: Made) -> None:
    anna = Actor("anna", Role.OPERATOR, "10.0.0.5")
    for old in (None, "wrong-password-1"):
        with pytest.raises(Forbidden):
            await shop.accounts.set_password(2, OTHER, anna, old)
    with pytest.raises(ConfigError):
        await shop.accounts.set_password(2, "anna.petrova.2026", anna, GOOD)
    await shop.accounts.set_password(2, OTHER, anna, GOOD)
    await logged_in(shop, "anna", OTHER)
    await shop.accounts.set_password(1, OTHER, Actor("admin", Role.ADMIN, "cli"))


async def test_preferences_reach_open_sessions(shop: Made) -> None:
    session = await logged_in(shop)
    await shop.accounts.set_preferences(2, language="en", theme="dark")
    user = shop.accounts.session(session)
    assert user is not None
    assert (user.language, user.theme) == ("en", "dark")
    with pytest.raises(ConfigError):
        await shop.accounts.set_preferences(2, theme="pink")


async def test_what_cannot_be_audited_does_not_happen(shop: Made) -> None:
    shop.audit.broken = True
    for call in (
        lambda: shop.accounts.create_user("new", Role.VIEWER, GOOD, ADMIN),
        lambda: shop.accounts.set_role(2, Role.ADMIN, ADMIN),
        lambda: shop.accounts.set_enabled(2, False, ADMIN),
        lambda: shop.accounts.set_password(2, OTHER, ADMIN),
        lambda: shop.accounts.create_key("k", Role.ADMIN, ADMIN),
        lambda: shop.accounts.login("anna", GOOD, "10.0.0.5"),
    ):
        with pytest.raises(StorageError):
            await call()
    shop.audit.broken = False
    assert [(u.name, u.role, u.enabled) for u in await shop.accounts.users()] == [
        ("admin", Role.ADMIN, True), ("anna", Role.OPERATOR, True),
    ]  # fmt: skip
    assert await shop.accounts.keys() == []
    await logged_in(shop)


async def test_no_password_or_key_stands_in_the_audit(shop: Made) -> None:
    await logged_in(shop)
    await shop.accounts.set_password(2, OTHER, ADMIN)
    _, key = await shop.accounts.create_key("scada", Role.VIEWER, ADMIN)
    text = repr(shop.audit.log)
    assert not any(secret in text for secret in (GOOD, OTHER, key, key[3:]))
    assert {"user_create", "login", "user_password", "key_create"} <= set(shop.audit.actions())


# ---- keys -----------------------------------------------------------------------------------------------------------


async def test_a_key_is_shown_once_and_kept_as_a_digest(shop: Made) -> None:
    key, text = await shop.accounts.create_key("scada", Role.OPERATOR, ADMIN)
    assert text.startswith(key.prefix)
    assert len(text) >= len("em_") + 22
    assert text not in repr((shop.store.api_keys, shop.store.key_hashes))
    actor = await shop.accounts.key(text)
    assert actor is not None
    assert (actor.name, actor.role) == ("key:scada", Role.OPERATOR)
    assert (await shop.accounts.keys())[0].last_used_us == shop.clock.now_us()


async def test_wrong_keys(shop: Made) -> None:
    _, text = await shop.accounts.create_key("scada", Role.OPERATOR, ADMIN)
    for wrong in ("", "em_", text[:-1], text + "x", text.upper(), "em_" + "A" * 22, "x" * 10_000):
        assert await shop.accounts.key(wrong) is None


async def test_revoked_and_expired_keys(shop: Made) -> None:
    key, text = await shop.accounts.create_key("scada", Role.OPERATOR, ADMIN)
    soon = shop.clock.now_us() + 60_000_000
    _, short = await shop.accounts.create_key("short", Role.VIEWER, ADMIN, expires_us=soon)
    assert await shop.accounts.key(text) is not None
    assert await shop.accounts.key(short) is not None
    await shop.accounts.revoke_key(key.id, ADMIN)
    assert await shop.accounts.key(text) is None
    await shop.clock.advance(61)
    assert await shop.accounts.key(short) is None
    with pytest.raises(NotFound):
        await shop.accounts.revoke_key(99, ADMIN)
    with pytest.raises(ConfigError, match="past"):
        await shop.accounts.create_key("old", Role.VIEWER, ADMIN, expires_us=1)


async def test_a_key_revoked_by_a_command_beside_us_stops_within_seconds(shop: Made) -> None:
    key, text = await shop.accounts.create_key("scada", Role.OPERATOR, ADMIN)
    assert await shop.accounts.key(text) is not None
    await shop.store.revoke_key(key.id)
    await shop.clock.advance(3)
    assert await shop.accounts.key(text) is None


async def test_with_the_database_away_a_key_seen_before_goes_on(shop: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    _, known = await shop.accounts.create_key("scada", Role.OPERATOR, ADMIN)
    _, unseen = await shop.accounts.create_key("new", Role.OPERATOR, ADMIN)
    assert await shop.accounts.key(known) is not None

    async def away(_digest: str) -> None:
        raise StorageError("away")

    monkeypatch.setattr(shop.store, "key_by_hash", away)
    await shop.clock.advance(600)
    assert await shop.accounts.key(known) is not None
    with pytest.raises(StorageError):
        await shop.accounts.key(unseen)


async def test_open_sessions_are_counted_and_ended_for_one_account(shop: Made, fake_clock: FakeClock) -> None:
    ended: list[str] = []
    shop.accounts.on_session_end(ended.append)
    anna, first = await shop.accounts.login("anna", GOOD, "10.0.0.5")
    await fake_clock.advance(60.0)
    _, second = await shop.accounts.login("anna", GOOD, "10.0.0.6")
    admin, kept = await shop.accounts.login("admin", GOOD, "10.0.0.1")
    await fake_clock.advance(5.0)
    assert shop.accounts.open_sessions() == {anna.id: (2, 5.0), admin.id: (1, 5.0)}
    with pytest.raises(Forbidden):
        await shop.accounts.end_sessions(anna.id, Actor("anna", Role.OPERATOR, "10.0.0.5"))
    assert await shop.accounts.end_sessions(anna.id, ADMIN) == 2
    assert sorted(ended) == sorted([first, second])
    assert shop.accounts.session(kept) is not None
    assert shop.audit.log[-1].action == "sessions_end"
    assert set(shop.accounts.open_sessions()) == {admin.id}
