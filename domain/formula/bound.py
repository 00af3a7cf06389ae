"""A formula that passed every check: a graph over real tags, ready to be computed on numbers or columns."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from domain.virtual import VirtualTag


@dataclass(frozen=True, slots=True, eq=False)
class Bound:
    """One operation. Shared between formulas that use the same virtual tag; told apart by identity.

    `op`: const tag + - * / neg < <= > >= = != if min max abs sqrt clip coalesce sum scale rate delta avg.
    `value`: of a const, factor of a scale, seconds of a window. `counter`: rate and delta of counters never fall.
    `constant`: its value where no tag is in it.
    """

    op: str
    args: tuple[Bound, ...] = ()
    value: float = 0.0
    tag: str = ""
    counter: bool = False
    constant: float | None = None


def constant(value: float) -> Bound:
    """A number."""
    return Bound("const", value=value, constant=value)


def operation(op: str, args: tuple[Bound, ...], value: float = 0.0, *, counter: bool = False) -> Bound:
    """An operation over others, worked out at once where all of them are constants."""
    known = [arg.constant for arg in args if arg.constant is not None]
    return Bound(op, args, value, counter=counter, constant=_worked_out(op, known, value) if len(known) == len(args) else None)


_WORK: Mapping[str, Callable[[list[float], float], float]] = {
    "+": lambda v, _: v[0] + v[1], "-": lambda v, _: v[0] - v[1], "*": lambda v, _: v[0] * v[1], "/": lambda v, _: v[0] / v[1],
    "neg": lambda v, _: -v[0], "scale": lambda v, factor: v[0] * factor, "min": lambda v, _: min(v), "max": lambda v, _: max(v),
    "abs": lambda v, _: abs(v[0]), "sqrt": lambda v, _: math.sqrt(v[0]), "clip": lambda v, _: min(max(v[0], v[1]), v[2]),
    "coalesce": lambda v, _: v[0], "sum": lambda v, _: math.fsum(v),
}  # fmt: skip


def _worked_out(op: str, values: list[float], value: float) -> float | None:
    try:
        return _WORK[op](values, value) if op in _WORK else None
    except (ArithmeticError, ValueError):
        return None


@dataclass(frozen=True, slots=True)
class BoundTag:
    """`root` gives canonical values. `inputs`: names of the real tags it reads, each once. `rule`: version and fingerprint."""

    virtual: VirtualTag
    root: Bound
    inputs: tuple[str, ...]
    formula_unit: str
    canonical_unit: str
    interval_s: float
    max_rate: float | None
    rule: str


def operations(roots: Sequence[Bound]) -> Iterator[Bound]:
    """Every operation once, arguments first."""
    seen: set[int] = set()
    waiting = [(root, False) for root in reversed(roots)]
    while waiting:
        node, ready = waiting.pop()
        if ready:
            yield node
        elif id(node) not in seen:
            seen.add(id(node))
            waiting.append((node, True))
            waiting += [(arg, False) for arg in reversed(node.args)]


def longest_window_s(roots: Sequence[Bound]) -> float:
    """How far back of its own time a value looks: windows within windows add up. 0 without any."""
    reach: dict[int, float] = {}
    for node in operations(roots):
        inner = max((reach[id(arg)] for arg in node.args), default=0.0)
        reach[id(node)] = inner + (node.value if node.op in {"rate", "delta", "avg"} else 0.0)
    return max((reach[id(root)] for root in roots), default=0.0)
