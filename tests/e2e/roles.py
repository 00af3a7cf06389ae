"""Roles as their users run them: processes of their own, each on its own data folder."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.conftest import ROOT, eventually
from tests.e2e.process import environment
from tests.feed_servers import KafkaServer

RUNS_S = 90.0  # on a machine that runs other tests beside


def joined(url: str, kafka: KafkaServer, name: str, partitions: int) -> dict[str, str]:
    """Settings that all roles of one installation have; the topics are its own."""
    return {
        "DATABASE__URL": url, "KAFKA__BOOTSTRAP": kafka.bootstrap, "KAFKA__TOPIC_PREFIX": f"{name}{time.time_ns()}",
        "KAFKA__PARTITIONS": str(partitions),
    }  # fmt: skip


class RoleProcess:
    """`main.py ROLE`; can be killed and started again on the same folder. `settings` as of `environment`."""

    def __init__(self, role: str, folder: Path, **settings: str) -> None:
        self.role, self.folder = role, folder
        self.settings = {"ROLE__NAME": folder.name, **settings}
        self.output = folder.parent / f"{folder.name}.out"
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        with self.output.open("ab") as output:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "main.py", self.role, cwd=ROOT, env=environment(self.folder, **self.settings), stdout=output,
                stderr=output,
            )  # fmt: skip

    async def running(self) -> None:
        """Wait until it says so."""
        await eventually(lambda: self.alive and "runs" in self.output.read_text(), RUNS_S)

    @property
    def alive(self) -> bool:
        assert self.process is not None
        assert self.process.returncode is None, self.output.read_text()[-3000:]
        return True

    def status(self) -> dict[str, Any]:
        """What it says of itself."""
        try:
            found: dict[str, Any] = json.loads((self.folder / "role.json").read_bytes())
        except FileNotFoundError:
            return {"state": "none", "waiting": 0, "shares": [], "pid": 0}
        return found

    @property
    def mine(self) -> dict[str, Any] | None:
        """The same, when it is of the process that runs now."""
        found = self.status()
        return found if self.process is not None and found["pid"] == self.process.pid else None

    async def kill(self) -> None:
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        return await self._end(signal.SIGTERM)

    async def _end(self, how: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        async with asyncio.timeout(20.0):
            return await self.process.wait()

    async def close(self) -> None:
        if self.process is not None and self.process.returncode is None:
            await self.kill()


@asynccontextmanager
async def roles(*processes: RoleProcess) -> AsyncIterator[None]:
    """All gone at the end, whatever happened."""
    try:
        yield
    finally:
        for process in processes:
            await process.close()
