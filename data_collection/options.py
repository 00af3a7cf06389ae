"""Options of lines and devices, checked where they are used: a plant file's were checked before, a draft's perhaps not."""

from __future__ import annotations

from domain.errors import ConfigError
from domain.plant import Device, Line


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


def number_option(device: Device, name: str, default: float) -> float:
    """A positive number among the device's options. Raises ConfigError naming device and option."""
    value = device.options.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise ConfigError(f"device {device.id}: {name} must be a positive number, not {value!r}")
    return float(value)
