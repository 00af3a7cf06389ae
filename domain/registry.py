"""All tags a plant brings: those of its devices and the virtual ones."""

from __future__ import annotations

from collections.abc import Mapping

from domain.formula import BoundTag, bind_all
from domain.plant import Plant, Tag, tags_of
from domain.quantity import canonical_unit
from domain.sample import TagId


def tags_of_plant(plant: Plant) -> tuple[Tag, ...]:
    """Not yet registered (id 0). Virtual tags come on the grid of their device's fastest input."""
    real = tuple(tag for device in plant.devices for tag in tags_of(device))
    bound = bind_all(real, plant.virtual_tags)
    grids = grids_s(bound)
    virtual = []
    for tag in plant.virtual_tags:
        found = bound.get(tag.tag)
        if found is not None:
            unit = canonical_unit(tag.quantity, tag.unit)
            virtual.append(
                Tag(
                    TagId(0), tag.tag, tag.device_id, tag.point, tag.quantity, unit, interval_s=grids[tag.device_id],
                    max_rate=found.max_rate,
                )
            )  # fmt: skip
    return (*real, *virtual)


def grids_s(bound: Mapping[str, BoundTag]) -> dict[str, float]:
    """Seconds between the values of each virtual device: the interval of its fastest input."""
    grids: dict[str, float] = {}
    for tag in bound.values():
        device_id = tag.virtual.device_id
        grids[device_id] = min(grids.get(device_id, tag.interval_s), tag.interval_s)
    return grids
