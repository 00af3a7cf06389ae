"""What the other rooms ask of the database room. Times are UTC microseconds; windows [from_us, to_us)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from domain.access import EVERY_ENTRY, ApiKey, AuditEntry, AuditQuery, KeptSession, User
from domain.alert import Alert, Change, KeyHold
from domain.energy import EnergyAccount, ShiftWindow
from domain.errors import StorageError
from domain.health import Books
from domain.plant import Plant, Tag
from domain.plant_version import Authorship
from domain.report import ReportRun
from domain.sample import TagEvent, TextSample
from domain.state import StateInterval
from domain.state_rule import Recompute, StateRule


class PlantStore(Protocol):
    """The configuration as a document of the plant file's form, and the tables that SQL readers see (device, tag, machine)."""

    async def load(self) -> Mapping[str, object] | None:
        """The stored document (site, shifts, lines, devices, machines, limits), None when there is no plant yet."""
        ...

    async def version(self) -> int:
        """Grows with each save; 0 when there is no plant yet."""
        ...

    async def save(self, document: Mapping[str, object], plant: Plant, by: Authorship | None = None) -> Sequence[Tag]:
        """Replace the document, bring device, machine and tag tables up to date; all tags of the plant with their ids.

        `by`: a version of the document is kept under that name (domain.plant_version).

        A tag keeps its id for good: removed ones are marked inactive and come back under the same id.
        """
        ...

    async def tags(self) -> Sequence[Tag]:
        """All registered tags, also of removed devices (their history stays readable)."""
        ...

    async def set_secret(self, name: str, value: str | None) -> None:
        """Store a secret encrypted (device password: name "device:<id>"); None removes it."""
        ...

    async def secret(self, name: str) -> str | None: ...

    async def secrets(
        self, names: Collection[str], unreadable: Callable[[StorageError], None] | None = None
    ) -> Mapping[str, str]:
        """Those of these names that are stored, asked for at once: a plant may have a thousand devices.

        `unreadable` is told of one that another key sealed; without it StorageError is raised.
        """
        ...


class StateStore(Protocol):
    async def save_states(self, intervals: Sequence[StateInterval]) -> None:
        """Insert or update; identity is (machine_id, from_us)."""
        ...

    async def states(self, machine_id: str, from_us: int, to_us: int) -> Sequence[StateInterval]:
        """Intervals that overlap the window, in time order, not clipped."""
        ...

    async def replace_states(self, machine_id: str, from_us: int, to_us: int, intervals: Sequence[StateInterval]) -> None:
        """Re-computation: what begins in the window is deleted and `intervals` inserted, in one transaction."""
        ...

    async def last_states(self) -> Sequence[StateInterval]:
        """The newest interval of each machine."""
        ...


class StateRuleStore(Protocol):
    async def save_rule(self, rule: StateRule, since_us: int) -> None:
        """The rule is the machine's present one from then on."""
        ...

    async def present_rules(self) -> Mapping[str, str]:
        """Id of the newest rule of each machine."""
        ...

    async def save_recompute(self, job: Recompute) -> None:
        """Insert or update; one a machine."""
        ...

    async def recomputes(self) -> Sequence[Recompute]:
        """The last one of each machine."""
        ...


class EnergyStore(Protocol):
    async def save_shift_energy(self, window: ShiftWindow, accounts: Sequence[EnergyAccount]) -> None:
        """Insert or update; identity is (machine_id, shift name, day)."""
        ...

    async def shift_energy(self, from_day: date, to_day: date) -> Sequence[tuple[ShiftWindow, EnergyAccount]]: ...


class AlertStore(Protocol):
    async def save(self, alert: Alert) -> Alert:
        """Insert when id is 0 (the answer carries the new id), else update; each transition is also recorded once."""
        ...

    async def save_all(self, alerts: Sequence[Alert]) -> Sequence[Alert]:
        """The same for many in one transaction, in their order: all or none."""
        ...

    async def active(self) -> Sequence[Alert]: ...
    async def get(self, alert_id: int) -> Alert | None: ...
    async def between(self, from_us: int, to_us: int, limit: int) -> Sequence[Alert]:
        """Alerts that stood at some time in the window, newest first."""
        ...

    async def changes(self, alert_id: int) -> Sequence[Change]:
        """Transitions of one alert, oldest first."""
        ...

    async def raises(self, from_us: int, to_us: int, limit: int) -> Sequence[tuple[int, int]]:
        """(alert id, time) of every raise and repeat in the window, oldest first."""
        ...

    async def holds(self) -> Sequence[KeyHold]: ...
    async def save_hold(self, hold: KeyHold) -> None:
        """Insert or replace; identity is the key."""
        ...

    async def remove_hold(self, key: str) -> None: ...


