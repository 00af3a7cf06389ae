"""Plays a recording through the simulated devices: any column of a CSV file to any tag, stepped by a test or at any speed."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from domain.ports import Clock
from simulator.serve import Simulation


@dataclass(frozen=True, slots=True)
class Column:
    """`name` of the recording's column goes to `device`.`tag`; value on the wire = cell * factor, in the point's own unit."""

    name: str
    device: str
    tag: str
    factor: float = 1.0


@dataclass(frozen=True, slots=True)
class Recording:
    """Numbers by column, all of one length; None where the cell is empty or no number."""

    columns: Mapping[str, Sequence[float | None]]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))


def read_recording(path: Path, names: Sequence[str], *, delimiter: str = ",") -> Recording:
    """Read columns of a CSV file (compressed when its name ends in .gz). Raises KeyError naming a column that is not there."""
    found: dict[str, list[float | None]] = {name: [] for name in names}
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
        reader = csv.DictReader(io.TextIOWrapper(cast("IO[bytes]", file), "utf-8", newline=""), delimiter=delimiter)
        for name in names:
            if name not in (reader.fieldnames or ()):
                raise KeyError(f"{path.name} has no column {name!r}; it has {', '.join(reader.fieldnames or ())}")
        for row in reader:
            for name, cells in found.items():
                cells.append(_number(row[name]))
    return Recording(found)


def _number(cell: str | None) -> float | None:
    try:
        return float(cell) if cell else None
    except ValueError:
        return None


class Playback:
    """A recording on the devices of a running simulation.

    `missing`: what an empty cell does: "none" shows the device's own "no value", "hold" keeps the last value, "silence" makes
    the device answer nothing while any of its cells is empty. Raises KeyError for a column, device or tag that is not there.
    """

    def __init__(self, simulation: Simulation, recording: Recording, columns: Sequence[Column], *, missing: str = "none") -> None:
        if missing not in ("none", "hold", "silence"):
            raise ValueError(f"missing is none, hold or silence, not {missing!r}")
        for column in columns:
            simulation.devices[column.device].device.profile.point(column.tag)
            recording.columns[column.name]
        self._simulation, self._recording, self._missing = simulation, recording, missing
        self._by_device: dict[str, list[Column]] = {}
        for column in columns:
            self._by_device.setdefault(column.device, []).append(column)

    def __len__(self) -> int:
        return len(self._recording)

    def step(self, row: int) -> None:
        """Show one row of the recording. Raises IndexError past its end."""
        for device_id, columns in self._by_device.items():
            wire: dict[str, float | None] = {}
            for column in columns:
                cell = self._recording.columns[column.name][row]
                wire[column.tag] = None if cell is None else cell * column.factor
            if self._missing == "silence":
                if any(value is None for value in wire.values()):
                    self._simulation.fault(device_id, "silence")
                else:
                    self._simulation.clear(device_id, "silence")
            if self._missing != "none":
                wire = {tag: value for tag, value in wire.items() if value is not None}
            self._simulation.devices[device_id].put_wire(wire)

    async def play(self, clock: Clock, interval_s: float, *, speed: float = 1.0, loop: bool = False) -> None:
        """Step through the recording, one row each `interval_s` / `speed`, on a fixed grid; `loop` starts over at its end."""
        start, row = clock.monotonic(), 0
        while True:
            self.step(row % len(self))
            row += 1
            if row >= len(self) and not loop:
                return
            await clock.sleep(start + row * interval_s / speed - clock.monotonic())
