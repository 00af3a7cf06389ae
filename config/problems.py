"""What is wrong with a file or form, said so that it can be found and put right: all of it at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as attribute

from domain.errors import ConfigError

Path = tuple[str | int, ...]
_NAMES = ("id", "tag", "name", "device")  # what an entry of a list is called by


@dataclass(frozen=True, slots=True)
class Problem:
    """One wrong place. `line` counts from 1, None where there is no file (a form, the stored document).

    `field` is written for people (devices[m1].scan_s), `path` is the same place for programs (("devices", 0, "scan_s")).
    """

    file: str
    line: int | None
    field: str
    message: str
    expected: str = ""
    path: Path = attribute(default=(), compare=False)

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        subject = f"{place}: {self.field}: " if self.field else f"{place}: "
        return subject + self.message + (f"; expected {self.expected}" if self.expected else "")


class ProblemsError(ConfigError):
    """A configuration error that lists every problem."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass(slots=True)
class Report:
    """Collects problems and warnings of one file. `lines` maps a path to its line, `document` gives entries their names."""

    file: str
    document: object = None
    lines: Mapping[Path, int] = attribute(default_factory=dict)
    problems: list[Problem] = attribute(default_factory=list)
    warnings: list[Problem] = attribute(default_factory=list)

    def problem(self, path: Path, message: str, expected: str = "") -> None:
        """Something that must be put right."""
        self.problems.append(self._at(path, message, expected))

    def warn(self, path: Path, message: str, expected: str = "") -> None:
        """Something that may be meant."""
        self.warnings.append(self._at(path, message, expected))

    def line(self, path: Path) -> int | None:
        """Line of the nearest enclosing place that is known."""
        for length in range(len(path), -1, -1):
            found = self.lines.get(path[:length])
            if found is not None:
                return found
        return None

    def found_in(self, path: Path) -> bool:
        """Is there any problem at or under `path`?"""
        return any(problem.path[: len(path)] == path for problem in self.problems)

    def _at(self, path: Path, message: str, expected: str) -> Problem:
        return Problem(self.file, self.line(path), describe(path, self.document), message, expected, path)


def describe(path: Path, document: object) -> str:
    """The path for people: entries of lists by their id, tag, name or device, e.g. devices[m1].points[active_power].unit."""
    text = ""
    here = document
    for step in path:
        if isinstance(step, int):
            here = here[step] if isinstance(here, Sequence) and not isinstance(here, str) and step < len(here) else None
            text += f"[{_name_of(here, step)}]"
        else:
            here = here.get(step) if isinstance(here, Mapping) else None
            text += f".{step}" if text else step
    return text


def _name_of(entry: object, index: int) -> str:
    if isinstance(entry, Mapping):
        for key in _NAMES:
            value = entry.get(key)
            if isinstance(value, str) and value:
                return value
    return str(index)


def nearest(name: str, known: Iterable[str], count: int = 3) -> tuple[str, ...]:
    """The known names most like `name`, best first; none when nothing is alike."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    return tuple(by_lower[found] for found in difflib.get_close_matches(name.lower(), by_lower, n=count, cutoff=0.6))


def one_of(names: Iterable[str]) -> str:
    """The allowed words as text: "one of a, b, c"."""
    words = list(names)
    return words[0] if len(words) == 1 else f"one of {', '.join(words)}"
