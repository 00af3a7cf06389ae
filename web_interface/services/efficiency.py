"""Efficiency, energy per part, and where a figure comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from domain.efficiency import GroupEfficiency
from domain.energy import Efficiency
from domain.explain import Explanation
from domain.kpi import GroupKpis, SpecificEnergy


class EfficiencyService(Protocol):
    """Efficiency cards (КЭФ): a machine's own, or any other."""

    async def efficiency(self, machine_id: str, from_us: int, to_us: int, card: str | None = None) -> Efficiency:
        """Raises NotFound for a machine or card that does not exist."""
        ...

    async def grouped(
        self, by: str, step: str, from_us: int, to_us: int, card: str | None = None, subject: str = "site"
    ) -> Sequence[GroupEfficiency]:
        """`by` machine | section | site, `step` hour | shift | day | total; machines of different cards stay apart."""
        ...


class ProductionFiguresService(Protocol):
    """Energy per part and program, times after ISO 22400-2."""

    async def specific(self, machine_id: str, from_us: int, to_us: int) -> SpecificEnergy:
        """Raises NotFound."""
        ...

    async def by_program(self, machine_id: str, from_us: int, to_us: int) -> Sequence[SpecificEnergy]:
        """Most energy first; empty where no program is told. Raises NotFound."""
        ...

    async def oee(self, by: str, from_us: int, to_us: int, subject: str = "site") -> Sequence[GroupKpis]:
        """`by` machine | section | site. Raises NotFound."""
        ...


class ExplainService(Protocol):
    """Opens any figure of the product."""

    def figures(self) -> Sequence[str]: ...
    async def explain(
        self, figure: str, subject: str, from_us: int, to_us: int, options: Mapping[str, str] | None = None
    ) -> Explanation:
        """`subject`: machine id, "section:<name>" or "site". Raises NotFound."""
