"""S7: values a second through the product's driver, beside bare block reads of python-snap7.

`python -m benchmarks.s7`. 1 000 REAL of one data block and 40 scattered points of four areas, python-snap7's server in a process of
its own. The bare loop reads the same bytes with `read_area`, as large as the PDU allows, and looks at nothing; the product's driver
also decodes, converts and qualifies each value, and hands a reading to the event loop.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import struct
import sys
import time
from typing import Any

from snap7 import Area, Client, SrvArea

from benchmarks.measure import Result, answer, child, line_of, median
from data_collection.remembered import RememberingConnect
from data_collection.s7.driver import S7Driver
from data_collection.s7.plan import Plan
from domain.places.s7 import S7Place
from domain.plant import Device, Line
from domain.profile import Group, Point, Profile
from domain.quantity import Quantity
from simulator.faults import FaultBox
from simulator.s7 import FaultyServer

SECONDS = 4.0
ROUNDS = 3
REALS = 1000


def _serve() -> None:
    """The server, until its input ends; says its port."""
    server = FaultyServer(FaultBox())
    server.register_area(SrvArea.DB, 1, bytearray(struct.pack(f">{REALS}f", *(i / 7 for i in range(REALS)))))
    for area, size in ((SrvArea.MK, 200), (SrvArea.PE, 64), (SrvArea.PA, 64)):
        server.register_area(area, 0, bytearray(size))
    server.start_on("127.0.0.1", 0)
    print(json.dumps({"port": server.port}), flush=True)
    sys.stdin.read()


def _bare(port: int, sizes: list[tuple[str, int, int, int]], seconds: float) -> int:
    """Polls done by a plain loop over the same blocks."""
    areas = {"DB": Area.DB, "M": Area.MK, "I": Area.PE, "Q": Area.PA}
    client = Client()
    client.connect("127.0.0.1", 0, 1, port)
    polls, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        for area, db, start, size in sizes:
            client.read_area(areas[area], db, start, size)
        polls += 1
    client.disconnect()
    return polls


def _device(points: list[tuple[str, str]]) -> Device:
    found = tuple(Point(f"v{i}", Quantity.OTHER, "", S7Place(address, kind)) for i, (address, kind) in enumerate(points))
    return Device("plc", "l", Profile("p", {}, "", "s7", "", "M", found))


LAYOUTS = {
    f"{REALS} REAL of one block": [(f"DB1.DBD{4 * i}", "REAL") for i in range(REALS)],
    "40 scattered points": [
        *((f"DB1.DBD{400 * i}", "REAL") for i in range(10)), *((f"MW{10 * i}", "INT") for i in range(10)),
        *((f"I{3 * i}.1", "BOOL") for i in range(10)), *((f"QW{6 * i}", "WORD") for i in range(10)),
    ],
}  # fmt: skip


async def _driver(port: int, points: list[tuple[str, str]], seconds: float) -> int:
    """Polls done by the product's driver."""
    line = Line("l", "s7", {"host": "127.0.0.1", "port": port})
    async with RememberingConnect(S7Driver)(line) as driver:
        plan: Any = driver.prepare(_device(points))
        polls, until = 0, time.monotonic() + seconds
        while time.monotonic() < until:
            reading = await driver.read(plan, Group.FAST)
            if any(reading.qualities):
                raise RuntimeError("a value was bad")
            polls += 1
        return polls


def measure(seconds: float, rounds: int) -> Result:
    """Both layouts, product and bare loop in turn, each in a process of its own on one core, the server on the other."""
    result = Result("S7", "REAL, INT, WORD and BOOL; the bare loop reads the same bytes and throws them away.")
    with child("benchmarks.s7", "--serve", core=1) as process:
        port = json.loads(line_of(process))["port"]
        for name, points in LAYOUTS.items():
            found: dict[str, list[float]] = {"driver": [], "bare": []}
            for _ in range(rounds):
                for part in found:
                    asked = ("--part", part, "--layout", name, "--port", str(port), "--seconds", str(seconds))
                    found[part].append(answer("benchmarks.s7", *asked, core=0)["polls"] * len(points) / seconds)
            own, bare = median(found["driver"]), median(found["bare"])
            ratio = median([a / b for a, b in zip(found["driver"], found["bare"], strict=True)])
            beside = f"bare block reads {bare:,.0f}".replace(",", " ")
            result.add(f"{name}, values/s", f"{own:,.0f}".replace(",", " "), f"{beside}, ratio {ratio:.2f}", "≥ 0.9", ratio >= 0.9)
    return result


def _part(part: str, points: list[tuple[str, str]], port: int, seconds: float) -> int:
    """Polls done in so many seconds."""
    if part == "driver":
        return asyncio.run(_driver(port, points, seconds))
    plan = Plan(_device(points), 1.0, 480)
    return _bare(port, [(b.area, b.db, b.start, b.size) for b in plan.groups[Group.FAST].blocks], seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--part", choices=["driver", "bare"])
    parser.add_argument("--layout", choices=list(LAYOUTS))
    parser.add_argument("--port", type=int)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    if options.serve:
        _serve()
    elif options.part:
        print(json.dumps({"polls": _part(options.part, LAYOUTS[options.layout], options.port, options.seconds)}))
    else:
        print(measure(options.seconds, options.rounds).markdown())


if __name__ == "__main__":
    main()
