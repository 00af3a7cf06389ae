"""Efficiency cards (КЭФ): what a figure of that name means, and what a machine must tell for it. Data only.

There is no single КЭФ, so a value always names its card and the card's version. Every card is a quotient of two energies, so that
sums over machines and intervals are exact and no ratio is ever averaged. Source of the cards: docs/formulas.md, section 4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from domain.energy import Efficiency, ShiftWindow
from domain.state import MachineState


@dataclass(frozen=True, slots=True)
class Card:
    """`inputs`: names of the settings and measurements it needs. `valid_states`: states whose energy stands above the line.

    `name_key`: the catalogues' text. `aggregation` "sums": numerators and denominators are added up.
    """

    id: str
    version: int
    formula: str
    inputs: tuple[str, ...]
    valid_states: frozenset[MachineState]
    source: str
    unit: str = "1"
    aggregation: str = "sums"

    @property
    def name_key(self) -> str:
        return f"figure.kef.{self.id}"


_PROD = frozenset({MachineState.PRODUCTION})
_ALL = frozenset(MachineState)
DEFAULT_CARD = "K1"
CARDS: Mapping[str, Card] = {
    card.id: card
    for card in (
        Card("K1", 1, "E_prod / E_total", ("states",), _PROD, "state-based energy split (Balogun, Mativenga)"),
        Card("K2", 1, "(E_prod − P_idle · t_prod) / E_total", ("states", "idle_kw"), _PROD, "as K1, without the idle power"),
        Card("K3", 1, "E_process / E_total", ("process_power",), _ALL, "Yoon et al., Procedia CIRP 14 (2014) 558"),
        Card("K4", 1, "w_norm · N / E_total", ("norm_kwh_per_part", "parts"), _ALL, "norm over fact of the energy per part"),
        Card(
            "K5", 1, "e_material · N / E_process", ("material_energy_kwh_per_part", "process_power", "parts"), _ALL,
            "specific-energy criterion of cutting (Karpov)",
        ),
        Card(
            "K7", 1, "E_prod · a_perf · a_qual / E_total", ("states", "ideal_s_per_part", "parts", "quality"), _PROD,
            "K1 with the performance and quality of ISO 22400-2, by analogy",
        ),
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class KefSettings:
    """Field `kef` of a machine. Powers kW, energies kWh; `idle_kw` None: learned from the machine's own idle time.

    `process_power`, `good_parts`: full names of tags. `good_share` stands in where good parts are not counted.
    """

    card: str = DEFAULT_CARD
    idle_kw: float | None = None
    norm_kwh_per_part: float | None = None
    process_power: str | None = None
    material_energy_kwh_per_part: float | None = None
    ideal_s_per_part: float | None = None
    good_parts: str | None = None
    good_share: float | None = None


@dataclass(frozen=True, slots=True)
class MachineEfficiency:
    """One machine's card in one interval."""

    machine_id: str
    from_us: int
    to_us: int
    label: str
    value: Efficiency


@dataclass(frozen=True, slots=True)
class GroupEfficiency:
    """Machines of one card together: `group` is a machine id, a section or "site". `value` sums the members that have one.

    `left_out`: (machine, reason) of those that have none. `mixed`: the group holds machines of other cards too, told apart.
    """

    group: str
    from_us: int
    to_us: int
    label: str
    value: Efficiency
    members: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...] = ()
    mixed: bool = False


class EfficiencyStore(Protocol):
    """Cards of shifts as they were settled."""

    async def save_efficiency(self, window: ShiftWindow, values: Sequence[MachineEfficiency]) -> None:
        """Insert or update; identity is (machine, shift name, day)."""
        ...

    async def efficiency(self, from_day: date, to_day: date) -> Sequence[tuple[ShiftWindow, MachineEfficiency]]:
        """Shifts whose day is from `from_day` to `to_day`, both included, in time order; `account` and `terms` are not kept."""
        ...
