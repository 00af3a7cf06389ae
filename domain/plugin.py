"""What is known about a plug-in that reads messages of one type of control."""

from __future__ import annotations

from dataclasses import dataclass


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
