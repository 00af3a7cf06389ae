"""What a formula says, as it was written: the tree of the parser, and back to text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

PLAIN_TAG = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*\.[a-z][a-z0-9_]*\Z")


@dataclass(frozen=True, slots=True)
class Place:
    """Characters [at, end) of the formula."""

    at: int = 0
    end: int = 0


NOWHERE = Place()


@dataclass(frozen=True, slots=True)
class Number:
    """`unit`: "" for a bare number."""

    value: float
    unit: str = ""
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class TagName:
    name: str
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A name with * for any characters, within sum."""

    text: str
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class UnitName:
    """The second argument of unit(x; kW)."""

    text: str
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Negative:
    of: Node
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Binary:
    """`op`: + - * / < <= > >= = !="""

    op: str
    left: Node
    right: Node
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    name: str
    args: tuple[Node, ...]
    place: Place = field(default=NOWHERE, compare=False, repr=False)


Node = Number | TagName | Pattern | UnitName | Negative | Binary | Call

_LEVEL = {"<": 1, "<=": 1, ">": 1, ">=": 1, "=": 1, "!=": 1, "+": 2, "-": 2, "*": 3, "/": 3}


def text_of(node: Node) -> str:
    """The formula as text; parsing it gives an equal tree."""
    return _text(node, 0)


def _text(node: Node, level: int) -> str:
    match node:
        case Number(value, unit):
            return repr(value) if not unit else f"{value!r} {unit}"
        case TagName(name):
            return name if PLAIN_TAG.match(name) else "{" + name + "}"
        case Pattern(text) | UnitName(text):
            return text
        case Negative(of):
            return f"-{_text(of, 4)}"
        case Binary(op, left, right):
            mine = _LEVEL[op]
            text = f"{_text(left, mine + (mine == 1))} {op} {_text(right, mine + 1)}"
            return f"({text})" if mine < level else text
        case Call(name, args):
            return f"{name}({'; '.join(_text(arg, 0) for arg in args)})"


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it."""
    waiting = [node]
    while waiting:
        here = waiting.pop()
        yield here
        match here:
            case Negative(of):
                waiting.append(of)
            case Binary(_, left, right):
                waiting += (right, left)
            case Call(_, args):
                waiting += reversed(args)
