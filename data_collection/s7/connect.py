"""Opens S7 lines (options host, port, rack, slot, timeout_s, connect_timeout_s)."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from data_collection.driver import Connect, Driver
from data_collection.s7.driver import S7Driver
from data_collection.s7.plan import PlanMemory
from data_collection.workspace import Workspace
from domain.plant import Line


class S7Connect:
    """What the devices of an unchanged line taught is kept from connection to connection."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Line, PlanMemory]] = {}

    @contextlib.asynccontextmanager
    async def __call__(self, line: Line) -> AsyncIterator[Driver]:
        """Raises LineDown, ConfigError."""
        known = self._known.get(line.id)
        if known is None or known[0] != line:
            known = self._known[line.id] = (line, PlanMemory())
        driver = S7Driver(line, known[1])
        try:
            await driver.open()
            yield driver
        finally:
            await driver.close()


def connector(workspace: Workspace) -> Connect:
    """See data_collection.registry.PACKAGES."""
    del workspace
    return S7Connect()
