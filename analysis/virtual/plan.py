"""What has to be computed for each virtual device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.virtual.columns import HELD_INTERVALS, Column, Ints, aligned
from analysis.virtual.stream import FormulaStream
from domain.formula import BoundTag, bind_all, longest_window_s
from domain.plant import Plant, Tag, tags_of
from domain.registry import grids_s
from domain.sample import Batch, TagId


@dataclass(frozen=True, slots=True)
class DevicePlan:
    """One virtual device: its tags with their formulas, the real tags they read, one row each `step_us` (UTC multiples of it)."""

    device_id: str
    step_us: int
    tags: tuple[Tag, ...]
    bound: tuple[BoundTag, ...]
    inputs: tuple[Tag, ...]

    @property
    def tag_ids(self) -> tuple[TagId, ...]:
        return tuple(tag.id for tag in self.tags)

    @property
    def rules(self) -> tuple[str, ...]:
        """What made the values; a change of it means that history has to be computed again."""
        return tuple(f"{bound.rule} {self.step_us}" for bound in self.bound)

    @property
    def window_us(self) -> int:
        """How far back a row looks."""
        return round(longest_window_s([bound.root for bound in self.bound]) * 1e6)

    @property
    def held_us(self) -> int:
        """How long the slowest input holds."""
        return round(HELD_INTERVALS * max(tag.interval_s for tag in self.inputs) * 1e6)

    def same(self, other: DevicePlan) -> bool:
        """Does it compute the very same from the very same?"""
        return (self.rules, self.tags, self.inputs) == (other.rules, other.tags, other.inputs)

    def stream(self) -> FormulaStream:
        """A fresh one."""
        return FormulaStream([bound.root for bound in self.bound], self.step_us / 1e6)

    def grid_at(self, time_us: int) -> int:
        """The first row at or after `time_us`."""
        return -(-time_us // self.step_us) * self.step_us

    def interval_us(self, tag: Tag) -> int:
        """Expected time between two values of an input on this grid."""
        return max(round(tag.interval_s * 1e6), self.step_us)


def device_plans(plant: Plant, tags: Sequence[Tag]) -> dict[str, DevicePlan]:
    """By id of the virtual device. Tags that are not registered yet, or whose formula no longer binds, are left out."""
    real = {tag.name for device in plant.devices for tag in tags_of(device)}  # the register also holds points that are gone
    known = {tag.name: tag for tag in tags}
    bound = bind_all([tag for tag in tags if tag.name in real], plant.virtual_tags)
    grids = grids_s(bound)
    plans = {}
    for device_id in plant.virtual_devices:
        mine = [found for name, found in bound.items() if found.virtual.device_id == device_id and name in known]
        if mine:
            names = dict.fromkeys(name for found in mine for name in found.inputs)
            plans[device_id] = DevicePlan(
                device_id, max(1, round(grids[device_id] * 1e6)), tuple(known[found.virtual.tag] for found in mine), tuple(mine),
                tuple(known[name] for name in names),
            )  # fmt: skip
    return plans


@dataclass(frozen=True, slots=True)
class Samples:
    """Of one input, in time order."""

    times_us: Ints
    column: Column


def rows_of(plan: DevicePlan, stream: FormulaStream, grid_us: Ints, inputs: dict[str, Samples]) -> tuple[list[Column], Ints]:
    """The next rows of the stream from samples; and the numbers of the rows in which any input was heard of."""
    columns: dict[str, Column] = {}
    present = np.zeros(len(grid_us), dtype=bool)
    for tag in plan.inputs:
        samples = inputs[tag.name]
        columns[tag.name], known = aligned(samples.times_us, samples.column, grid_us, plan.interval_us(tag))
        present |= known
    return stream.feed(columns, len(grid_us)), np.flatnonzero(present)


def batches_of(plan: DevicePlan, tag_ids: tuple[TagId, ...], grid_us: Ints, found: list[Column], rows: Ints) -> list[Batch]:
    """A batch a row. `tag_ids` is the plan's, one object for all."""
    times = grid_us[rows].tolist()
    values = [column.values[rows].tolist() for column in found]
    qualities = [column.qualities[rows].tolist() for column in found]
    return [
        Batch(plan.device_id, time_us, tag_ids, [None if v != v else v for v in row_values], list(row_qualities))  # noqa: PLR0124 - NaN
        for time_us, row_values, row_qualities in zip(
            times, zip(*values, strict=True), zip(*qualities, strict=True), strict=True
        )
    ]
