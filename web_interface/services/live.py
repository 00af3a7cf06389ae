"""What is now: the last values, machines and the shop, from memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.energy import NO_SHIFT_PRICE, Efficiency, EnergyAccount, ShiftPrice, ShiftWindow
from domain.plant import Machine, Tag
from domain.state import MachineState, StateInterval


@dataclass(frozen=True, slots=True)
class LatestValue:
    """The last known value of a tag. `stale`: older than 3 intervals. A bad value has `value` None and a `reason`;
    `last_good` and `last_good_us` then tell what it was and when."""

    tag: Tag
    machine_id: str | None
    time_us: int
    value: float | None
    quality: int
    text: str | None = None
    last_good: float | None = None
    last_good_us: int | None = None


@dataclass(frozen=True, slots=True)
class MachineNow:
    """A machine as its card shows it. `spark`: (time_us, kW or None) of the running shift, at most 120 points, oldest first."""

    machine: Machine
    state: MachineState
    state_since_us: int
    power_kw: float | None
    power_quality: int
    last_good_kw: float | None
    last_good_us: int | None
    shift: EnergyAccount | None
    kef: Efficiency | None
    intervals: Sequence[StateInterval] = ()
    spark: Sequence[tuple[int, float | None]] = ()

    @property
    def shown_kw(self) -> float | None:
        """Power to show beside the state: a machine of which nothing is known has none, whatever its meter said last."""
        return None if self.state is MachineState.NO_DATA else self.power_kw


@dataclass(frozen=True, slots=True)
class ShopNow:
    """The overview. `power_trend`: (time_us, kW or None) 5-min means of the day; `yesterday` the same, shifted by a day."""

    now_us: int
    power_kw: float | None
    shift: ShiftWindow | None
    shift_energy_kwh: float | None
    shift_completeness: float
    kef: Efficiency | None
    machines: Sequence[MachineNow]
    data_health: float  # 0..1: good share of the last values
    devices_online: int
    devices_total: int
    power_trend: Sequence[tuple[int, float | None]] = ()
    yesterday: Sequence[tuple[int, float | None]] = ()
    kef_trend: Sequence[tuple[int, float | None]] = ()
    shift_cost: float | None = None
    shift_price: ShiftPrice = NO_SHIFT_PRICE
    newest_us: int | None = None  # time of the newest good value of all tags; None before the first


class LiveService(Protocol):
    """From memory: no query per browser per second."""

    def tags(self) -> Sequence[Tag]: ...
    def tag(self, name: str) -> Tag:
        """Raises NotFound with the nearest names."""
        ...

    def latest(self, *, device: str | None = None, machine: str | None = None, tag: str | None = None) -> Sequence[LatestValue]:
        """Raises NotFound for an unknown device, machine or tag."""
        ...

    def shop(self) -> ShopNow: ...
    def machine(self, machine_id: str) -> MachineNow:
        """Raises NotFound."""
        ...

    def subscribe(self, *kinds: str) -> AsyncIterator[tuple[str, object]]:
        """Events as they happen: ("sample", Sequence[LatestValue]) at most each 0.25 s, ("state", StateInterval),
        ("alert", Alert), ("plant", None). A slow reader loses the oldest and gets ("lost", count) first."""
        ...
