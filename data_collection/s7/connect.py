"""Opens S7 lines (options host, port, rack, slot, timeout_s, connect_timeout_s)."""

from __future__ import annotations

from data_collection.remembered import remembering
from data_collection.s7.driver import S7Driver

connector = remembering(S7Driver)
