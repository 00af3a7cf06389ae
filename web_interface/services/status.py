"""How the program fares: lines, storage, its log, its backups."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from domain.access import Actor
from domain.backup import BackupFile, BackupJob
from domain.feed import FeedStatus
from domain.health import Books, DeviceStatus, ErrorCount, LineStatus, StorageStatus, TaskStatus, Vitals
from domain.line_frame import LineFrames
from domain.log_line import LogLine
from domain.plugin import PluginStatus
from domain.role import RoleStatus


class LineWatchService(Protocol):
    """What goes over a line, while somebody looks. Needs admin."""

    def frames(self, line_id: str, after: int, actor: Actor) -> LineFrames:
        """Frames since number `after`; listening begins with the first question and ends some seconds after the last.

        Raises NotFound, Forbidden.
        """
        ...


class StatusService(Protocol):
    def lines(self) -> Sequence[LineStatus]: ...
    def devices(self) -> Sequence[DeviceStatus]: ...
    def tasks(self) -> Sequence[TaskStatus]: ...
    def plugins(self) -> Sequence[PluginStatus]:
        """Plug-ins that read messages; none where the folder holds none."""
        ...

    def storage(self) -> StorageStatus: ...
    def books(self) -> Books: ...
    def feeds(self) -> Sequence[FeedStatus]:
        """See domain.feed.FeedService.feeds."""
        ...

    def roles(self) -> Sequence[RoleStatus]:
        """The processes of an installation whose roles run apart; none where one does everything."""
        ...

    def started_us(self) -> int: ...
    def samples_per_second(self) -> float: ...
    def loop_lag_ms(self) -> float: ...
    def keeping(self) -> bool:
        """Readiness: samples are being kept."""
        ...


class VitalsService(Protocol):
    """How the process and the talk with devices did in the last 24 hours; from memory."""

    def readings(self) -> Sequence[Vitals]:
        """Every half minute, oldest first."""
        ...

    def errors(self) -> Sequence[ErrorCount]:
        """By device and kind, those with most in the last 24 hours first."""
        ...


class LogService(Protocol):
    """The program's own log, its newest lines. Needs the role engineer."""

    def lines(self, actor: Actor, *, level: str = "INFO", text: str = "", limit: int = 500) -> Sequence[LogLine]:
        """Newest first, of `level` or worse, that hold `text`."""
        ...


class BackupService(Protocol):
    """Backups in the data folder. Everything needs the role admin: they hold hashes of passwords and sealed secrets."""

    @property
    def folder(self) -> Path: ...
    async def files(self, actor: Actor) -> Sequence[BackupFile]:
        """Newest first."""
        ...

    async def job(self, actor: Actor) -> BackupJob | None:
        """The last one asked for since the start."""
        ...

    async def start(self, actor: Actor) -> BackupJob:
        """In the background. Raises Conflict (one is being made, too many lie there, too little room)."""
        ...

    async def file(self, name: str, actor: Actor) -> Path:
        """To be sent; in the audit. Raises NotFound."""
        ...

    async def delete(self, name: str, actor: Actor) -> None:
        """Raises NotFound."""
        ...
