"""Opens LSV2 lines (options host, port, timeout_s, connect_timeout_s)."""

from __future__ import annotations

from data_collection.driver import Connect
from data_collection.lsv2.driver import Lsv2Driver
from data_collection.remembered import RememberingConnect
from data_collection.workspace import Workspace


def connector(workspace: Workspace) -> Connect:
    """See data_collection.registry.PACKAGES."""
    del workspace
    return RememberingConnect(Lsv2Driver)
