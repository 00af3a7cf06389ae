"""The checks that fields of lines share, and what a transport tells of itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from config.fields import Fields, shown

BAUDS: Final = (300, 600, 1200, 2400, 4800, 9600, 14400, 19200, 28800, 38400, 57600, 76800, 115200, 230400, 460800, 921600)
_HOST = re.compile(r"[A-Za-z0-9._:-]{1,253}\Z")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}\Z")
Check = Callable[[Fields, str, object, bool], object]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a transport: its check, its default, whether it must be there."""

    check: Check
    default: object = None
    required: bool = False


def _together(_: Fields) -> None:
    """Nothing to check between the fields."""


@dataclass(frozen=True, slots=True)
class Transport:
    """What a line of one transport may hold. `carries`: protocols of profiles that run on it; the first is that of points
    written in place. `together` checks what only several fields show."""

    fields: Mapping[str, Field]
    carries: tuple[str, ...]
    together: Callable[[Fields], None] = _together


def host(fields: Fields, name: str, default: object, required: bool) -> object:
    """Name or address of a computer, without port and scheme."""
    value = fields.text(name, required=required, longest=253)
    if value is not None and not _HOST.match(value):
        fields.problem(name, f"is {shown(value)}", "a host name or an address, without port")
        return None
    return default if value is None else value


def variable_name(fields: Fields, name: str, default: object, required: bool) -> object:
    """Name of an environment variable that holds a secret."""
    value = fields.text(name, required=required)
    if value is not None and not _VARIABLE.match(value):
        fields.problem(name, "is not the name of an environment variable", "a name such as M1_PASSWORD; the secret itself never")
        return None
    return default if value is None else value


def text(fields: Fields, name: str, default: object, required: bool) -> object:
    """A text of at most 1 000 characters."""
    return fields.text(name, str(default) if default is not None else None, required=required, longest=1000)


def flag(fields: Fields, name: str, default: object, required: bool) -> object:
    """true or false."""
    return fields.flag(name, bool(default)) if fields.has(name) or default is not None else None


def whole(low: int, high: int, allowed: Sequence[int] = ()) -> Check:
    """A whole number of the range, or one of `allowed`."""

    def check(fields: Fields, name: str, default: object, required: bool) -> object:
        start = default if isinstance(default, int) else None
        return fields.whole(name, start, low=low, high=high, required=required, allowed=allowed)

    return check


def number(low: float, high: float) -> Check:
    """A number of the range."""

    def check(fields: Fields, name: str, default: object, required: bool) -> object:
        start = default if isinstance(default, int | float) else None
        return fields.number(name, start, low=low, high=high, required=required)

    return check


def choice(*words: str) -> Check:
    """One of the words."""

    def check(fields: Fields, name: str, default: object, required: bool) -> object:
        return fields.choice(name, words, default if isinstance(default, str) else None, required=required)

    return check


PORT: Final = whole(1, 65535)
BAUD: Final = Field(whole(300, 921600, BAUDS), 9600)
TIMES: Final[Mapping[str, Field]] = {"timeout_s": Field(number(0.05, 60)), "connect_timeout_s": Field(number(0.1, 60))}
HOSTED: Final[Mapping[str, Field]] = {"host": Field(host, required=True)}
LOGIN: Final[Mapping[str, Field]] = {"user": Field(text), "password_env": Field(variable_name)}
MODE: Final = Field(choice("rtu", "ascii"), "rtu")
