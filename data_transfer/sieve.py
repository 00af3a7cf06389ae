"""Finds what in a parcel makes a destination fail, while the rest of it is delivered (P7). Pure.

A destination that answers "500" or cuts the connection may be sick, or may choke on one value. Which of the two is found out by
halves, in the parcel's order. An item is given up only when it failed alone, several times, and in between the destination took
something else: while nothing at all is taken, nothing is given up.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from domain.feed import FeedEvent, Parcel, Refused, SampleRow
from domain.sample import TextSample

FAILURES_OF_A_BAD_ITEM = 3
MORE_FAILURES = 48  # beyond those halving needs, before it is believed that the destination takes nothing at all

_Item = SampleRow | TextSample | FeedEvent


@dataclass(slots=True)
class _Suspect:
    at: int
    reason: str
    failures: int = 1


class Sieve:
    """Deliver `part`, tell `took` or `failed`; until `over`, `hopeless` or `again`."""

    def __init__(self, parcel: Parcel, patience: int = 1) -> None:
        """`patience`: how many times longer than usual nothing may be taken before it is hopeless."""
        self.parcel = parcel
        self.refused: list[Refused] = []
        self.again = False  # an item failed and was taken later: it was the destination, so all of it goes again, in order
        self._items: list[_Item] = [*parcel.samples, *parcel.texts, *parcel.events]
        self._parts: list[tuple[int, int]] = [(0, len(self._items))]
        self._suspects: list[_Suspect] = []
        self._known_good: int | None = None
        self._in_vain = 0  # failures since something was taken
        self._depth = math.ceil(math.log2(max(2, len(self._items))))
        self._most_in_vain = (self._depth + MORE_FAILURES) * patience

    @property
    def over(self) -> bool:
        """Is everything taken or refused?"""
        return not self._parts and not self._suspects

    @property
    def eager(self) -> bool:
        """May the next part follow at once? As long as failures are no more than halving brings."""
        return self._in_vain <= self._depth + 1

    @property
    def hopeless(self) -> bool:
        """Nothing was ever taken: it is the destination, not what it is sent."""
        return self._known_good is None and (self._in_vain >= self._most_in_vain or (not self._parts and bool(self._suspects)))

    def part(self) -> Parcel:
        """What is to be delivered next."""
        begin, end = self._next()
        some = self._items[begin:end]
        return Parcel(
            self.parcel.number, [one for one in some if isinstance(one, tuple)],
            [one for one in some if isinstance(one, TextSample)], [one for one in some if isinstance(one, FeedEvent)],
        )  # fmt: skip

    def took(self, refused: Sequence[Refused]) -> None:
        """The part was delivered, but for what the destination itself refused for good."""
        begin, end = self._next()
        self.refused += refused
        if self._parts:
            self._parts.pop(0)
            if not refused:
                self._known_good = end - 1
        elif self._suspects and begin == self._suspects[0].at:
            self.again = True
        self._in_vain = 0

    def failed(self, reason: str) -> None:
        """The part was not delivered."""
        begin, end = self._next()
        self._in_vain += 1
        if self._parts:
            self._parts.pop(0)
            if end - begin > 1:
                middle = (begin + end) // 2
                self._parts[:0] = [(begin, middle), (middle, end)]
            else:
                self._suspects.append(_Suspect(begin, reason))
        elif begin != self._known_good:
            suspect = self._suspects.pop(0)
            suspect.failures, suspect.reason = suspect.failures + 1, reason
            if suspect.failures >= FAILURES_OF_A_BAD_ITEM:
                self.refused.append(self._given_up(suspect))
            else:
                self._suspects.append(suspect)

    def _next(self) -> tuple[int, int]:
        """Parts in order, then the suspects; after one of these failed, first what was taken before: is the destination well?"""
        if self._parts:
            return self._parts[0]
        at = self._suspects[0].at if not self._in_vain or self._known_good is None else self._known_good
        return at, at + 1

    def _given_up(self, suspect: _Suspect) -> Refused:
        item = self._items[suspect.at]
        if isinstance(item, TextSample):
            return Refused(suspect.reason, texts=[item])
        if isinstance(item, FeedEvent):
            return Refused(suspect.reason, events=[item])
        return Refused(suspect.reason, samples=[item])
