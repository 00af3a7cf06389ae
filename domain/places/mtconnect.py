"""Where a point of an MTConnect device lies."""

from __future__ import annotations

from dataclasses import dataclass

from domain.places import Place


@dataclass(frozen=True, slots=True)
class MtconnectPlace(Place):
    """`item`: name or id of a data item, or several of which a machine has one (the first it names counts).

    `condition`: instead of a value, what stands of the conditions of these items (`*`: of all): as a state 0 normal, 1 warning,
    2 fault; as a text the messages.
    """

    item: tuple[str, ...] = ()
    condition: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        return ", ".join(self.item) or "condition " + ", ".join(self.condition)
