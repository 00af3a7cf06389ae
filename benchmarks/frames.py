"""TCP frames: from a controller's trigger to the verdict in its hands, through the whole product, beside a bare client that only answers.

`python -m benchmarks.frames [--seconds 20]`. The controller, a process of its own, sends frames of 32 bytes each 10 ms, changes bit 0 at each
part and notes when the first frame comes that names that part. A model of the kind `limits`, learned from the first parts, judges.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import struct
import subprocess
import sys
import time
from typing import Any

from benchmarks.kept import online, product
from benchmarks.measure import Result, child, line_of, percentile

FRAME = struct.Struct(">BBHffff12s")
FRAME_S, PART_FRAMES, SECONDS, LEARNED = 0.01, 5, 20.0, 40
WARM_UP_S = 6.0


class Controller:
    """Makes a part each `PART_FRAMES` frames. `took_s`: from writing the trigger to the answer about it; `unanswered`: parts without one."""

    def __init__(self) -> None:
        self.took_s: list[float] = []
        self.parts = self.unanswered = 0
        self._triggered_s: float | None = None
        self._told: int | None = None

    def begin(self) -> None:
        self.took_s.clear()
        self.parts = self.unanswered = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._told = self._triggered_s = None
        hearing = asyncio.create_task(self._hear(reader))
        rng, bit, frames, due = random.Random(1), 0, 0, time.monotonic()
        with contextlib.suppress(OSError):
            while not hearing.done():
                frames += 1
                if frames % PART_FRAMES == 0:
                    bit ^= 1
                    self.parts += 1
                    self.unanswered += self._triggered_s is not None
                body = FRAME.pack(bit | 2, 0, frames // PART_FRAMES % 65536, 3000 + rng.gauss(0, 5), 40 + rng.gauss(0, 2), 55, 6, b"VAL.NC")
                if frames % PART_FRAMES == 0:
                    self._triggered_s = time.monotonic()
                writer.write(body)
                await writer.drain()
                due = max(due + FRAME_S, time.monotonic())
                await asyncio.sleep(due - time.monotonic())
        hearing.cancel()
        writer.close()

    async def _hear(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while frame := await reader.readexactly(FRAME.size):
                now_s, item = time.monotonic(), int.from_bytes(frame[2:4], "big")
                if frame[1] and item != self._told and self._triggered_s is not None:
                    self.took_s.append(now_s - self._triggered_s)
                    self._told, self._triggered_s = item, None


async def _control() -> None:
    """The controller until its input ends; a line begins a stretch and gets the figures of the one before."""
    controller = Controller()
    async with await asyncio.start_server(controller.serve, "127.0.0.1", 0) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            took = controller.took_s
            print(json.dumps({"parts": controller.parts, "unanswered": controller.unanswered, "longest_ms": 1e3 * max(took, default=0.0),
                              **{f"p{p}_ms": 1e3 * percentile(took, p / 100) for p in (50, 99)}}), flush=True)
            controller.begin()


async def _bare(port: int, seconds: float) -> dict[str, Any]:
    """Answers a changed bit at once."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    bit, item = None, 0
    print("ready", flush=True)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds + WARM_UP_S):
            while True:
                frame = await reader.readexactly(FRAME.size)
                if bit is not None and frame[0] & 1 != bit:
                    item += 1
                    writer.write(struct.pack(">BBH", 0, 1, item % 65536).ljust(FRAME.size, b"\0"))
                bit = frame[0] & 1
    writer.close()
    return {"items": item}


async def _product(port: int, seconds: float) -> dict[str, Any]:
    """Learns from the first parts, then judges."""
    from application.common import cli_actor

    line = {"id": "qc", "transport": "tcp-frames", "host": "127.0.0.1", "port": port, "encoding": "binary", "verdicts": True}
    plant = {"site": {"name": "Benchmark"}, "lines": [line], "devices": [{"id": "cell", "profile": "plc-frames", "line": "qc", "scan_s": 1}]}
    async with product(json.dumps(plant)) as kept:
        await online(kept, 1)
        inspection = kept.app.services.inspection
        while len(list(await inspection.items("cell"))) < LEARNED:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.2)
        model = await inspection.train("cell", "limits", cli_actor())
        await inspection.activate("cell", model.version, cli_actor())
        print("ready", flush=True)
        await asyncio.sleep(WARM_UP_S / 2)
        return await kept.stretch(seconds + WARM_UP_S / 2)


def _figures(controller: subprocess.Popen[str]) -> dict[str, Any]:
    assert controller.stdin is not None
    controller.stdin.write("\n")
    controller.stdin.flush()
    found: dict[str, Any] = json.loads(line_of(controller))
    return found


def _stretch(part: str, controller: subprocess.Popen[str], port: str, seconds: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the controller and the reader say."""
    with child("benchmarks.frames", "--part", part, "--port", port, "--seconds", str(seconds), core=0) as reader:
        while line_of(reader) != "ready":
            pass
        time.sleep(WARM_UP_S / 2)
        _figures(controller)
        time.sleep(seconds)
        found = _figures(controller)
        while not (line := line_of(reader)).startswith("{"):
            pass
    return found, json.loads(line)


def benchmark(seconds: float = SECONDS) -> Result:
    """p99 of product and bare client."""
    result = Result(
        "TCP frames", f"One controller, a frame of {FRAME.size} bytes each {1e3 * FRAME_S:.0f} ms, a part each {1e3 * FRAME_S * PART_FRAMES:.0f} ms; "
        "the whole product but the pages, SQLite with synchronous FULL; every item and its verdict is stored. The bare client answers a changed bit at once.",
    )
    with child("benchmarks.frames", "--part", "controller", core=1) as controller:
        port = line_of(controller)
        bare, _ = _stretch("bare", controller, port, seconds)
        own, used = _stretch("product", controller, port, seconds)
    beside = f"p50 {own['p50_ms']:.1f} ms, longest {own['longest_ms']:.1f} ms; bare client p50 {bare['p50_ms']:.1f} ms, p99 {bare['p99_ms']:.1f} ms"
    judged = own["parts"] - own["unanswered"]
    result.add("from the trigger to the verdict", f"p99 {own['p99_ms']:.1f} ms", beside, "p99 ≤ 20 ms", own["p99_ms"] <= 20 and judged >= 0.99 * own["parts"])
    result.add("parts judged", f"{judged} of {own['parts']}", f"{used['cpu_share']:.0%} of one core, {used['samples_s']:,.0f} changed values/s kept")
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=("controller", "bare", "product"))
    parser.add_argument("--port", type=int)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    options = parser.parse_args()
    if options.part == "controller":
        asyncio.run(_control())
    elif options.part:
        work = _bare if options.part == "bare" else _product
        print(json.dumps(asyncio.run(work(options.port, options.seconds))), flush=True)
    else:
        print(benchmark(options.seconds).markdown())


if __name__ == "__main__":
    main()
