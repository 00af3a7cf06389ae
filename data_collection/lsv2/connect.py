"""Opens LSV2 lines (options host, port, timeout_s, connect_timeout_s)."""

from __future__ import annotations

from data_collection.lsv2.driver import Lsv2Driver
from data_collection.remembered import remembering

connector = remembering(Lsv2Driver)
