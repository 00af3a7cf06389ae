"""Formulas over columns that come piece by piece: a row at a time from the live stream, thousands at a time from history.

The result does not depend on how the rows were cut: every operation works row by row, in one order of additions, and the windows
keep the rows they still need.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from analysis.virtual.columns import Column, Floats, Ints, joined, sealed
from domain.formula import Bound, operations
from domain.quality import FIRST_BAD, Quality

NO_VALUE, ZERO_DIVISION, ESTIMATED = int(Quality.NO_VALUE), int(Quality.DIVISION_BY_ZERO), int(Quality.ESTIMATED)
_ABSENT = int(Quality.INTERNAL)  # rows before the first: never leave here
FEW_ROWS = 16
_WINDOWS = frozenset({"rate", "delta", "avg"})
_ARITHMETIC: Mapping[str, Callable[[Floats, Floats], Floats]] = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "min": np.minimum, "max": np.maximum,
}  # fmt: skip
_COMPARISONS: Mapping[str, Callable[[Floats, Floats], object]] = {
    "<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal, "=": np.equal, "!=": np.not_equal,
}  # fmt: skip


class FormulaStream:
    """`roots`: formulas of one device; `step_s`: seconds between rows."""

    def __init__(self, roots: Sequence[Bound], step_s: float) -> None:
        self._roots, self._step_s = tuple(roots), step_s
        self._order = tuple(operations(roots))
        self._rings: dict[int, Column] = {}
        for node in self._order:
            if node.op in _WINDOWS:
                rows = self._rows(node)
                self._rings[id(node)] = Column(np.full(rows, np.nan), np.full(rows, _ABSENT, dtype=np.int64))

    def feed(self, inputs: Mapping[str, Column], rows: int) -> list[Column]:
        """The next rows of every input by tag name; those of every root, in order."""
        done: dict[int, Column] = {}
        with np.errstate(all="ignore"):
            for node in self._order:
                done[id(node)] = self._column(node, [done[id(arg)] for arg in node.args], inputs, rows)
        return [done[id(root)] for root in self._roots]

    def _rows(self, node: Bound) -> int:
        return max(1, round(node.value / self._step_s))

    def _column(self, node: Bound, args: list[Column], inputs: Mapping[str, Column], rows: int) -> Column:
        op = node.op
        if op == "tag":
            return inputs[node.tag]
        if op == "const":
            return Column(np.full(rows, node.value), np.zeros(rows, dtype=np.int64))
        if op in _WINDOWS:
            return self._window(node, args[0])
        if op == "if":
            return _chosen(*args)
        if op == "coalesce":
            return _coalesced(args)
        return sealed(*_worked(node, args))

    # -- windows -------------------------------------------------------------------------------------------------------

    def _window(self, node: Bound, new: Column) -> Column:
        """Row i looks back over rows i - k + 1 to i (avg), or at row i - k (delta, rate)."""
        rows = self._rows(node)
        whole = joined(self._rings[id(node)], new)
        self._rings[id(node)] = whole.part(len(new))
        if node.op == "avg":
            return _mean(whole, rows, len(new))
        before, now = whole.part(0, len(new)), whole.part(rows)
        change = now.values - before.values
        qualities = np.maximum(now.qualities, before.qualities)
        qualities = np.where(qualities >= FIRST_BAD, NO_VALUE, qualities)
        if node.counter:  # fell: reset or exchange, what it grew by is unknown
            qualities = np.where((qualities < FIRST_BAD) & (change < 0), NO_VALUE, qualities)
        return sealed(change / (rows * self._step_s) if node.op == "rate" else change, qualities)


def _mean(whole: Column, rows: int, count: int) -> Column:
    """Of the rows with a value within each window. Estimated where some are missing, bad where all are."""
    known = whole.qualities < FIRST_BAD
    values = np.where(known, whole.values, 0.0)
    worst = np.where(known, whole.qualities, 0)
    total, number, quality = np.zeros(count), np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    if count <= FEW_ROWS:
        for i in range(count):
            window = slice(i + 1, i + 1 + rows)
            total[i] = np.add.accumulate(values[window])[-1]  # one after the other, as below
            number[i], quality[i] = np.count_nonzero(known[window]), worst[window].max()
    else:
        for lag in range(1, rows + 1):
            window = slice(lag, lag + count)
            total += values[window]
            number += known[window]
            np.maximum(quality, worst[window], out=quality)
    quality = np.where(number < rows, np.maximum(quality, ESTIMATED), quality)
    quality = np.where(number == 0, NO_VALUE, quality)
    return sealed(total / number, quality)


def _worked(node: Bound, args: list[Column]) -> tuple[Floats, Ints]:
    """Value and quality, row by row; the quality is the worst of what goes in."""
    op, first = node.op, args[0]
    if op == "sum" and len(args[0]) <= FEW_ROWS:  # many tags, few rows: the same additions in the same order at once
        values = np.add.accumulate(np.array([arg.values for arg in args]), axis=0)[-1]
        return values, np.array([arg.qualities for arg in args]).max(axis=0)
    values, qualities = first.values, first.qualities
    work = np.add if op == "sum" else _ARITHMETIC.get(op)
    if work is not None:
        for arg in args[1:]:
            values, qualities = work(values, arg.values), np.maximum(qualities, arg.qualities)
        return values, qualities
    if op in {"neg", "abs", "sqrt", "scale"}:
        return _one(node, first), qualities
    for arg in args[1:]:
        qualities = np.maximum(qualities, arg.qualities)
    if op in _COMPARISONS:
        return np.asarray(_COMPARISONS[op](values, args[1].values), dtype=np.float64), qualities
    if op == "clip":
        return np.minimum(np.maximum(values, args[1].values), args[2].values), qualities
    if op == "/":
        zero = (args[1].values == 0.0) & (qualities < FIRST_BAD)
        return values / args[1].values, np.where(zero, ZERO_DIVISION, qualities)
    raise ValueError(f"no operation {op}")


def _one(node: Bound, arg: Column) -> Floats:
    match node.op:
        case "neg":
            return -arg.values
        case "abs":
            return np.abs(arg.values)
        case "sqrt":
            return np.sqrt(arg.values)
        case _:
            return arg.values * node.value


def _chosen(condition: Column, yes: Column, no: Column) -> Column:
    """The branch that is taken decides, and the condition; the other one may be bad."""
    true = condition.values == 1.0
    qualities = np.maximum(condition.qualities, np.where(true, yes.qualities, no.qualities))
    return sealed(np.where(true, yes.values, no.values), qualities)


def _coalesced(args: list[Column]) -> Column:
    """The first that has a value; where none has, as bad as the first."""
    values, qualities = args[0].values, args[0].qualities
    for arg in args[1:]:
        take = (qualities >= FIRST_BAD) & (arg.qualities < FIRST_BAD)
        values, qualities = np.where(take, arg.values, values), np.where(take, arg.qualities, qualities)
    return Column(values, qualities)
