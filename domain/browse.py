"""A node of a server's tree, as it is shown for choosing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BrowsedNode:
    """`node`: its id on this server now; `namespace`: URI of its namespace (None for the standard's own).

    `value`: what it shows now, or the status that stands in its place; `length`: of an array.
    """

    node: str
    name: str
    namespace: str | None
    variable: bool
    value: str = ""
    type: str = ""
    length: int | None = None
