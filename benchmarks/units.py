"""A Modbus TCP server in a process of its own: so many units with 20 float32 values each, which move a little all the time.

`python -m benchmarks.units UNITS`; prints the port. Lines `UNIT VALUE` on its standard input set the first value of a unit, which stands
still from then on; each is answered with the time of the monotonic clock, s.
"""

from __future__ import annotations

import asyncio
import math
import struct
import sys
import time

from simulator.modbus_server import serve_units
from simulator.modbus_unit import ModbusUnit, Registers

VALUES = 20
PERIOD_S = 0.5
_FIRST = struct.Struct(">f")
_ALL = struct.Struct(f">{VALUES}f")


async def _move(tables: dict[int, Registers], held: set[int]) -> None:
    step = 0
    while True:
        step += 1
        for number, table in tables.items():
            skipped = 2 if number in held else 0
            values = _ALL.pack(*(number + 20 + tag + math.sin(step / 7 + number + tag) for tag in range(VALUES)))
            table.write(skipped, values[2 * skipped :])
        await asyncio.sleep(PERIOD_S)


async def _obey(tables: dict[int, Registers], held: set[int]) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        unit, value = line.split()
        held.add(int(unit))
        tables[int(unit)].write(0, _FIRST.pack(float(value)))
        print(time.monotonic(), flush=True)


async def _serve(units: int) -> None:
    tables = {number: Registers(range(2 * VALUES)) for number in range(1, units + 1)}
    held: set[int] = set()
    async with serve_units({number: ModbusUnit(number, {"holding": table}) for number, table in tables.items()}) as server:
        print(server.port, flush=True)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_move(tables, held))
            tasks.create_task(_obey(tables, held))
            tasks.create_task(asyncio.Event().wait())


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
