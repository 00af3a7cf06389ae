"""What a plug-in is written against: a typed message in, readings out. A plug-in imports nothing else of this product.

A plug-in is one Python file in `plugins/` of the data folder with one class derived from `CncPlugin`. It runs in a process of its
own, sees messages and nothing else, and has one second for each. What it remembers between messages is lost when it is reloaded.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class CncMessage:
    """One message of a machine tool: {"cnc_id", "part_program", "timestamp", "payload": {…}}.

    `payload`: what the key holds, as JSON decodes it. `time` and `received`: UTC; `time` is None where the message
    names none that can be read. `retained`: the broker kept it, so it may be of any age.
    """

    topic: str
    cnc_id: str
    part_program: str | None
    time: datetime | None
    received: datetime
    payload: Mapping[str, object] = field(default_factory=dict)
    retained: bool = False


@dataclass(frozen=True, slots=True)
class CncReading:
    """One value for one point of the device's profile, in the point's own unit. `time` None: the message's."""

    tag: str
    value: float | int | bool | str | None
    time: datetime | None = None


class CncPlugin(ABC):
    """One type of control. `cnc_ids`: which machines it reads, as names with * and ?; `example`: a message to try it with."""

    cnc_ids: ClassVar[tuple[str, ...]] = ()
    example: ClassVar[Mapping[str, object]] = {}

    @abstractmethod
    def readings(self, message: CncMessage) -> Iterable[CncReading]:
        """What the message says. An exception costs this message only and is shown with its text."""
