"""AccessService: accounts, log-in, sessions, API keys. Every change is written to the audit before it is made."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from domain.access import EVERY_ENTRY, Actor, ApiKey, AuditEntry, AuditQuery, Role, User
from domain.errors import ConfigError, Conflict, Forbidden, NotFound, StorageError
from domain.ports import Clock
from domain.stores import AccessStore, AuditStore, EndedSessions, SessionStore
from web_interface.auth.guessing import Guessing
from web_interface.auth.kept_sessions import KeptSessions
from web_interface.auth.keys import Keys
from web_interface.auth.passwords import Hashing, PasswordWork, check_policy
from web_interface.auth.sessions import Sessions, mark
from web_interface.auth.setup_code import SetupCode

log = logging.getLogger(__name__)

LOGOUT_S = 2.0
WATCH_S = 2.0  # what a command beside us changes acts within this
_NAME = re.compile(r"[\w.@-]{1,64}")
_WRONG = "wrong name or password"


class Accounts:
    """See services.AccessService. `begin` once before serving; `watch` as a supervised task."""

    def __init__(
        self, store: AccessStore, audit: AuditStore, clock: Clock, *, hashing: Hashing | None = None,
        kept: SessionStore | None = None, ended: EndedSessions | None = None,
    ) -> None:  # fmt: skip
        """`kept`: where sessions outlive this process; without it they end with it. `ended`: see KeptSessions."""
        self._store, self._audit, self._clock = store, audit, clock
        self._work = PasswordWork(hashing or Hashing())
        self._guessing = Guessing(clock.monotonic)
        self._sessions = Sessions(clock.monotonic)
        self._kept = None if kept is None else KeptSessions(self._sessions, kept, clock, ended)
        self._keys = Keys(store, clock)
        self._setup: SetupCode | None = None
        self._change = asyncio.Lock()  # one change of accounts at a time: two admins must not remove each other
        self._background: set[asyncio.Task[None]] = set()

    # -- start and watch -----------------------------------------------------------------------------------------

    async def begin(self, admin_password: str | None = None) -> str | None:
        """With no account yet: make `admin` with that password, or print a one-time setup code to the log (also returned).

        Takes over the sessions that an earlier process left. Raises ConfigError when the password is too weak.
        """
        if users := await self._store.users():
            if self._kept is not None:
                await self._kept.restore({user.id: user for user in users})
                await self.check_sessions()
            return None
        if admin_password is not None:
            await self._create("admin", Role.ADMIN, admin_password, Actor("setup", Role.ADMIN, "environment"), "")
            log.info("the first administrator, admin, was created from the environment")
            return None
        self._setup = SetupCode(self._clock.monotonic)
        log.warning("SETUP CODE %s : open /setup within 60 min to create the first administrator", self._setup.text)
        return self._setup.text

    @property
    def setup_code(self) -> str | None:
        """The code of the first start, while it is waited for."""
        return None if self._setup is None else self._setup.text

    async def watch(self) -> None:
        """End sessions that are overdue, or whose account was changed by a command beside us; until cancelled."""
        told = False
        while True:
            await self._clock.sleep(WATCH_S)
            try:
                await self.check_sessions()
                if self._kept is not None:
                    await self._kept.settle()
            except (StorageError, OSError) as exc:  # the database is away: sessions go on, nothing can have changed there
                if not told:
                    log.warning("accounts could not be compared: %s", exc)
                told = True
            else:
                told = False

    async def check_sessions(self) -> None:
        """One pass of `watch`."""
        self._sessions.end_overdue()
        if self._setup is not None and await self._store.users():
            self._setup = None
        live = self._sessions.live()
        if not live:
            return
        known = {user.id: user for user in await self._store.users()}
        for session in live:
            user = known.get(session.user.id)
            if user is None or not user.enabled or user.role is not session.user.role:
                self._sessions.drop(session)
                continue
            stored = await self._store.user_with_hash(user.name)
            if stored is None or mark(stored[1]) != session.password_mark:
                self._sessions.drop(session)

    def on_session_end(self, callback: Callable[[str], None]) -> None:
        """`callback(session id)` when a session ends: open pages and sockets of it are to be closed."""
        self._sessions.on_end.append(callback)

    # -- setting up and logging in -------------------------------------------------------------------------------

    def set_up_needed(self) -> bool:
        return self._setup is not None

    async def set_up(self, code: str, name: str, password: str, source: str) -> User:
        """Raises Forbidden (wrong or expired code, or set up already), ConfigError (weak password, bad name), TooMany."""
        self._guessing.begin("setup code", source)
        setup = self._setup
        if setup is None or not setup.matches(code):
            await self._note("setup", source, "refused", "set_up", result="failed")
            raise Forbidden("the setup code is wrong or has expired; a restart of the service prints a new one")
        user = await self._create(name, Role.ADMIN, password, Actor("setup", Role.ADMIN, source), "")
        setup.use()
        self._setup = None
        self._guessing.succeeded("setup code", source)
        return user

    async def login(self, name: str, password: str, source: str) -> tuple[User, str]:
        """Raises Forbidden for unknown user, wrong password and disabled account alike, and TooMany."""
        user, password_mark = await self.identify(name, password, source)
        session = self._sessions.begin(user, password_mark)
        if self._kept is not None:
            await self._kept.begin(session)
        return user, session.id

    async def identify(self, name: str, password: str, source: str) -> tuple[User, str]:
        """Who it is, and the mark of the password, for protocols that have sessions of their own. Raises as `login`."""
        self._guessing.begin(name, source)
        found = await self._store.user_with_hash(name)
        right = await self._work.verify(found[1] if found else None, password[:256])
        if found is None or not right or not found[0].enabled:
            await self._note(name[:64], source, "login_failed", name[:64], result="failed")
            raise Forbidden(_WRONG)
        user, password_hash = found
        self._guessing.succeeded(name, source)
        await self._note(user.name, source, "login", user.name)
        if self._work.hashing.outdated(password_hash):
            password_hash = await self._work.hash(password)
            await self._store.set_password_hash(user.id, password_hash)
            self._sessions.change_mark(user.id, mark(password_hash))
        user = replace(user, last_login_us=self._clock.now_us())
        await self._store.update_user(user)
        return user, mark(password_hash)

    async def unchanged(self, user: User, password_mark: str) -> bool:
        """Is somebody who identified still the same: there, enabled, of that role and password? Raises StorageError."""
        found = await self._store.user_with_hash(user.name)
        return (
            found is not None and found[0].id == user.id and found[0].enabled and found[0].role is user.role
            and mark(found[1]) == password_mark
        )  # fmt: skip

    async def identify_key(self, key: str, source: str) -> Actor:
        """Whose key it is, where guessing is possible: slowed down as passwords are. Raises Forbidden, TooMany, StorageError."""
        account = f"key from {source}"  # nobody can shut out another's keys
        self._guessing.begin(account, source)
        actor = await self._keys.actor(key)
        if actor is None:
            await self._note("key", source, "login_failed", "key", result="failed")
            raise Forbidden(_WRONG)
        self._guessing.succeeded(account, source)
        await self._note(actor.name, source, "login", actor.name)
        return actor

    def session(self, session_id: str, *, touch: bool = True) -> User | None:
        """The user of a live session; `touch` starts its idle clock anew."""
        session = self._sessions.get(session_id, touch=touch)
        return None if session is None else session.user

    async def logout(self, session_id: str) -> None:
        """Takes effect at once; the kept sessions and the audit follow, and are waited for while the database answers soon."""
        session = self._sessions.end(session_id)
        if session is not None:
            task = asyncio.get_running_loop().create_task(self._after_logout(session.user.name), name="audit:logout")
            self._background.add(task)
            task.add_done_callback(self._background.discard)
            await asyncio.wait({task}, timeout=LOGOUT_S)

    async def _after_logout(self, name: str) -> None:
        if self._kept is not None:
            await self._kept.settle()
        try:
            await self._note(name, "", "logout", name)
        except StorageError as exc:  # somebody who leaves is never kept in for want of a log entry
            log.warning("a logout is missing from the audit: %s", exc)

    # -- accounts ------------------------------------------------------------------------------------------------

    async def users(self) -> Sequence[User]:
        return await self._store.users()

    async def create_user(self, name: str, role: Role, password: str, actor: Actor, full_name: str = "") -> User:
        """Raises Forbidden (below admin), ConfigError (name, weak password), Conflict (name taken)."""
        await self._need_admin(actor, f"user {name[:64]}")
        return await self._create(name, role, password, actor, full_name)

    async def set_password(self, user_id: int, password: str, actor: Actor, old: str | None = None) -> None:
        """One's own (asks `old`; from the command line it does not) or, as admin, anybody's. All sessions of the account end."""
        user = await self._user(user_id)
        own = actor.name == user.name and actor.source != "cli"
        if not own:
            await self._need_admin(actor, f"password of {user.name}")
        else:
            self._guessing.begin(user.name, actor.source)
            stored = await self._store.user_with_hash(user.name)
            if stored is None or not await self._work.verify(stored[1], old or ""):
                await self._note(actor.name, actor.source, "refused", f"password of {user.name}", result="failed")
                raise Forbidden("the old password is wrong")
            self._guessing.succeeded(user.name, actor.source)
        check_policy(password, user.name, *user.full_name.split())
        password_hash = await self._work.hash(password)
        await self._note(actor.name, actor.source, "user_password", user.name)
        await self._store.set_password_hash(user.id, password_hash)
        await self._end_of_user(user.id)

    async def set_role(self, user_id: int, role: Role, actor: Actor) -> None:
        """Sessions of the account end: the next log-in has the new rights. Raises Conflict for the last administrator."""
        await self._need_admin(actor, f"role of {user_id}")
        async with self._change:
            user = await self._user(user_id)
            if user.role is role:
                return
            if role is not Role.ADMIN:
                await self._keep_an_admin(user)
            await self._note(actor.name, actor.source, "user_role", user.name, old=f'"{user.role.value}"', new=f'"{role.value}"')
            await self._store.update_user(replace(user, role=role))
            await self._end_of_user(user.id)

    async def set_enabled(self, user_id: int, enabled: bool, actor: Actor) -> None:
        """Disabling ends the account's sessions. Raises Conflict for the last administrator."""
        await self._need_admin(actor, f"account {user_id}")
        async with self._change:
            user = await self._user(user_id)
            if not enabled:
                await self._keep_an_admin(user)
            await self._note(actor.name, actor.source, "user_enable" if enabled else "user_disable", user.name)
            await self._store.update_user(replace(user, enabled=enabled))
            if not enabled:
                await self._end_of_user(user.id)

    def open_sessions(self) -> Mapping[int, tuple[int, float]]:
        """Account id -> number of its open sessions, seconds since one of them was used last."""
        return self._sessions.open_of()

    async def end_sessions(self, user_id: int, actor: Actor) -> int:
        """Sign an account out everywhere, at once; how many sessions ended. Raises Forbidden, NotFound."""
        await self._need_admin(actor, f"sessions of {user_id}")
        user = await self._user(user_id)
        await self._note(actor.name, actor.source, "sessions_end", user.name)
        return await self._end_of_user(user.id)

    async def _end_of_user(self, user_id: int) -> int:
        """Here at once; the kept ones follow."""
        count = self._sessions.end_of_user(user_id)
        if self._kept is not None:
            await self._kept.end_of_user(user_id)
            await self._kept.settle()
        return count

    async def set_preferences(self, user_id: int, *, language: str | None = None, theme: str | None = None) -> None:
        """None leaves as it is. Raises ConfigError for a value that does not exist."""
        if language not in {None, "ru", "en"}:
            raise ConfigError(f"language {language!r}: expected ru or en")
        if theme not in {None, "light", "dark", "auto"}:
            raise ConfigError(f"theme {theme!r}: expected light, dark or auto")
        user = await self._user(user_id)
        user = replace(user, language=language or user.language, theme=theme or user.theme)
        await self._store.update_user(user)
        self._sessions.change_user(user)

    # -- keys and audit ------------------------------------------------------------------------------------------

    async def key(self, key: str) -> Actor | None:
        """Who a presented key is; None when it is unknown, expired or revoked. Raises StorageError while that cannot be known."""
        return await self._keys.actor(key)

    async def keys(self) -> Sequence[ApiKey]:
        return await self._store.keys()

    async def create_key(self, name: str, role: Role, actor: Actor, expires_us: int | None = None) -> tuple[ApiKey, str]:
        """The key itself is in the answer and nowhere else. Raises Forbidden (below admin), ConfigError (name, expiry)."""
        await self._need_admin(actor, f"key {name[:64]}")
        if not 1 <= len(name.strip()) <= 64 or not name.isprintable():
            raise ConfigError("name: 1 to 64 printable characters are expected")
        if expires_us is not None and expires_us <= self._clock.now_us():
            raise ConfigError("expires: lies in the past")
        await self._note(actor.name, actor.source, "key_create", name.strip(), new=f'"{role.value}"')
        return await self._keys.create(name.strip(), role, expires_us)

    async def revoke_key(self, key_id: int, actor: Actor) -> None:
        """Acts at once. Raises Forbidden, NotFound."""
        await self._need_admin(actor, f"key {key_id}")
        key = next((key for key in await self._store.keys() if key.id == key_id), None)
        if key is None:
            raise NotFound("key", str(key_id))
        await self._note(actor.name, actor.source, "key_revoke", key.name)
        await self._keys.revoke(key_id)

    async def audit(
        self, limit: int = 200, before: int | None = None, query: AuditQuery = EVERY_ENTRY
    ) -> Sequence[AuditEntry]:
        return await self._audit.entries(limit, before, query)

    async def export_audit(self, actor: Actor, query: AuditQuery, most: int) -> Sequence[AuditEntry]:
        """To be taken away as a file, newest first; that it was taken is an entry of its own. Raises Forbidden."""
        await self._need_admin(actor, "audit")
        found = await self._audit.entries(most, None, query)
        await self._note(actor.name, actor.source, "audit_export", str(len(found)))
        return found

    async def refused(self, actor: str, source: str, subject: str) -> None:
        """A request the gate turned away. One that cannot be written is refused all the same."""
        try:
            await self._note(actor, source, "refused", subject[:200], result="failed")
        except StorageError as exc:
            log.warning("a refusal is missing from the audit: %s", exc)

    # -- inside --------------------------------------------------------------------------------------------------

    async def _create(self, name: str, role: Role, password: str, actor: Actor, full_name: str) -> User:
        name, full_name = name.strip(), full_name.strip()
        if not _NAME.fullmatch(name):
            raise ConfigError("name: 1 to 64 letters, digits and . _ @ - are expected")
        if len(full_name) > 128 or not full_name.isprintable():
            raise ConfigError("full name: at most 128 printable characters")
        check_policy(password, name, *full_name.split())
        if await self._store.user_with_hash(name) is not None:
            raise Conflict(f"user {name!r} exists already")
        password_hash = await self._work.hash(password)
        await self._note(actor.name, actor.source, "user_create", name, new=f'"{role.value}"')
        user = User(0, name, role, full_name=full_name, created_us=self._clock.now_us())
        return await self._store.create_user(user, password_hash)

    async def _user(self, user_id: int) -> User:
        for user in await self._store.users():
            if user.id == user_id:
                return user
        raise NotFound("user", str(user_id))

    async def _keep_an_admin(self, leaving: User) -> None:
        if leaving.role is not Role.ADMIN or not leaving.enabled:
            return
        others = [u for u in await self._store.users() if u.role is Role.ADMIN and u.enabled and u.id != leaving.id]
        if not others:
            raise Conflict(f"{leaving.name} is the last administrator")

    async def _need_admin(self, actor: Actor, subject: str) -> None:
        if not actor.role.allows(Role.ADMIN):
            await self._note(actor.name, actor.source, "refused", subject, result="failed")
            raise Forbidden("this needs the role admin")

    async def _note(
        self,
        actor: str,
        source: str,
        action: str,
        subject: str,
        *,
        old: str | None = None,
        new: str | None = None,
        result: str = "ok",
    ) -> None:
        await self._audit.append(self._clock.now_us(), actor, source, action, subject, old=old, new=new, result=result)
