"""Roles whose database, plant and broker are not there yet."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from application.roles import commands
from application.roles.alive import look_at
from config.settings import Settings, load_settings
from tests.conftest import eventually
from tests.ports import free_port

Role = Callable[[Settings], Coroutine[Any, Any, int]]


@pytest.mark.parametrize(
    ("role", "run", "what"),
    [("collect", commands._collect, "the plant"), ("ingest", commands._ingest, "the database"), ("web", commands._web, "the database")],
)
async def test_a_role_that_waits_is_alive_and_says_for_what(tmp_path: Path, role: str, run: Role, what: str) -> None:
    """Else an engine that watches it would start it again and again before there is a plant."""
    gone = f"127.0.0.1:{free_port()}"
    settings = load_settings({
        "ENERGY_DATABASE__URL": f"mysql+aiomysql://energy:x@{gone}/energy", "ENERGY_KAFKA__BOOTSTRAP": gone,
        "ENERGY_DATA_DIR": str(tmp_path), "ENERGY_ROLE__NAME": f"{role}-1",
    })  # fmt: skip

    def told() -> str:
        alive, words = look_at(tmp_path, time.time_ns() // 1000)
        return words if alive and what in words else ""

    running = asyncio.create_task(run(settings))
    try:
        assert f"{role}-1: starting, told" in str(await eventually(told, 60.0))
        assert not running.done()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
