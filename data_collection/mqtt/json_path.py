"""Where a value lies inside a JSON document: `payload.axes[0].load`, `payload["a.b"]`; empty or `$` is all of it. Pure."""

from __future__ import annotations

import re
from typing import Final

from domain.errors import ConfigError

Step = str | int
_STEP: Final = re.compile(r'\.?([^.\[\]"]+)|\[(-?\d{1,6})\]|\["([^"]*)"\]')
MISSING: Final = object()


def parse(path: str) -> tuple[Step, ...]:
    """The steps of a path. Raises ConfigError naming where it cannot be read."""
    rest = path.removeprefix("$").lstrip(".")
    steps: list[Step] = []
    at = 0
    while at < len(rest):
        match = _STEP.match(rest, at)
        if match is None:
            raise ConfigError(f'JSON path {path!r}: cannot read {rest[at:at + 20]!r}; expected a.b, a[0] or a["b.c"]')
        if match[1] is not None:
            steps.append(match[1])
        else:
            steps.append(int(match[2]) if match[2] is not None else match[3])
        at = match.end()
    return tuple(steps)


def find(document: object, steps: tuple[Step, ...]) -> object:
    """What lies there, or MISSING."""
    for step in steps:
        if isinstance(document, dict) and isinstance(step, str):
            document = document.get(step, MISSING)
        elif isinstance(document, list) and isinstance(step, int) and -len(document) <= step < len(document):
            document = document[step]
        else:
            return MISSING
    return document
