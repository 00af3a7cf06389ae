"""What is known about a plug-in that reads messages of one type of control."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from domain.access import Actor


@dataclass(frozen=True, slots=True)
class PluginStatus:
    """`state`: loading | running | broken (its file does not load). Counts are since the product started.

    `cnc_ids`: which machines it reads, with * and ?. `hangs`: messages that took too long; `dropped`: messages it was too slow
    for; `waiting`: messages it has not seen yet.
    """

    name: str
    file: str
    kind: str  # name of its class
    cnc_ids: tuple[str, ...]
    state: str
    since_us: int
    messages: int
    readings: int
    errors: int
    hangs: int
    dropped: int
    waiting: int
    last_error: str | None = None
    collector: str = ""  # where it runs; empty: in this process

    @property
    def key(self) -> str:
        """Tells it from one of the same name at another collector."""
        return f"{self.collector}/{self.name}" if self.collector else self.name


@dataclass(frozen=True, slots=True)
class PluginTrial:
    """What a plug-in made of one message, in a process of its own beside the one at work.

    `message`: what it was given; `values`: (tag, value) in the point's own unit. `error`: why it gave none; None: nothing failed.
    """

    kind: str
    message: Mapping[str, object]
    values: tuple[tuple[str, float | int | bool | str | None], ...]
    error: str | None = None


class PluginTrials(Protocol):
    """Trying plug-ins. Needs admin."""

    async def trial(self, collector: str, name: str, message: str, actor: Actor) -> PluginTrial:
        """`message`: JSON as it comes from the machine; empty: the plug-in's own example. Nothing is kept.

        Raises ConfigError (no message), NotFound, Conflict (its collector is away), Forbidden.
        """
        ...
