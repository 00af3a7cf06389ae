"""The reads of one group of points: as large as they may be, smaller where the device refuses, whole again after hours. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Generic, Protocol, TypeVar

MERGE_AGAIN_S: Final = 6 * 3600.0  # a block split for one bad moment of the device does not stay split for good
ASK_AGAIN_S: Final = 600.0  # a refused point is tried again after this long, so that it returns by itself


class Refusable(Protocol):
    """One read. `refused_until`: monotonic seconds until which it is not asked again (0: not refused)."""

    refused_until: float


B = TypeVar("B", bound=Refusable)


class Reads(Generic[B]):
    """`blocks` in the order of their values; `split_at_s`: monotonic seconds of the last split, 0 while nothing is split."""

    __slots__ = ("_merged", "_split", "blocks", "split_at_s")

    def __init__(self, blocks: Sequence[B], split: Callable[[B], Sequence[B]]) -> None:
        """`split`: smaller blocks for the same points in the same order; none where a block is one piece."""
        self._merged, self._split = tuple(blocks), split
        self.blocks = list(blocks)
        self.split_at_s = 0.0

    def renew(self, now_s: float) -> bool:
        """Try the large reads again once in a while; True when they are back."""
        if not self.split_at_s or now_s - self.split_at_s <= MERGE_AGAIN_S:
            return False
        self.blocks[:] = self._merged
        self.split_at_s = 0.0
        return True

    def refused(self, block: B, now_s: float) -> Sequence[B]:
        """What to read in place of a refused block from now on; empty when it is one piece, which then rests."""
        parts = self._split(block)
        if not parts:
            block.refused_until = now_s + ASK_AGAIN_S
            return ()
        at = self.blocks.index(block)
        self.blocks[at : at + 1] = parts
        self.split_at_s = now_s
        return parts
