"""How a feed or server is set up, for people who look: every setting by its name, secrets never."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.access import Actor


@dataclass(frozen=True, slots=True)
class SettingValue:
    """`name`: the environment variable. `value`: as it runs, "" when unset or secret. `is_set`: differs from its default."""

    name: str
    value: str
    is_set: bool
    secret: bool = False
    switch: bool = False  # setting it switches the feed on


@dataclass(frozen=True, slots=True)
class FeedSetting:
    """`name`: kafka | influxdb | mqtt | opcua_server | modbus_server | smtp. `on`: its switch is set."""

    name: str
    on: bool
    values: Sequence[SettingValue]


class FeedSettingService(Protocol):
    """What the program was started with. Needs admin."""

    def settings(self, actor: Actor) -> Sequence[FeedSetting]:
        """Raises Forbidden."""
        ...
