"""One server for all tests of the client: its address space takes seconds to build."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.data_collection.opcua.server import Machine
from tests.ports import free_port

VALUES: dict[str, object] = {"power": 1500.0, "state": 2, "program": "SHAFT-1", "speeds": [10.0, 20.0, 30.0], "parts": 7}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def built(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Machine]:
    machine = Machine(free_port(), dict(VALUES), tmp_path_factory.mktemp("server"))
    await machine.build()
    await machine.start()
    yield machine
    await machine.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def machine(built: Machine) -> Machine:
    """A running server that shows its first values."""
    await built.reset()
    return built