class AccessStore(Protocol):
    async def users(self) -> Sequence[User]: ...
    async def user_with_hash(self, name: str) -> tuple[User, str] | None: ...
    async def create_user(self, user: User, password_hash: str) -> User:
        """Raises Conflict when the name is taken (case-insensitive)."""
        ...

    async def update_user(self, user: User) -> None: ...
    async def set_password_hash(self, user_id: int, password_hash: str) -> None: ...
    async def keys(self) -> Sequence[ApiKey]: ...
    async def create_key(self, key: ApiKey, key_hash: str) -> ApiKey: ...
    async def key_by_hash(self, key_hash: str) -> ApiKey | None: ...
    async def revoke_key(self, key_id: int) -> None: ...
    async def touch_key(self, key_id: int, time_us: int) -> None: ...


class SessionStore(Protocol):
    async def kept(self) -> Sequence[KeptSession]: ...
    async def settle(self, begun: Sequence[KeptSession], going_on: Sequence[KeptSession], ended: Collection[str]) -> None:
        """In one transaction: new ones, later times of known ones, digests of those that ended."""
        ...

    async def end_of_user(self, user_id: int) -> None: ...


class EndedSessions(Protocol):
    """Digests of sessions that ended, kept by this machine until the store knows. Calls block and raise OSError."""

    def append(self, digests: Collection[str]) -> None:
        """On the disk when it returns."""
        ...

    def load(self) -> Collection[str]: ...

    def clear(self) -> None:
        """The store knows of all of them."""
        ...


class AuditStore(Protocol):
    async def append(
        self, time_us: int, actor: str, source: str, action: str, subject: str,
        *, old: str | None = None, new: str | None = None, result: str = "ok",
    ) -> AuditEntry:
        """Chained by HMAC over the entry and its predecessor; raises StorageError when it cannot be written."""
        ...

    async def entries(
        self, limit: int, before: int | None = None, query: AuditQuery = EVERY_ENTRY
    ) -> Sequence[AuditEntry]:
        """What `query` asks for, newest first; `before`: only entries with a smaller number."""
        ...

    async def verify(self) -> int | None:
        """Number of the first bad entry, None when the chain is whole."""
        ...


@dataclass(frozen=True, slots=True)
class ReportInputs:
    """What an issued report was made from: version and content of its template (JSON), language, schedule if it came by one."""

    template_version: int
    language: str
    inputs_json: str = ""
    schedule_id: int | None = None


@dataclass(frozen=True, slots=True)
class StoredReport:
    id: int
    template: str
    format: str
    from_us: int
    to_us: int
    issued_us: int
    issued_by: str
    file_name: str
    content: bytes
    size_bytes: int = 0
    inputs: ReportInputs | None = None


class ReportStore(Protocol):
    async def save(self, report: StoredReport, run: ReportRun | None = None) -> StoredReport:
        """A new one; `run` is told its id in the same transaction, so that a period has one report or none."""
        ...

    async def list(self, limit: int, text: str = "", template: str = "") -> Sequence[StoredReport]:
        """Newest first, `content` empty; `text`: part of the file's name or of who issued it, whatever its case."""
        ...

    async def get(self, report_id: int) -> StoredReport | None: ...


class BookStore(Protocol):
    async def load(self) -> Books | None: ...
    async def save(self, books: Books) -> None: ...


class EventStore(Protocol):
    async def save_texts(self, texts: Sequence[TextSample]) -> None: ...
    async def latest_texts(self) -> Sequence[TextSample]: ...
    async def texts(self, tag_id: int, from_us: int, to_us: int) -> Sequence[TextSample]:
        """Changes of one text within the window, in time order, after the one that stood at its begin."""
        ...

    async def save_events(self, events: Sequence[TagEvent]) -> None: ...
    async def events(self, tag_ids: Sequence[int], from_us: int, to_us: int) -> Sequence[TagEvent]: ...


