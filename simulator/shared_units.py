"""Several devices of a plant that are views of one Modbus unit: a controller that gathers meters answers for all of them."""

from __future__ import annotations

from collections.abc import Iterable

from simulator.devices import SimulatedDevice
from simulator.modbus_unit import ModbusUnit, Registers


def share_units(devices: Iterable[SimulatedDevice]) -> None:
    """Devices of one line and address get one unit with the registers of all; its faults are those of the first."""
    groups: dict[tuple[str, int], list[SimulatedDevice]] = {}
    for device in devices:
        if device.map is not None:
            groups.setdefault((device.device.line, device.map.unit.address), []).append(device)
    for group in groups.values():
        if len(group) > 1:
            _share(group)


def _share(group: list[SimulatedDevice]) -> None:
    maps = [device.map for device in group if device.map is not None]
    first = maps[0].unit
    names = dict.fromkeys(name for m in maps for name in m.unit.tables)
    tables = {
        name: Registers(
            (address for m in maps if name in m.unit.tables for address in m.unit.tables[name].defined),
            bits=name in {"coil", "discrete"}, gap=max(m.device.profile.quirks.max_gap for m in maps),
        )
        for name in names
    }  # fmt: skip

    def refresh() -> None:
        for device in group:
            device.refresh()

    shared = ModbusUnit(
        first.address, tables, refresh=refresh, max_registers=min(m.unit.max_registers for m in maps),
        max_bits=min(m.unit.max_bits for m in maps),
    )
    for device, registers in zip(group, maps, strict=True):
        registers.unit, device.faults = shared, shared.faults
