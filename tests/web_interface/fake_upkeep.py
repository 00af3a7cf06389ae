"""Backups and the log of the invented shop: the real services over a folder of this process and lines in memory."""

from __future__ import annotations

import asyncio
import atexit
import json
import shutil
import tempfile
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from application.backups import Backups
from application.log_view import LogView
from database.migrate import head_revision
from domain.log_line import LogLine
from tests.web_interface import fake_shop as shop
from tests.web_interface.memory_stores import MemoryAudit

FIRST = "energy-monitoring-20261118T030000Z.zip"
OLD = "before-upgrade-20261001T120000Z.zip"
_made: list[Path] = []


def _folder() -> Path:
    """A new one each time, all gone with the process."""
    if not _made:
        _made.append(Path(tempfile.mkdtemp(prefix="energy-backups-")))
        atexit.register(shutil.rmtree, _made[0], ignore_errors=True)
    return Path(tempfile.mkdtemp(dir=_made[0]))


def _write(file: Path, schema: str) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("about.json", json.dumps({"schema": schema, "rows": {}}))


def fake_backups(clock: shop.ShopClock, audit: MemoryAudit) -> Backups:
    """Two lie there, one of an older version. A new one takes a second once `run` runs."""
    folder = _folder()
    _write(folder / OLD, "0007")
    _write(folder / FIRST, head_revision())

    async def backup(file: Path, progress: Any) -> None:
        for done in range(5):
            progress(done, 4, done * 250_000)
            await asyncio.sleep(0.2)
        _write(file, head_revision())

    return Backups(SimpleNamespace(audit=audit, backup=backup), clock, folder)  # type: ignore[arg-type]


def fake_log(clock: shop.ShopClock) -> LogView:
    """A quiet hour with one silent device and one failed cycle."""
    now_us = clock.now_us()
    said = (
        ("INFO", "application.server", "Energy Monitoring starts", ""),
        ("INFO", "data_collection.line", "line tcp1: connected", ""),
        ("WARNING", "data_collection.line", "device m7: no answer within 0.8 s, next attempt in 4 s", ""),
        ("ERROR", "runtime.supervisor", "task balance failed, restarted in 1 s",
         "Traceback (most recent call last):\n  File \"doctor.py\", line 1, in run\nZeroDivisionError: division by zero"),
        ("INFO", "config.plant_admin", "machine_update lathe-1 by engineer", ""),
    )  # fmt: skip
    lines = [LogLine(n, now_us - (len(said) - n) * 11 * shop.MIN, *rest) for n, rest in enumerate(said)]
    return LogView(lambda: lines)
