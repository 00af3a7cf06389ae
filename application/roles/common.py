"""What the roles have in common: their settings, names, and telling how they do."""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from application.feeds import kafka_options
from application.roles.alive import STATUS_FILE
from config.settings import Settings, variable
from data_transfer.kafka.announcer import announce
from data_transfer.kafka.options import KafkaOptions
from data_transfer.kafka.status import encoded
from domain.errors import ConfigError
from domain.ports import Clock
from domain.role import FieldReport, RoleStatus

PERIOD_S = 2.0
Tell = Callable[[], Iterable[RoleStatus | FieldReport]]
Ready = Callable[[], Awaitable[object]]


def need_kafka(settings: Settings) -> KafkaOptions:
    """Raises ConfigError."""
    if settings.kafka.bootstrap is None:
        raise ConfigError(f"collect, ingest and web are joined by Kafka: set {variable('kafka.bootstrap')}=host:9092")
    return kafka_options(settings, roles=True)


def name_of(settings: Settings, role: str) -> str:
    """Of this process: by the settings, else role, host and data folder."""
    if settings.role.name is not None:
        return settings.role.name
    folder = hashlib.sha256(str(settings.data_dir).encode()).hexdigest()[:4]
    return f"{role}-{socket.gethostname()}-{folder}"


class Reporter:
    """Tells the other roles (Kafka) and whoever asks on this machine (a file) how this process does."""

    def __init__(
        self, settings: Settings, options: KafkaOptions, name: str, tell: Tell, clock: Clock, ready: Ready | None = None
    ) -> None:
        self._file, self._options = settings.data_dir / STATUS_FILE, options
        self._name, self._tell, self._clock, self._ready = name, tell, clock, ready

    async def announce(self) -> None:
        """Until cancelled; not before it is `ready`: who is told of may be asked."""
        if self._ready is not None:
            await self._ready()
        await announce(self._options, self._name, lambda: map(encoded, self._tell()), self._clock)

    async def write(self) -> None:
        """Until cancelled: the file is younger than some seconds while the process lives and its loop turns."""
        while True:
            for status in self._tell():
                if isinstance(status, RoleStatus):
                    _replace(self._file, encoded(status))
            await self._clock.sleep(PERIOD_S)


def _replace(path: Path, data: bytes) -> None:
    beside = path.with_suffix(".new")
    beside.write_bytes(data)
    beside.rename(path)


def here() -> tuple[str, int]:
    """(host, process)."""
    return socket.gethostname(), os.getpid()


__all__ = ["Reporter", "Tell", "here", "name_of", "need_kafka"]
