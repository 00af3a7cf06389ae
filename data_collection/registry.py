"""Which transport is opened how. A new protocol is one package and one line here.

The package is imported with its first line, in a thread: who has no such line pays neither time nor memory for it, and those
who have do not wait for it.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from data_collection.driver import Connect, Driver
from data_collection.modbus.tcp import TcpConnect
from data_collection.stream_line import GatewayConnect, SerialConnect
from data_collection.workspace import Workspace
from domain.plant import Line

PACKAGES: Final[Mapping[str, str]] = {
    "opcua": "data_collection.opcua",
    "s7": "data_collection.s7",
    "lsv2": "data_collection.lsv2",
    "mqtt": "data_collection.mqtt",
    "tcp-frames": "data_collection.tcp_frames",
    "mtconnect": "data_collection.mtconnect",
}
"""Each has a module `connect` with `connector(workspace: Workspace) -> Connect`."""


class LazyConnect:
    """Opens a line with a package that is imported when it is first needed."""

    def __init__(self, package: str, workspace: Workspace) -> None:
        self._package, self._workspace = package, workspace
        self._connect: Connect | None = None

    @asynccontextmanager
    async def __call__(self, line: Line) -> AsyncIterator[Driver]:
        """See data_collection.driver.Connect."""
        if self._connect is None:
            module = await asyncio.to_thread(importlib.import_module, f"{self._package}.connect")
            if self._connect is None:  # two lines may have waited for the same import
                self._connect = module.connector(self._workspace)
        connect: Connect = self._connect
        async with connect(line) as driver:
            yield driver


def connects(workspace: Workspace | None = None) -> dict[str, Connect]:
    """How to open each transport. What is learned about devices is kept in the objects of this one mapping."""
    place = workspace or Workspace()
    lazy = {
        transport: LazyConnect(package, place)
        for transport, package in PACKAGES.items()
        if importlib.util.find_spec(package) is not None
    }
    return {"modbus-tcp": TcpConnect(), "rtu-over-tcp": GatewayConnect(), "serial": SerialConnect(), **lazy}
