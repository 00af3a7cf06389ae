"""Who may come in: accounts, sessions, keys, and the audit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from domain.access import EVERY_ENTRY, Actor, ApiKey, AuditEntry, AuditQuery, Role, User
from domain.errors import MonitorError


class TooMany(MonitorError):
    """Too many attempts or requests; `retry_after_s` seconds until the next is looked at."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(f"too many attempts; try again in {retry_after_s:.0f} s")
        self.retry_after_s = retry_after_s


class AccessService(Protocol):
    """Accounts, sessions, keys. Passwords are hashed off the event loop, at most two at a time."""

    def set_up_needed(self) -> bool: ...
    async def set_up(self, code: str, name: str, password: str, source: str) -> User:
        """First administrator, with the one-time code from the service log. Raises Forbidden, ConfigError (weak password)."""
        ...

    async def login(self, name: str, password: str, source: str) -> tuple[User, str]:
        """The user and the new session's id. Raises Forbidden (unknown user and wrong password alike), TooMany."""
        ...

    def session(self, session_id: str, *, touch: bool = True) -> User | None:
        """The user of a live session; `touch` starts its idle clock anew."""
        ...

    def on_session_end(self, callback: Callable[[str], None]) -> None:
        """`callback(session id)` whenever a session ends."""
        ...

    async def refused(self, actor: str, source: str, subject: str) -> None:
        """Write a request that was turned away to the audit."""
        ...

    async def logout(self, session_id: str) -> None: ...
    async def key(self, key: str) -> Actor | None: ...
    async def users(self) -> Sequence[User]: ...
    async def create_user(self, name: str, role: Role, password: str, actor: Actor, full_name: str = "") -> User: ...
    async def set_password(self, user_id: int, password: str, actor: Actor, old: str | None = None) -> None: ...
    async def set_role(self, user_id: int, role: Role, actor: Actor) -> None: ...
    async def set_enabled(self, user_id: int, enabled: bool, actor: Actor) -> None: ...
    def open_sessions(self) -> Mapping[int, tuple[int, float]]:
        """Account id -> number of its open sessions, seconds since one of them was used last."""
        ...

    async def end_sessions(self, user_id: int, actor: Actor) -> int:
        """Sign an account out everywhere, at once; how many sessions ended. Raises Forbidden, NotFound."""
        ...

    async def set_preferences(self, user_id: int, *, language: str | None = None, theme: str | None = None) -> None: ...
    async def keys(self) -> Sequence[ApiKey]: ...
    async def create_key(self, name: str, role: Role, actor: Actor, expires_us: int | None = None) -> tuple[ApiKey, str]: ...
    async def revoke_key(self, key_id: int, actor: Actor) -> None: ...
    async def audit(
        self, limit: int = 200, before: int | None = None, query: AuditQuery = EVERY_ENTRY
    ) -> Sequence[AuditEntry]:
        """What `query` asks for, newest first; `before`: only entries with a smaller number."""
        ...

    async def export_audit(self, actor: Actor, query: AuditQuery, most: int) -> Sequence[AuditEntry]:
        """To be taken away as a file, newest first; that it was taken is an entry of its own. Raises Forbidden."""
        ...
