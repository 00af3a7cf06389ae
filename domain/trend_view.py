"""Saved views of trends: what a user wants to see again, alone or with everybody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class TrendView:
    """`address` is the part behind "?" of the page's own address. `version` counts the savings, from 1."""

    id: int
    name: str
    owner: str
    shared: bool
    address: str
    version: int
    changed_us: int
    changed_by: str


class TrendViewStore(Protocol):
    async def all(self) -> Sequence[TrendView]:
        """Everybody's, by name."""
        ...

    async def get(self, view_id: int) -> TrendView | None: ...
    async def create(self, view: TrendView) -> TrendView:
        """With its id. Raises Conflict when the owner has one of that name."""
        ...

    async def replace(self, view: TrendView, version: int) -> bool:
        """Store `view` over the one of its id if that still has `version`; False when somebody was faster or it is gone.

        Raises Conflict when the owner has another one of that name."""
        ...

    async def delete(self, view_id: int) -> None:
        """Also one that is gone already."""
        ...
