"""Roles whose database, plant and broker are not there yet."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

from application.roles.alive import look_at
from tests.conftest import ROOT, eventually
from tests.ports import free_port

FOR = {"collect": "the plant", "ingest": "the database", "web": "the database"}


async def test_a_role_that_waits_is_alive_and_says_for_what(tmp_path: Path) -> None:
    """Else an engine that watches it would start it again and again before there is a plant."""
    gone = free_port()
    environment = {
        **os.environ,
        "ENERGY_DATABASE__URL": f"mysql+aiomysql://energy:x@127.0.0.1:{gone}/energy",
        "ENERGY_KAFKA__BOOTSTRAP": f"127.0.0.1:{gone}",
    }
    roles = []
    for command in FOR:
        own = {**environment, "ENERGY_DATA_DIR": str(tmp_path / command), "ENERGY_ROLE__NAME": f"{command}-1"}
        roles.append(await asyncio.create_subprocess_exec(sys.executable, "main.py", command, cwd=ROOT, env=own, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL))
    try:
        for command, what in FOR.items():

            def told(folder: Path = tmp_path / command, what: str = what) -> str:
                alive, words = look_at(folder, time.time_ns() // 1000)
                return words if alive and what in words else ""

            assert f"{command}-1: starting" in str(await eventually(told, 60.0))
    finally:
        for role in roles:
            role.terminate()
        assert [await role.wait() for role in roles] == [0, 0, 0]
