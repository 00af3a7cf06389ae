"""Virtual tags: values computed from other tags by a formula, usable everywhere a tag is."""

from __future__ import annotations

from dataclasses import dataclass

from domain.quantity import Quantity


@dataclass(frozen=True, slots=True)
class VirtualTag:
    """`tag`: "<virtual device>.<point>". `unit`: of its values as entered; they are kept in the canonical unit of `quantity`.

    `version`: grows with each change of the formula, unit or quantity; what is computed carries it.
    """

    tag: str
    formula: str
    quantity: Quantity
    unit: str
    version: int = 1

    @property
    def device_id(self) -> str:
        return self.tag.partition(".")[0]

    @property
    def point(self) -> str:
        return self.tag.partition(".")[2]
