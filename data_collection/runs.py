"""Neighbouring points that are read together, taken apart when the device refuses them as a whole. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar


class Span(Protocol):
    """From `start` to `end`, the first behind it, in registers or bytes."""

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...


S = TypeVar("S", bound=Span)


def smaller_runs(located: Sequence[S]) -> list[list[S]]:
    """The same points in the same order in smaller runs; empty where they are one piece.

    Cut at gaps, since what lies between may not exist; without gaps into halves, so that one missing point leaves its
    neighbours in large reads. Points that share a place stay together.
    """
    runs: list[list[S]] = []
    end = -1
    for p in located:
        if runs and p.start <= end:
            runs[-1].append(p)
        else:
            runs.append([p])
        end = max(end, p.end)
    return runs if len(runs) > 1 else _halves(located)


def _halves(located: Sequence[S]) -> list[list[S]]:
    ends = [0] * len(located)
    for i, p in enumerate(located):
        ends[i] = max(p.end, ends[i - 1] if i else 0)
    cuts = [i for i in range(1, len(located)) if located[i].start >= ends[i - 1]]
    if not cuts:
        return []
    middle = min(cuts, key=lambda i: abs(i - len(located) / 2))
    return [list(located[:middle]), list(located[middle:])]
