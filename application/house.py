"""What every stage of the product builds on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from application.feeds import Feeds
from application.roles.board import RolesBoard
from config.settings import Settings
from database import Database
from domain.plant import Plant, Site, Tag
from domain.ports import Clock
from runtime.bus import InProcessBus
from runtime.loop_lag import LoopLag
from runtime.offload import Offload
from runtime.supervisor import Supervisor

Job = Callable[[], Awaitable[None]]


class Current:
    """The plant and tags as they are now, for parts that are built before the plant is read."""

    def __init__(self) -> None:
        self.plant = Plant(Site("Energy Monitoring"))
        self.tags: Sequence[Tag] = ()
        self.computed: frozenset[str] = frozenset()  # devices that consist of virtual tags
        self.listeners: list[Callable[[Plant, Sequence[Tag]], None]] = []

    def the_plant(self) -> Plant:
        """As it is now."""
        return self.plant

    def the_tags(self) -> Sequence[Tag]:
        """As they are now."""
        return self.tags

    def apply(self, plant: Plant, tags: Sequence[Tag]) -> None:
        """Tell every part; the order is that of the data's way."""
        self.plant, self.tags, self.computed = plant, tags, frozenset(plant.virtual_devices)
        for listener in self.listeners:
            listener(plant, tags)


@dataclass(frozen=True, slots=True)
class House:
    """What every stage builds on."""

    settings: Settings
    clock: Clock
    database: Database
    current: Current
    bus: InProcessBus
    supervisor: Supervisor
    lag: LoopLag
    offload: Offload
    report_worker: Offload  # of its own: who cancels a report ends its worker
    feeds: Feeds
    board: RolesBoard | None  # None: this process does everything itself
