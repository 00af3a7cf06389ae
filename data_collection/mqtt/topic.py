"""Topic filters of MQTT. Pure.

Source: OASIS MQTT 5.0, sections 4.7.1 (wildcards) and 4.7.2 (topics that begin with $).
"""

from __future__ import annotations

import re
from typing import Final

from data_collection.placeholders import filled, parameters_of
from domain.errors import ConfigError
from domain.plant import Device

_PLACEHOLDER: Final = re.compile(r"\{([a-z][a-z0-9_]{0,39})\}")
LONGEST: Final = 65535


def filter_of(pattern: str, device: Device) -> str:
    """The topic filter of a device: `pattern` with its parameters. Raises ConfigError naming what is missing or no filter."""
    for name in _PLACEHOLDER.findall(pattern):
        value = parameters_of(device).get(name)
        if any(c in str(value) for c in "/+#"):
            raise ConfigError(f"device {device.id}: {name} {value!r} holds a character with a meaning in topics: / + #")
    topic = filled(pattern, device)
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
