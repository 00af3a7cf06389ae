"""Opens LSV2 lines (options host, port, timeout_s, connect_timeout_s)."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from data_collection.driver import Connect, Driver
from data_collection.lsv2.driver import Lsv2Driver
from data_collection.lsv2.plan import PlanMemory
from data_collection.workspace import Workspace
from domain.plant import Line


class Lsv2Connect:
    """What the devices of an unchanged line taught is kept from connection to connection."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Line, PlanMemory]] = {}

    @contextlib.asynccontextmanager
    async def __call__(self, line: Line) -> AsyncIterator[Driver]:
        """Raises LineDown, ConfigError."""
        known = self._known.get(line.id)
        if known is None or known[0] != line:
            known = self._known[line.id] = (line, PlanMemory())
        driver = Lsv2Driver(line, known[1])
        await driver.open()
        try:
            yield driver
        finally:
            await driver.close()


def connector(workspace: Workspace) -> Connect:
    """See data_collection.registry.PACKAGES."""
    del workspace
    return Lsv2Connect()
