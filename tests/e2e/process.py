"""The program as its users run it: a process of its own, its commands, its web address."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from config.settings import Settings
from database import open_database
from domain.access import Actor, Role
from runtime.clock import SystemClock
from tests.conftest import ROOT, eventually
from tests.ports import free_port
from web_interface.auth.accounts import Accounts

PASSWORD = "Vz7-kiln-Orbit-92"  # noqa: S105 - of accounts that live as long as a test
START_S = 120.0  # a guard against hanging only: a machine that runs other tests beside may take ten times as long as an idle one


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """Only what a service would have, plus settings: `WEB__PORT="1"` is ENERGY_WEB__PORT."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ENERGY_")}
    return {**kept, "ENERGY_DATA_DIR": str(folder), **{f"ENERGY_{name}": value for name, value in settings.items()}}


def plain_client(timeout_s: float, key: str = "") -> httpx.AsyncClient:
    """For HTTP without TLS: loading the authorities' certificates takes 30 ms, each time, from the program that is started."""
    headers = {"authorization": f"Bearer {key}"} if key else {}
    return httpx.AsyncClient(timeout=timeout_s, headers=headers, verify=False)


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


async def command(folder: Path, *arguments: str, text: str | None = None, env: Mapping[str, str] | None = None) -> Done:
    """`main.py ARGUMENTS` to its end; `text` goes to its standard input."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "main.py", *arguments, cwd=ROOT, env={**environment(folder), **(env or {})},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(START_S):
        out, err = await process.communicate((text or "").encode())
    return Done(process.returncode or 0, out.decode(), err.decode())


class Product:
    """`main.py serve` (or another `role`) on a folder; can be killed and started again. `settings` as of `environment`."""

    def __init__(self, folder: Path, role: str = "serve", **settings: str) -> None:
        self.folder, self.port, self.role = folder, free_port(), role
        self.settings = {"ADMIN__PASSWORD": PASSWORD, "WEB__PORT": str(self.port), **settings}
        self.output = folder.parent / f"{folder.name}.out"
        self.process: asyncio.subprocess.Process | None = None
        self.started_at = 0.0
        self.key = ""
        self.starts_s, self.answers_s = START_S, 10.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Start, and wait until it serves."""
        await self.begin()
        await self.serves()

    async def begin(self) -> None:
        """Start without waiting."""
        self.started_at = time.monotonic()
        with self.output.open("ab") as output:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "main.py", self.role, cwd=ROOT, env=environment(self.folder, **self.settings),
                stdout=output, stderr=output,
            )  # fmt: skip

    async def serves(self) -> None:
        """Wait until it answers."""

        async def answers() -> bool:
            assert self.process is not None
            assert self.process.returncode is None, self.output.read_text()[-3000:]
            with contextlib.suppress(httpx.HTTPError):
                return (await client.get(self.url + "/healthz")).status_code == 200
            return False

        async with plain_client(5.0) as client:
            await eventually(answers, self.starts_s)

    async def get(self, path: str, **query: Any) -> Any:
        """JSON of the API, read with a key of our own."""
        if not self.key:
            self.key = await self._own_key()
        async with plain_client(self.answers_s, self.key) as client:
            answer = await client.get(self.url + path, params=query)
        assert answer.status_code == 200, (answer.status_code, answer.text)
        return answer.json()

    async def _own_key(self) -> str:
        """As `api-key create` makes one beside the running program, without the two seconds that a process more would take."""
        settings, clock = Settings(data_dir=self.folder), SystemClock()
        url = self.settings.get("DATABASE__URL", settings.database_url)
        async with open_database(url, self.folder, clock) as database:
            accounts = Accounts(database.access, database.audit, clock, kept=database.sessions)
            return (await accounts.create_key("tests", Role.ADMIN, Actor("tests", Role.ADMIN, "cli")))[1]

    @property
    def env(self) -> dict[str, str]:
        return environment(self.folder, **self.settings)

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    async def ended(self, within_s: float = 30.0) -> int:
        """Its exit code."""
        assert self.process is not None
        async with asyncio.timeout(within_s):
            return await self.process.wait()

    async def kill(self) -> None:
        """As kill -9 does."""
        self.signal(signal.SIGKILL)
        await self.ended()

    async def close(self) -> None:
        if self.process is not None and self.process.returncode is None:
            await self.kill()


@asynccontextmanager
async def product(folder: Path, role: str = "serve", **settings: str) -> AsyncIterator[Product]:
    """A product that is not started yet; gone at the end, whatever happened."""
    found = Product(folder, role, **settings)
    try:
        yield found
    finally:
        await found.close()
