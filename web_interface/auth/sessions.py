"""Sessions live here, in memory: a restart logs everybody out, and nothing about them can be read from a disk."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace

from domain.access import Role, User

IDLE_S = 30 * 60.0
ABSOLUTE_S = 12 * 3600.0
PER_USER, IN_ALL = 20, 1000


@dataclass(slots=True)
class Session:
    """`password_mark`: a digest of the stored hash at login, so that a change made elsewhere ends the session."""

    id: str
    user: User
    password_mark: str
    begun: float
    used: float

    def over(self, now: float) -> bool:
        """Past 12 h, or idle too long. A viewer may only read: a display on a wall stays until its 12 h are over."""
        idle = ABSOLUTE_S if self.user.role is Role.VIEWER else IDLE_S
        return now - self.begun > ABSOLUTE_S or now - self.used > idle


class Sessions:
    """`on_end` callbacks get the id of each session that ended, whatever the reason."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._now = monotonic
        self._sessions: dict[str, Session] = {}
        self.on_end: list[Callable[[str], None]] = []

    def begin(self, user: User, password_mark: str) -> Session:
        """A new random id of 128 bits. The oldest of a user with too many is ended, as is the oldest of all."""
        own = [s for s in self._sessions.values() if s.user.id == user.id]
        if len(own) >= PER_USER:
            self.end(min(own, key=lambda s: s.used).id)
        if len(self._sessions) >= IN_ALL:
            self.end(min(self._sessions.values(), key=lambda s: s.used).id)
        now = self._now()
        session = Session(secrets.token_urlsafe(16), user, password_mark, now, now)
        self._sessions[session.id] = session
        return session

    def get(self, session_id: str, *, touch: bool) -> Session | None:
        """A live session; `touch` starts its idle clock anew."""
        session = self._sessions.get(session_id)
        if session is None:
            return None
        now = self._now()
        if session.over(now):
            self.end(session_id)
            return None
        if touch:
            session.used = now
        return session

    def end(self, session_id: str) -> Session | None:
        """None when there was none."""
        session = self._sessions.pop(session_id, None)
        if session is not None:
            for callback in self.on_end:
                callback(session_id)
        return session

    def end_of_user(self, user_id: int) -> int:
        """End all sessions of an account; their number."""
        ids = [s.id for s in self._sessions.values() if s.user.id == user_id]
        for session_id in ids:
            self.end(session_id)
        return len(ids)

    def end_overdue(self) -> None:
        """What nobody asks for any more."""
        now = self._now()
        for session in list(self._sessions.values()):
            if session.over(now):
                self.end(session.id)

    def live(self) -> list[Session]:
        return list(self._sessions.values())

    def change_user(self, user: User) -> None:
        """Name, language, theme changed; not a change of rights."""
        for session in self._sessions.values():
            if session.user.id == user.id:
                session.user = replace(user)

    def change_mark(self, user_id: int, password_mark: str) -> None:
        """The same password was hashed anew."""
        for session in self._sessions.values():
            if session.user.id == user_id:
                session.password_mark = password_mark


def anti_forgery_token(session_id: str) -> str:
    """What a changing request must carry besides the cookie; follows from the session's id, tells nothing about it."""
    return hmac.new(session_id.encode(), b"anti-forgery", hashlib.sha256).hexdigest()[:32]


def mark(password_hash: str) -> str:
    """A digest of the stored hash: enough to see that it changed."""
    return hashlib.sha256(password_hash.encode()).hexdigest()
