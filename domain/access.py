"""Who may do what: roles, users, API keys, the audit's words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Role(Enum):
    """Each role may all that the ones before it may: viewer reads, operator acknowledges, engineer sets limits, admin all."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ENGINEER = "engineer"
    ADMIN = "admin"

    @property
    def rank(self) -> int:
        return list(Role).index(self)

    def allows(self, needed: Role) -> bool:
        """Does this role include `needed`?"""
        return self.rank >= needed.rank


@dataclass(frozen=True, slots=True)
class User:
    """An account, without its password hash. `language` ru | en, `theme` light | dark | auto."""

    id: int
    name: str
    role: Role
    enabled: bool = True
    full_name: str = ""
    language: str | None = None
    theme: str = "auto"
    created_us: int = 0
    last_login_us: int | None = None


@dataclass(frozen=True, slots=True)
class KeptSession:
    """A session as the next process finds it. `digest`: of its id, which only the browser has; `role`: the one it began with.

    `confirmed_us`: when the process that had it last told that it goes on.
    """

    digest: str
    user_id: int
    role: Role
    password_mark: str
    begun_us: int
    used_us: int
    confirmed_us: int


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key's public part; the key itself is shown once and kept only as a hash."""

    id: int
    name: str
    role: Role
    prefix: str
    created_us: int
    last_used_us: int | None = None
    expires_us: int | None = None
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something, for checks and the audit: a user's or key's name, its role, from where."""

    name: str
    role: Role
    source: str = ""  # address, or "cli"


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """Which entries of the audit are asked for. Times: UTC microseconds, half-open.

    `text` is looked for in actor, source, action, subject and in what was changed, in either case; `actions`: entries of these
    are found as well (their names in the reader's language hold the text). `failed`: only what was refused or went wrong.
    """

    text: str = ""
    actions: tuple[str, ...] = ()
    from_us: int | None = None
    to_us: int | None = None
    failed: bool = False


EVERY_ENTRY = AuditQuery()


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One entry of the audit. `old` and `new` are JSON texts with secrets masked."""

    number: int
    time_us: int
    actor: str
    source: str
    action: str  # login | login_failed | refused | user_create | device_update | alert_acknowledge ...
    subject: str
    old: str | None
    new: str | None
    result: str  # ok | failed
