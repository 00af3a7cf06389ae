"""Which transport is opened how. A new protocol is one package and one line here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from data_collection.driver import Connect
from data_collection.modbus import tcp
from data_collection.stream_line import SerialConnect, connect_gateway

CONNECT: Final[Mapping[str, Connect]] = {
    "modbus-tcp": tcp.connect,
    "rtu-over-tcp": connect_gateway,
    "serial": SerialConnect(),
}
