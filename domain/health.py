"""What the product knows about itself: lines, devices, books, storage. Counts are since start unless said otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.refused import RefusedSummary


@dataclass(frozen=True, slots=True)
class DeviceStatus:
    """`state`: online | offline | disabled | waiting (never answered yet). Times UTC microseconds."""

    device_id: str
    line_id: str
    profile: str
    state: str
    since_us: int
    last_success_us: int | None
    last_error: str | None
    polls: int
    timeouts: int
    errors: Mapping[str, int]
    latency_ms: float | None
    next_attempt_us: int | None
    scan_s: float = 1.0


@dataclass(frozen=True, slots=True)
class LineStatus:
    """`state`: online | partial | down | disabled. `load` 0..1: share of time the line was busy in the last minute.

    `cycle_calculated_s` physical estimate, `cycle_measured_s` last full pass; `cycle_asked_s` the shortest interval asked for.
    `load_calculated`: share of the time that what is asked for takes, 1.0 is all of it.
    """

    line_id: str
    transport: str
    target: str
    state: str
    since_us: int
    devices: int
    devices_online: int
    latency_ms: float | None
    load: float | None
    errors_last_hour: int
    last_error: str | None
    next_attempt_us: int | None
    cycle_asked_s: float | None
    cycle_calculated_s: float | None
    cycle_measured_s: float | None
    warning: str | None = None
    load_calculated: float | None = None


@dataclass(frozen=True, slots=True)
class DestinationBook:
    """taken = delivered + pending + quarantined + dropped; `taken` None: everything that was kept."""

    name: str
    enabled: bool
    delivered: int
    pending: int
    quarantined: int
    dropped: int
    last_error: str | None = None
    oldest_pending_us: int | None = None
    taken: int | None = None  # samples and events since a feed was first switched on
    refused_other: int = 0  # besides, what was refused and is no item of the balance: texts; of the database events too


@dataclass(frozen=True, slots=True)
class Books:
    """read = kept + filtered + sum(rejected.values()) + in_flight. Across restarts: counted since `since_us`.

    `in_flight`: read within the last second and not yet on the disk, so not yet kept.
    """

    since_us: int
    read: int
    kept: int
    filtered: int
    rejected: Mapping[str, int] = field(default_factory=dict)
    destinations: tuple[DestinationBook, ...] = ()
    in_flight: int = 0

    @property
    def balanced(self) -> bool:
        return self.read == self.kept + self.filtered + sum(self.rejected.values()) + self.in_flight


@dataclass(frozen=True, slots=True)
class StorageStatus:
    """State of keeping. `state`: ok | journal (database away, samples go to the journal) | full | failed."""

    state: str
    cause: str | None
    backlog_samples: int
    backlog_oldest_us: int | None
    journal_bytes: int
    journal_limit_bytes: int
    write_latency_ms: float | None
    disk_free_bytes: int
    database: str  # sqlite | mysql | postgresql
    warnings: tuple[str, ...] = ()
    last_write_us: int | None = None  # when samples reached the tables last; None: not since the start
    size_bytes: int | None = None  # of the database; None: not asked yet
    refused: RefusedSummary | None = None  # what no table can hold; None: not asked yet


@dataclass(frozen=True, slots=True)
class Vitals:
    """How the process does, once every half minute. `cpu`: cores used, 1 = one whole core; `poll_late_ms`: 99th percentile of
    how late polls began in that time, None without polls; `polls_skipped`: whole turns that were left out in it."""

    time_us: int
    cpu: float
    memory_bytes: int
    loop_lag_ms: float
    poll_late_ms: float | None
    polls_skipped: int
    waiting_samples: int
    written_per_s: float
    write_ms: float | None


@dataclass(frozen=True, slots=True)
class ErrorCount:
    """Failed polls of one kind at one device. `by_hour`: the last 24 hours, the running one at the end."""

    device_id: str
    line_id: str
    kind: str
    total: int
    by_hour: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TaskStatus:
    """A long-lived task and its owner's view of it."""

    name: str
    state: str  # running | restarting | failed
    restarts: int
    since_us: int
    last_error: str | None = None
