"""SHDR: the lines an MTConnect adapter sends, `time|item|value|item|value…`. Pure.

Source: "Adapter to agent protocol" of the reference agent (mtconnect/cppagent), and recordings of real adapters.
Conditions are `time|item|level|code|severity|qualifier|text`; assets may run over several lines; `* …` are commands.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from data_collection.mtconnect.observation import UNAVAILABLE, Level, Observation
from data_collection.source_time import time_us

LONGEST_LINE: Final = 65_536
PING: Final = b"* PING\r\n"
_PONG: Final = re.compile(r"\*\s*PONG\s+(\d{1,9})\s*\Z")
_LEVELS: Final = {"NORMAL": Level.NORMAL, "WARNING": Level.WARNING, "FAULT": Level.FAULT}
_MULTILINE: Final = re.compile(r"--multiline--\S*")
_MOST_ASSET_LINES: Final = 10_000


class ShdrReader:
    """Lines of one adapter, one after the other. `faults` counts what could not be read, by kind.

    `heartbeat_s`: how often the adapter wants to be asked, s, once it answered a ping; None while it did not.
    """

    def __init__(self) -> None:
        self.faults: Counter[str] = Counter()
        self.last_fault: str | None = None
        self.heartbeat_s: float | None = None
        self.assets = 0
        self._asset: str | None = None
        self._asset_lines = 0

    def read(self, line: str) -> list[Observation]:
        """The observations of one line; none of commands, assets and lines that make no sense."""
        line = line.rstrip("\r\n")
        if self._in_asset(line) or not line.strip():
            return []
        if line.startswith("*"):
            pong = _PONG.match(line)
            if pong is not None:
                self.heartbeat_s = max(0.1, int(pong[1]) / 1000)
            return []
        fields = line.split("|")
        if len(fields) < 3:
            return self._bad("shape", line)
        stamp = fields[0].split("@")[0]  # behind @: a duration
        at_us = None if not stamp else time_us(stamp)
        if stamp and at_us is None:
            return self._bad("time", line)
        if fields[1].startswith("@"):
            return self._asset_begins(fields)
        if _is_condition(fields):
            return [_condition(at_us, fields)]
        return [
            Observation(_item(item), at_us, None if value.strip() == UNAVAILABLE else value.strip())
            for item, value in zip(fields[1::2], fields[2::2], strict=False) if item.strip()
        ]

    def _asset_begins(self, fields: list[str]) -> list[Observation]:
        self.assets += 1
        end = next((match[0] for field in fields if (match := _MULTILINE.match(field))), None)
        self._asset, self._asset_lines = end, 0
        return []

    def _in_asset(self, line: str) -> bool:
        """An asset's lines, up to the one that ends it; one without an end is given up."""
        if self._asset is None:
            return False
        self._asset_lines += 1
        if line.startswith(self._asset):
            self._asset = None
        elif self._asset_lines > _MOST_ASSET_LINES:
            self._asset = None
            self._bad("asset", line)
        return True

    def _bad(self, kind: str, line: str) -> list[Observation]:
        self.faults[kind] += 1
        self.last_fault = f"{kind}: {line[:80]!r}"
        return []


def _is_condition(fields: list[str]) -> bool:
    """Seven fields may also be three pairs: then the second pair has a name where a condition has its code."""
    level = fields[2].strip().upper()
    return len(fields) == 7 and (level in _LEVELS or (level == UNAVAILABLE and not fields[3] and not fields[5]))


def _condition(at_us: int | None, fields: list[str]) -> Observation:
    level = _LEVELS.get(fields[2].strip().upper())
    return Observation(_item(fields[1]), at_us, fields[6].strip() or None, level, fields[3].strip(), is_condition=True)


def _item(name: str) -> str:
    """Without the device's name before it."""
    return name.strip().rpartition(":")[2]
