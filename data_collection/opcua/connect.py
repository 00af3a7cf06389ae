"""Opens OPC UA lines."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from data_collection.driver import Connect
from data_collection.opcua.driver import OpcUaDriver
from data_collection.opcua.session import SessionOpener
from data_collection.workspace import Workspace
from domain.plant import Line


def connector(workspace: Workspace) -> Connect:
    """See data_collection.registry."""
    folder = None if workspace.data_dir is None else workspace.data_dir / "opcua"
    opener = SessionOpener(folder, workspace.clock)

    @asynccontextmanager
    async def connect(line: Line) -> AsyncIterator[OpcUaDriver]:
        client = await opener.open(line)
        driver = OpcUaDriver(line, client, opener, workspace.clock)
        try:
            yield driver
        finally:
            await driver.close()

    return connect
