"""A line's options, checked where they are used: the plant file's checks come earlier, drafts from a form may skip them."""

from __future__ import annotations

from domain.errors import ConfigError
from domain.plant import Line


def text(line: Line, name: str) -> str:
    """A text that must be there. Raises ConfigError."""
    value = line.options.get(name)
    if not isinstance(value, str) or not value:
        raise ConfigError(f"line {line.id}: {name} is missing")
    return value


def number(line: Line, name: str, default: float) -> float:
    """A positive number. Raises ConfigError."""
    value = line.options.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise ConfigError(f"line {line.id}: {name} must be a positive number, not {value!r}")
    return float(value)


def whole(line: Line, name: str, default: int, low: int, high: int) -> int:
    """A whole number in [low, high]. Raises ConfigError."""
    value = line.options.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ConfigError(f"line {line.id}: {name} must be a whole number from {low} to {high}, not {value!r}")
    return value


def choice(line: Line, name: str, default: str, allowed: tuple[str, ...]) -> str:
    """One of the allowed words. Raises ConfigError."""
    value = line.options.get(name, default)
    if value not in allowed:
        raise ConfigError(f"line {line.id}: {name} must be one of {', '.join(allowed)}, not {value!r}")
    return str(value)
