"""Topic filters of MQTT and placeholders in them. Pure.

Source: OASIS MQTT 5.0, sections 4.7.1 (wildcards) and 4.7.2 (topics that begin with $).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from domain.errors import ConfigError

_PLACEHOLDER: Final = re.compile(r"\{([a-z_]+)\}")
LONGEST: Final = 65535


def filled(pattern: str, values: Mapping[str, object]) -> str:
    """`pattern` with `{name}` replaced by the device's own option. Raises ConfigError naming what is missing or no filter."""

    def value(match: re.Match[str]) -> str:
        found = values.get(match[1])
        if found in (None, ""):
            raise ConfigError(f"topic {pattern!r} needs {match[1]}, and the device names none")
        text = str(found)
        if any(c in text for c in "/+#"):
            raise ConfigError(f"{match[1]} {text!r} holds a character with a meaning in topics: / + #")
        return text

    topic = _PLACEHOLDER.sub(value, pattern)
    check_filter(topic)
    return topic


def check_filter(topic: str) -> None:
    """Raises ConfigError where it is no topic filter."""
    levels = topic.split("/")
    if not topic or "\0" in topic or len(topic.encode()) > LONGEST:
        raise ConfigError(f"{topic[:60]!r} is no topic filter: expected 1 to {LONGEST} bytes without NUL")
    for index, level in enumerate(levels):
        if "#" in level and (level != "#" or index != len(levels) - 1):
            raise ConfigError(f"topic filter {topic!r}: # stands alone and last")
        if "+" in level and level != "+":
            raise ConfigError(f"topic filter {topic!r}: + stands alone in its level")


def matches(topic_filter: str, topic: str) -> bool:
    """Does a topic fall under a filter?"""
    wanted, given = topic_filter.split("/"), topic.split("/")
    if given[0].startswith("$") and wanted[0] in {"#", "+"}:
        return False
    for index, level in enumerate(wanted):
        if level == "#":
            return True
        if index >= len(given) or level not in {"+", given[index]}:
            return False
    return len(wanted) == len(given)


def covers(wide: str, narrow: str) -> bool:
    """Does every topic of `narrow` fall under `wide`? Then one subscription serves both."""
    wanted, given = wide.split("/"), narrow.split("/")
    for index, level in enumerate(wanted):
        if level == "#":
            return True
        if index >= len(given) or given[index] == "#" or level not in {"+", given[index]}:
            return False
    return len(wanted) == len(given)
