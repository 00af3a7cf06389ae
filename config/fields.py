"""Reads one mapping of a document field by field; every wrong, missing or unknown field becomes a problem with its place."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from zoneinfo import ZoneInfo

from config.problems import Path, Report, nearest, one_of


class Fields:
    """The fields of one entry. Each getter checks and marks its field as known; `finish` reports the unknown ones.

    A getter returns its default (None) after reporting a problem, so that reading goes on and finds the others.
    """

    def __init__(self, value: object, path: Path, report: Report) -> None:
        self.path, self.report = path, report
        self.values: dict[str, object] = {}
        self._known: dict[str, None] = {}
        if isinstance(value, Mapping):
            self.values = {str(key): item for key, item in value.items()}
        elif value is not None:
            report.problem(path, f"must be a group of fields, not {shown(value)}", "name: value")

    def has(self, name: str) -> bool:
        """Is the field there with a value?"""
        self._known[name] = None
        return self.values.get(name) is not None

    def at(self, name: str) -> Path:
        return (*self.path, name)

    def problem(self, name: str, message: str, expected: str = "") -> None:
        self.report.problem(self.at(name) if name else self.path, message, expected)

    def raw(self, name: str, *, required: bool = False, expected: str = "") -> object:
        """The value as it stands; None when absent."""
        self._known[name] = None
        value = self.values.get(name)
        if value is None and required:
            self.problem(name, "is missing", expected or f"{name}: …")
        return value

    def text(self, name: str, default: str | None = None, *, required: bool = False, longest: int = 200) -> str | None:
        """A text without control characters. A bare number is taken as its digits (names like 1)."""
        value = self.raw(name, required=required, expected="a text")
        if value is None:
            return default
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str) or not value.strip():
            self.problem(name, f"is {shown(value)}", "a text")
            return default
        if len(value) > longest or any(not char.isprintable() for char in value):
            self.problem(name, "is too long or holds control characters", f"a text of at most {longest} characters")
            return default
        return value

    def number(
        self, name: str, default: float | None = None, *, low: float | None = None, high: float | None = None,
        above: float | None = None, required: bool = False,
    ) -> float | None:
        """A finite number in [low, high], or greater than `above`."""
        expected = _range_text("a number", low, high, above)
        value = self.raw(name, required=required, expected=expected)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float) or not _within(value, low, high, above):
            self.problem(name, f"is {shown(value)}", expected)
            return default
        return float(value)

    def whole(
        self, name: str, default: int | None = None, *, low: int, high: int, required: bool = False,
        allowed: Collection[int] = (),
    ) -> int | None:
        """A whole number in [low, high], or one of `allowed`."""
        expected = one_of(map(str, allowed)) if allowed else f"a whole number from {low} to {high}"
        value = self.raw(name, required=required, expected=expected)
        if value is None:
            return default
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        wrong = isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high
        if wrong or (allowed and value not in allowed):
            self.problem(name, f"is {shown(value)}", expected)
            return default
        return value if isinstance(value, int) else default

    def flag(self, name: str, default: bool = False) -> bool:
        """true or false."""
        value = self.raw(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.problem(name, f"is {shown(value)}", "true or false")
            return default
        return value

    def choice(self, name: str, allowed: Iterable[str], default: str | None = None, *, required: bool = False) -> str | None:
        """One of the allowed words."""
        words = tuple(allowed)
        value = self.raw(name)
        if value is None:
            if required:
                self.problem(name, "is missing", one_of(words))
            return default
        if not isinstance(value, str) or value not in words:
            near = nearest(str(value), words, 1)
            hint = f" (did you mean {near[0]}?)" if near and len(words) > 3 else ""
            self.problem(name, f"is {shown(value)}{hint}", one_of(words))
            return default
        return value

    def pair(self, name: str) -> tuple[float, float] | None:
        """Two finite numbers in rising order: [low, high]."""
        value = self.raw(name)
        if value is None:
            return None
        expected = "[low, high], two numbers in rising order"
        if not isinstance(value, list | tuple) or len(value) != 2 or not all(_is_number(item) for item in value):
            self.problem(name, f"is {shown(value)}", expected)
            return None
        low, high = float(value[0]), float(value[1])
        if not low < high:
            self.problem(name, f"is [{low:g}, {high:g}]: the first is not below the second", expected)
            return None
        return low, high

    def group(self, name: str) -> Fields:
        """A nested group of fields; empty when absent."""
        return Fields(self.raw(name), self.at(name), self.report)

    def entries(self, name: str) -> list[tuple[object, Path]]:
        """The entries of a list, each with its path; empty when absent."""
        value = self.raw(name)
        if value is None:
            return []
        if not isinstance(value, list | tuple):
            self.problem(name, f"is {shown(value)}", "a list")
            return []
        return [(item, (*self.at(name), index)) for index, item in enumerate(value)]

    def finish(self) -> None:
        """Report the fields nobody asked for."""
        for name in self.values:
            if name not in self._known:
                near = nearest(name, self._known, 1)
                hint = f" (did you mean {near[0]}?)" if near else ""
                self.report.problem(self.at(name), f"unknown field {name!r}{hint}", one_of(self._known))


def shown(value: object) -> str:
    """A wrong value as it may be quoted: short, on one line."""
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def zone_exists(name: str) -> bool:
    """Is it the IANA name of a time zone?"""
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # unknown, a folder of the database, a path
        return False
    return True


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _within(value: float, low: float | None, high: float | None, above: float | None) -> bool:
    try:
        number = float(value)
    except OverflowError:
        return False
    return (
        math.isfinite(number)
        and (low is None or number >= low)
        and (high is None or number <= high)
        and (above is None or number > above)
    )


def _range_text(what: str, low: float | None, high: float | None, above: float | None) -> str:
    if above is not None:
        return f"{what} greater than {above:.12g}" + ("" if high is None else f", at most {high:.12g}")
    if low is not None and high is not None:
        return f"{what} from {low:.12g} to {high:.12g}"
    if low is not None:
        return f"{what} of at least {low:.12g}"
    return what if high is None else f"{what} of at most {high:.12g}"
