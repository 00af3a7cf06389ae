"""The registers themselves: what is known now, written where the layout says. One thread; a read is a snapshot of one moment."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from data_transfer.modbus import layout
from data_transfer.modbus.layout import HEADER, MACHINE, MACHINE_DIRECTORY, MACHINES, TAG, TAG_DIRECTORY, TAGS
from domain.plant import Machine, Plant, Tag
from domain.quality import FIRST_BAD
from domain.sample import Batch, TagId
from domain.served import Block, MachineFigures
from domain.state import MachineState

_HEADER = struct.Struct(">4s12H")
_CLOCK = struct.Struct(">QI")
_UINT16 = struct.Struct(">H")
_CLOCK_AT = 16 * 2
_ALIVE_AT = 14 * 2


@dataclass(slots=True)
class _TagSlot:
    """Where a tag's block begins, in bytes, and what was read last."""

    at: int
    decimals: int
    time_us: int | None = None
    value: float | None = None
    quality: int = layout.NOT_READ


class Registers:
    """65 536 registers of which the header and the given blocks can be read."""

    def __init__(self, version: str) -> None:
        self._version = version
        self._memory = bytearray(2 * 65536)
        self._spans: list[tuple[int, int]] = []
        self._slots: dict[TagId, _TagSlot] = {}
        self._fresh: dict[int, Batch] = {}
        self._counters: dict[str, TagId] = {}
        self._power: dict[str, TagId] = {}
        self._machines: dict[str, int] = {}
        self._alive = self._changes = 0

    # -- what the map holds -------------------------------------------------------------------------------------------

    def apply(self, blocks: Sequence[Block], plant: Plant, tags: Sequence[Tag], left_out: int, now_us: int) -> None:
        """The plant or the assignment changed: directories are written anew, values of tags that stay are kept."""
        self._write_fresh(now_us)
        by_kind = {kind: [b for b in blocks if b.kind == kind] for kind in (MACHINE, TAG)}
        counts = {kind: max((b.number + 1 for b in found), default=0) for kind, found in by_kind.items()}
        self._changes = (self._changes + 1) & 0xFFFF
        self._spans = [
            HEADER.span(1), MACHINES.span(counts[MACHINE]), TAGS.span(counts[TAG]), MACHINE_DIRECTORY.span(counts[MACHINE]),
            TAG_DIRECTORY.span(counts[TAG]),
        ]  # fmt: skip
        self._write_header(plant.site.name, counts, left_out, now_us)
        self._place_machines(by_kind[MACHINE], {machine.id: machine for machine in plant.machines})
        self._place_tags(by_kind[TAG], plant, {tag.name: tag for tag in tags})
        named = {tag.name: tag.id for tag in tags}
        meters = {machine.id: machine.meter for machine in plant.machines if machine.meter is not None}
        self._counters = {m: named[f"{meter}.energy_import"] for m, meter in meters.items() if f"{meter}.energy_import" in named}
        self._power = {m: named[f"{meter}.active_power"] for m, meter in meters.items() if f"{meter}.active_power" in named}

    def _write_header(self, site: str, counts: Mapping[str, int], left_out: int, now_us: int) -> None:
        memory = self._memory
        _HEADER.pack_into(
            memory, 0, layout.MAGIC, layout.MAP_VERSION, HEADER.size, counts[MACHINE], counts[TAG], MACHINES.start, MACHINES.size,
            TAGS.start, TAGS.size, MACHINE_DIRECTORY.start, MACHINE_DIRECTORY.size, TAG_DIRECTORY.start, TAG_DIRECTORY.size,
        )  # fmt: skip
        _UINT16.pack_into(memory, _ALIVE_AT + 2, self._changes)
        _UINT16.pack_into(memory, 22 * 2, min(left_out, 0xFFFF))
        memory[24 * 2 : 40 * 2] = layout.text(self._version, 16)
        memory[40 * 2 : 72 * 2] = layout.text(site, 32)
        self._write_clock(now_us)

    def _place_machines(self, blocks: Sequence[Block], plant: Mapping[str, Machine]) -> None:
        before, self._machines = self._machines, {}
        for block in blocks:
            machine = plant.get(block.name)
            at = MACHINE_DIRECTORY.address(block.number) * 2
            name = machine.name if machine is not None else ""
            self._memory[at : at + MACHINE_DIRECTORY.size * 2] = layout.text(block.name, 16) + layout.text(name, 24)
            place = MACHINES.address(block.number) * 2
            if machine is None:
                self._write_machine(place, None, None, layout.REMOVED, None, None, 0)
            elif machine.id not in before:
                self._write_machine(place, MachineState.NO_DATA, None, layout.NOT_READ, None, None, 0)
            if machine is not None:
                self._machines[machine.id] = place

    def _place_tags(self, blocks: Sequence[Block], plant: Plant, tags: Mapping[str, Tag]) -> None:
        before, self._slots = self._slots, {}
        devices = set(plant.tag_devices)
        number_of = {name: (place - MACHINES.start * 2) // (MACHINES.size * 2) for name, place in self._machines.items()}
        machine_of = {m.meter: number_of[m.id] for m in plant.machines if m.meter is not None and m.id in number_of}
        for block in blocks:
            tag = tags.get(block.name)
            tag = tag if tag is not None and tag.device_id in devices else None
            unit, owner = (tag.unit, machine_of.get(tag.device_id, layout.NO_MACHINE)) if tag else ("", layout.NO_MACHINE)
            at = TAG_DIRECTORY.address(block.number) * 2
            entry = layout.text(block.name, 20) + layout.text(unit, 3) + owner.to_bytes(2)
            self._memory[at : at + TAG_DIRECTORY.size * 2] = entry
            slot = _TagSlot(TAGS.address(block.number) * 2, layout.decimals_of(tag))
            if tag is None:
                slot.quality = layout.REMOVED
            else:
                old = before.get(tag.id)
                if old is not None:
                    slot.time_us, slot.value, slot.quality = old.time_us, old.value, old.quality
                self._slots[tag.id] = slot
            self._write_tag(slot, slot.time_us or 0)

    # -- what comes ---------------------------------------------------------------------------------------------------

    def on_batch(self, batch: Batch) -> None:
        """The newest of each plan waits as it came until somebody reads: a sample costs nothing while nobody asks."""
        self._fresh[id(batch.tag_ids)] = batch

    def tick(self, figures: Sequence[MachineFigures], now_us: int) -> None:
        """Once a second: machines, ages, and the sign of life."""
        self._write_fresh(now_us)
        self._alive = (self._alive + 1) & 0xFFFF
        _UINT16.pack_into(self._memory, _ALIVE_AT, self._alive)
        for slot in self._slots.values():
            _UINT16.pack_into(self._memory, slot.at + layout.TAG_AGE_AT, layout.age_s(slot.time_us, now_us))
        for one in figures:
            place = self._machines.get(one.id)
            if place is not None:
                counter = self._slots.get(self._counters.get(one.id, TagId(0)))
                power = self._slots.get(self._power.get(one.id, TagId(0)))
                self._write_machine(
                    place, one.state, one.power_kw, _machine_quality(one, power), one.shift_kwh,
                    counter.value if counter is not None else None, one.state_since_us // 1_000_000,
                    layout.age_s(power.time_us if power is not None else None, now_us),
                )  # fmt: skip

    def _write_fresh(self, now_us: int) -> None:
        fresh, self._fresh = self._fresh, {}
        for batch in fresh.values():
            time_us = batch.time_us
            for tag_id, value, quality in zip(batch.tag_ids, batch.values, batch.qualities, strict=True):
                slot = self._slots.get(tag_id)
                if slot is not None:
                    slot.time_us, slot.quality = time_us, quality
                    slot.value = None if quality >= FIRST_BAD else value
                    self._write_tag(slot, now_us)

    def _write_tag(self, slot: _TagSlot, now_us: int) -> None:
        layout.TAG_BLOCK.pack_into(
            self._memory, slot.at, layout.float32(slot.value), layout.scaled(slot.value, slot.decimals), slot.quality,
            layout.age_s(slot.time_us, now_us), slot.decimals, 0,
        )  # fmt: skip

    def _write_machine(
        self, place: int, state: MachineState | None, power: float | None, quality: int, shift: float | None,
        counter: float | None, since_s: int, age: int = layout.NEVER_S,
    ) -> None:
        layout.MACHINE_BLOCK.pack_into(
            self._memory, place, 0 if state is None else layout.STATE_CODES[state], quality, layout.float32(power),
            layout.scaled(power, 3), layout.float32(shift), layout.scaled(shift, 2), layout.float32(counter),
            layout.scaled(counter, 3, 64), age, 0, since_s & 0xFFFFFFFF,
        )  # fmt: skip

    def _write_clock(self, now_us: int) -> None:
        _CLOCK.pack_into(self._memory, _CLOCK_AT, max(0, now_us // 1000), max(0, now_us // 1_000_000) & 0xFFFFFFFF)

    # -- what is asked ------------------------------------------------------------------------------------------------

    def read(self, address: int, count: int, now_us: int) -> bytes | None:
        """`count` registers from `address` as bytes, all of one moment; None where one of them is not in the map."""
        if self._fresh:
            self._write_fresh(now_us)
        end = address + count
        for first, after in self._spans:
            if first <= address < after:
                if end > after:
                    return None
                if first == 0:
                    self._write_clock(now_us)
                return bytes(self._memory[2 * address : 2 * end])
        return None


def _machine_quality(one: MachineFigures, power: _TagSlot | None) -> int:
    """Of its power: that of the newest reading; a machine without a meter was never read."""
    return layout.NOT_READ if power is None or power.quality == layout.NOT_READ else one.power_quality
