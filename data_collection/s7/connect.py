"""Opens S7 lines (options host, port, rack, slot, timeout_s, connect_timeout_s)."""

from __future__ import annotations

from data_collection.driver import Connect
from data_collection.remembered import RememberingConnect
from data_collection.s7.driver import S7Driver
from data_collection.workspace import Workspace


def connector(workspace: Workspace) -> Connect:
    """See data_collection.registry.PACKAGES."""
    del workspace
    return RememberingConnect(S7Driver)
