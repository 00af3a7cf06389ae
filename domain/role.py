"""The roles of `serve` apart: who runs where, what each has done, how far behind it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from domain.camera import CameraStatus
from domain.health import DestinationBook, DeviceStatus, LineStatus
from domain.plugin import PluginStatus

ROLES = ("collect", "ingest", "web")
SILENT_US = 15_000_000  # a role that has said nothing for so long is shown as gone


@dataclass(frozen=True, slots=True)
class Share:
    """A partition that a role reads. `lag`: messages that wait there, None while the broker has not told."""

    topic: str
    partition: int
    lag: int | None


@dataclass(frozen=True, slots=True)
class Refusals:
    """What lies set apart at one process: `where` a feed of its outboxes, or tables; the newest with its reason.

    `count`: entries at a feed now; of the tables those since the start of the process. `newest_us` 0 where nobody noted it.
    """

    where: str
    count: int
    newest_us: int
    reason: str


@dataclass(frozen=True, slots=True)
class RoleStatus:
    """One process. Counts are samples since its start; times UTC microseconds.

    `state`: starting | ok | away (what it works with is not there: `detail` tells). `taken`: read from devices, or from Kafka;
    `delivered`: acknowledged by Kafka (collect), committed to the database (ingest), shown (web). `waiting`: samples on the disk
    (collect) or messages in Kafka (ingest, web); the oldest of them is of `oldest_waiting_us`.
    """

    name: str
    role: str
    host: str
    pid: int
    started_us: int
    time_us: int
    state: str
    detail: str | None
    taken: int
    delivered: int
    refused: int
    waiting: int
    oldest_waiting_us: int | None = None
    shares: tuple[Share, ...] = ()
    line_ids: tuple[str, ...] = ()
    books: tuple[DestinationBook, ...] = ()  # of a collector: its outboxes
    refusals: tuple[Refusals, ...] = ()

    def state_at(self, now_us: int) -> str:
        """`state`, or silent when nothing was heard of it for too long."""
        return "silent" if now_us - self.time_us > SILENT_US else self.state


@dataclass(frozen=True, slots=True)
class FieldReport:
    """What a collector tells of its lines, some of its devices, its cameras that were asked, and its plug-ins."""

    name: str
    time_us: int
    lines: tuple[LineStatus, ...]
    devices: tuple[DeviceStatus, ...]
    cameras: tuple[CameraStatus, ...] = ()
    plugins: tuple[PluginStatus, ...] = ()


class RolesView(Protocol):
    """The roles as pages and the API meet them, from memory."""

    def roles(self) -> tuple[RoleStatus, ...]:
        """Every process heard of, the silent ones too until an hour has passed."""
        ...
