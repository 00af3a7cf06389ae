"""Devices that send what can be checked: every answer holds its own number, so the stored rows tell of any loss or mix-up."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from simulator.modbus_server import ModbusTcpServer
from simulator.modbus_unit import ModbusUnit, Registers

TAGS = 10


class Numbered:
    """Unit `number`: register pair k holds number * 100_000_000 + k * 10_000_000 + n for its n-th answer, as uint32."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.answered: list[float] = []  # wall time of the n-th answer
        self._table = Registers(range(2 * TAGS))
        self.unit = ModbusUnit(number, {"holding": self._table}, refresh=self._next)

    def _next(self) -> None:
        n = len(self.answered)
        self.answered.append(time.time())
        words = b"".join(self.value(k, n).to_bytes(4) for k in range(TAGS))
        self._table.write(0, words)

    def value(self, tag: int, n: int) -> int:
        return self.number * 100_000_000 + tag * 10_000_000 + n


class Generator:
    """Numbered units behind one port; `others` answer there too, and nobody counts what they say."""

    def __init__(self, units: int, *others: ModbusUnit) -> None:
        self.units = [Numbered(number) for number in range(1, units + 1)]
        self.server = ModbusTcpServer({**{u.number: u.unit for u in self.units}, **{unit.address: unit for unit in others}})

    def plant(self, scan_s: float = 0.1) -> str:
        """A plant file that polls them all; devices for the others may be added at its end."""
        points = "\n".join(
            f"      - {{tag: n{k}, quantity: other, unit: '1', table: holding, address: {2 * k}, type: uint32}}" for k in range(TAGS)
        )
        devices = "\n".join(
            f"  - id: d{u.number}\n    line: tcp1\n    address: {u.number}\n    scan_s: {scan_s}\n    points:\n{points}"
            for u in self.units
        )
        return (
            "site: {name: Numbers, timezone: Europe/Moscow, language: en}\n"
            f"lines:\n  - {{id: tcp1, transport: modbus-tcp, host: 127.0.0.1, port: {self.server.port}, timeout_s: 5}}\n"
            f"devices:\n{devices}\n"
        )


@asynccontextmanager
async def generator(units: int = 5, *others: ModbusUnit) -> AsyncIterator[Generator]:
    made = Generator(units, *others)
    await made.server.start()
    try:
        yield made
    finally:
        await made.server.stop()
