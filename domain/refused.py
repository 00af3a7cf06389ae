"""What no table of the database can hold: set apart with its reason, to be looked at and discarded."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from domain.access import Actor

KINDS = ("sample", "text", "event", "message")
MOST_KEPT = 100_000  # entries; beyond that the oldest go, the books still count them


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """One entry. `value`: the beginning, as text; `message` is one of Kafka that nobody could read, of no tag."""

    id: int
    kind: str  # of KINDS
    tag_id: int
    time_us: int
    value: str
    quality: int
    reason: str
    noted_us: int

    @property
    def number(self) -> int:
        """Its name for as long as it is there."""
        return self.id


@dataclass(frozen=True, slots=True)
class RefusedSummary:
    """`newest`: the one noted last, with the name of its tag; None where there is none."""

    entries: int = 0
    by_kind: Mapping[str, int] = field(default_factory=dict)
    newest: RefusedRow | None = None
    newest_tag: str = ""


class RefusedStore(Protocol):
    async def summary(self) -> RefusedSummary:
        """Without the name of the tag."""
        ...

    async def rows(self, most: int, skip: int = 0, ids: Collection[int] | None = None) -> Sequence[RefusedRow]:
        """The newest first; of `ids` only where there are such."""
        ...

    async def discard(self, ids: Collection[int] | None, up_to: int) -> int:
        """Those of `ids`, or all whose number is `up_to` at most; how many were there."""
        ...

    async def shorten(self, most: int) -> int:
        """The oldest beyond so many go; how many."""
        ...


class RefusedService(Protocol):
    """For administrators: each call raises Forbidden and StorageError."""

    async def rows(self, actor: Actor, most: int = 100, skip: int = 0) -> Sequence[RefusedRow]:
        """The newest first."""
        ...

    async def discard(self, actor: Actor, ids: Collection[int] | None = None) -> int:
        """Everything that is there now, or the entries of `ids`; how many. In the audit. Raises NotFound when none is there.

        The books keep their counts: what was refused stays refused.
        """
        ...
