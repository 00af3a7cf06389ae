"""Sessions live here, in memory, under the digest of their id; `kept_sessions` hands them on to the next process."""

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

    id: str  # empty until its browser asks again, where an earlier process began it
    digest: str
    user: User
    password_mark: str
    begun: float
    used: float

    def over(self, now: float) -> bool:
        """Past 12 h, or idle too long. A viewer may only read: a display on a wall stays until its 12 h are over."""
        idle = ABSOLUTE_S if self.user.role is Role.VIEWER else IDLE_S
        return now - self.begun > ABSOLUTE_S or now - self.used > idle


class Sessions:
    """`on_end` callbacks get the id of each session that ended, whatever the reason; `on_gone` ones its digest."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._now = monotonic
        self._sessions: dict[str, Session] = {}
        self.on_end: list[Callable[[str], None]] = []
        self.on_gone: list[Callable[[str], None]] = []

    def begin(self, user: User, password_mark: str) -> Session:
        """A new random id of 128 bits. The oldest of a user with too many is ended, as is the oldest of all."""
        own = [s for s in self._sessions.values() if s.user.id == user.id]
        if len(own) >= PER_USER:
            self.drop(min(own, key=lambda s: s.used))
        if len(self._sessions) >= IN_ALL:
            self.drop(min(self._sessions.values(), key=lambda s: s.used))
        now, session_id = self._now(), secrets.token_urlsafe(16)
        session = Session(session_id, digest(session_id), user, password_mark, now, now)
        self._sessions[session.digest] = session
        return session

    def take_over(self, session: Session) -> None:
        """One that an earlier process began."""
        self._sessions[session.digest] = session

    def get(self, session_id: str, *, touch: bool) -> Session | None:
        """A live session; `touch` starts its idle clock anew."""
        session = self._sessions.get(digest(session_id))
        if session is None:
            return None
        session.id = session_id
        now = self._now()
        if session.over(now):
            self.drop(session)
            return None
        if touch:
            session.used = now
        return session

    def end(self, session_id: str) -> Session | None:
        """None when there was none."""
        session = self._sessions.get(digest(session_id))
        if session is not None:
            session.id = session_id
            self.drop(session)
        return session

    def drop(self, session: Session) -> None:
        """The same of one that is known; a second time changes nothing."""
        if self._sessions.pop(session.digest, None) is None:
            return
        for gone in self.on_gone:
            gone(session.digest)
        for callback in self.on_end if session.id else ():  # nothing is open of one whose browser has not asked yet
            callback(session.id)

    def end_of_user(self, user_id: int) -> int:
        """End all sessions of an account; their number."""
        own = [s for s in self._sessions.values() if s.user.id == user_id]
        for session in own:
            self.drop(session)
        return len(own)

    def end_overdue(self) -> None:
        """What nobody asks for any more."""
        now = self._now()
        for session in list(self._sessions.values()):
            if session.over(now):
                self.drop(session)

    def open_of(self) -> dict[int, tuple[int, float]]:
        """Account id -> number of its open sessions, seconds since one of them was used last."""
        self.end_overdue()
        found: dict[int, tuple[int, float]] = {}
        for session in self._sessions.values():
            count, idle_s = found.get(session.user.id, (0, ABSOLUTE_S))
            found[session.user.id] = count + 1, min(idle_s, self._now() - session.used)
        return found

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


def digest(session_id: str) -> str:
    """By which a session is known: the id cannot be had from it."""
    return hashlib.sha256(session_id.encode()).hexdigest()


def anti_forgery_token(session_id: str) -> str:
    """What a changing request must carry besides the cookie; follows from the session's id, tells nothing about it."""
    return hmac.new(session_id.encode(), b"anti-forgery", hashlib.sha256).hexdigest()[:32]


def mark(password_hash: str) -> str:
    """A digest of the stored hash: enough to see that it changed."""
    return hashlib.sha256(password_hash.encode()).hexdigest()
