"""The product as `main.py serve` runs it, with a probe inside. `python -m benchmarks.product [uvloop]`, settings from the environment.

Prints {"url": ...} when it serves. Lines on its standard input: `begin` starts a stretch, `end` prints its figures as JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.measure import TICK_S, busy_ticks, child, cpu_s, line_of, percentile, rss_mib
from tests.ports import free_port

PASSWORD = "benchmark-passphrase-1"
LAG_PERIOD_S = 0.02
BLOCKS_S = float(os.environ.get("BENCHMARK_BLOCKS_S", "0"))  # name what blocks the loop for longer


class Probe:
    """CPU, memory, lateness of polls and of the loop's timers, from `begin` to `end`."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._lags: list[float] = []
        self._begun: dict[str, Any] = {}
        self._due = time.monotonic()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        lags = asyncio.create_task(self._watch_lag())
        while line := await reader.readline():
            if line.strip() == b"begin":
                self._lags.clear()
                self._begun = self._now()
            else:
                print(json.dumps(self._stretch()), flush=True)
        lags.cancel()

    async def _watch_lag(self) -> None:
        if BLOCKS_S:
            threading.Thread(target=self._name_blocks, args=(threading.get_ident(),), daemon=True).start()
        while True:
            due = self._due = time.monotonic() + LAG_PERIOD_S
            await asyncio.sleep(LAG_PERIOD_S)
            self._lags.append(max(0.0, time.monotonic() - due))

    def _name_blocks(self, loop_thread: int) -> None:
        """Tells on standard error where the loop's thread (and what else) is when a timer is overdue."""
        told = 0.0
        while True:
            time.sleep(0.01)
            due = self._due
            if time.monotonic() - due > BLOCKS_S and due != told:
                told = due
                where = [f"block at {time.strftime('%H:%M:%S')}"]
                for thread, frame in sys._current_frames().items():
                    if thread != threading.get_ident():
                        lines = traceback.format_stack(frame)[-14 if thread == loop_thread else -3 :]
                        where.append(f"  thread {thread}{' (loop)' if thread == loop_thread else ''}")
                        where += [f"    {line.splitlines()[0].strip()}" for line in lines]
                print("\n".join(where), file=sys.stderr, flush=True)

    def _lateness(self) -> Any:
        from data_collection.figures import Lateness

        total = Lateness()
        for runner in self._app.collector._runners.values():
            total.merge(runner.lateness)
        return total

    def _now(self) -> dict[str, Any]:
        books = self._app.database.writer.books()
        return {"wall": time.monotonic(), "cpu": cpu_s(), "busy": busy_ticks() * TICK_S, "rss": rss_mib(), "late": self._lateness(),
                "read": books.read, "delivered": books.destinations[0].delivered, "pending": books.destinations[0].pending,
                "tasks": len(asyncio.all_tasks()), "handles": len(os.listdir("/proc/self/fd"))}

    def _stretch(self) -> dict[str, Any]:
        was, now = self._begun, self._now()
        took, late = now["wall"] - was["wall"], now["late"]
        late._counts = [b - a for a, b in zip(was["late"]._counts, late._counts, strict=True)]
        late.count -= was["late"].count
        cpu = now["cpu"] - was["cpu"]
        return {
            "wall_s": took, "cpu_share": cpu / took, "others_share": (now["busy"] - was["busy"] - cpu) / took, "rss_mib": now["rss"],
            "rss_before_mib": was["rss"], "polls": late.count, "late_p50_ms": 1e3 * late.quantile(0.5),
            "late_p99_ms": 1e3 * late.quantile(0.99), "late_p999_ms": 1e3 * late.quantile(0.999),
            "lag_p99_ms": 1e3 * percentile(self._lags, 0.99), "lag_max_ms": 1e3 * max(self._lags, default=0.0),
            "lags_over_100_ms": [round(1e3 * lag) for lag in self._lags if lag > 0.1],
            "samples_s": (now["read"] - was["read"]) / took, "pending": now["pending"],
            "not_online": sorted(d.device_id for d in self._app.collector.devices() if d.state != "online"),
            "tasks": now["tasks"], "handles": now["handles"], "handles_before": was["handles"],
        }


def serve(*, uvloop: bool, with_demo: bool) -> None:
    """Run application.server's own serve; the probe rides along."""
    from application import server
    from config.settings import load_settings

    original = server.open_application

    @asynccontextmanager
    async def probed(*arguments: Any, **named: Any) -> AsyncIterator[Any]:
        async with original(*arguments, **named) as app:
            app.jobs["probe"] = Probe(app).run
            yield app

    server.open_application = probed
    settings = load_settings()
    if with_demo:
        settings = server._demo_settings(settings)
    server.set_up(settings)
    days = server.DEMO_DAYS if with_demo else None
    if uvloop:
        import uvloop as faster

        with asyncio.Runner(loop_factory=faster.new_event_loop) as runner:
            runner.run(server._serve(settings, demo_days=days))
    else:
        asyncio.run(server._serve(settings, demo_days=days))


class Running:
    """A product in a process of its own."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process, self.url = process, url

    def begin(self) -> None:
        self._tell("begin")

    def end(self) -> dict[str, Any]:
        self._tell("end")
        while not (line := line_of(self.process)).startswith("{"):
            pass
        found: dict[str, Any] = json.loads(line)
        return found

    def _tell(self, word: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()


@contextmanager
def running(
    folder: Path, *, plant: Path | None = None, core: int | None = None, environment: Mapping[str, str] | None = None,
    words: tuple[str, ...] = (),
) -> Iterator[Running]:
    """Served on a free port while inside."""
    port = free_port()
    environ = {"ENERGY_DATA_DIR": str(folder), "ENERGY_WEB__PORT": str(port), "ENERGY_ADMIN__PASSWORD": PASSWORD,
               **({"ENERGY_PLANT_FILE": str(plant)} if plant else {}), **(environment or {})}
    with child("benchmarks.product", *words, core=core, environment=environ) as process:
        while not line_of(process).startswith("Energy Monitoring:"):
            pass
        yield Running(process, f"http://127.0.0.1:{port}")


if __name__ == "__main__":
    serve(uvloop="uvloop" in sys.argv, with_demo="demo" in sys.argv)
