"""The whole product over a plant, with a look at what is kept: how many samples, and how long after their own time. Runs in this process."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np

MOST_TAGS = 20_000


class Kept:
    """Samples that the writer has kept (journal synced to the disk). A sample counts when its value is another than that tag's last."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.counting = False
        self.samples = 0
        self._lags: list[Any] = []
        self._last = np.full(MOST_TAGS, np.nan)
        self.columns: list[Callable[[Any], None]] = []

    def take(self, columns: Any) -> None:
        """What was kept just now."""
        now_us = time.time_ns() // 1000
        new = columns.values != self._last[columns.tag_ids]
        self._last[columns.tag_ids] = columns.values
        for each in self.columns:
            each(columns)
        if self.counting:
            self.samples += int(new.sum())
            self._lags.append((now_us - columns.times_us[new]) / 1e3)

    def lag_ms(self, share: float) -> float:
        """Percentile of own time to kept, ms."""
        return float(np.percentile(np.concatenate(self._lags), 100 * share)) if self._lags else float("nan")

    async def stretch(self, seconds: float) -> dict[str, float]:
        """Figures of the next seconds: CPU by the process's own clock."""
        self.counting, self.samples = True, 0
        self._lags.clear()
        cpu, wall = time.process_time(), time.monotonic()
        await asyncio.sleep(seconds)
        cpu, wall = time.process_time() - cpu, time.monotonic() - wall
        self.counting = False
        return {"cpu_share": cpu / wall, "samples_s": self.samples / wall, "cpu_us": 1e6 * cpu / max(1, self.samples),
                "lag_p50_ms": self.lag_ms(0.5), "lag_p99_ms": self.lag_ms(0.99)}  # fmt: skip


@asynccontextmanager
async def product(plant: str, passwords: dict[str, str] | None = None) -> AsyncIterator[Kept]:
    """Everything that `main.py serve` runs but the pages' server, on SQLite (synchronous FULL) in a temporary folder."""
    from application.build import open_application
    from application.common import cli_actor
    from config.settings import Settings
    from runtime.clock import SystemClock

    with tempfile.TemporaryDirectory(prefix="em-bench-") as folder:
        async with open_application(Settings(data_dir=Path(folder)), SystemClock(), passwords or {}) as app:
            kept = Kept(app)
            writer: Any = app.database.writer
            remember = writer._remember

            def watched(waiting: Any) -> None:
                remember(waiting)
                kept.take(waiting.columns)

            writer._remember = watched
            await app.plant.import_yaml(plant, cli_actor())
            running = asyncio.create_task(app.supervisor.run(app.jobs))
            try:
                yield kept
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)


async def online(kept: Kept, devices: int, timeout_s: float = 60.0) -> None:
    """Until so many devices are."""
    async with asyncio.timeout(timeout_s):
        while sum(status.state == "online" for status in kept.app.collector.devices()) < devices:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.2)
