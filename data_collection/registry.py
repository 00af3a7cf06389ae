"""Which transport is opened how. A new protocol is one package and one line here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from data_collection.driver import Connect
from data_collection.modbus.tcp import TcpConnect
from data_collection.stream_line import GatewayConnect, SerialConnect


def connects() -> dict[str, Connect]:
    """How to open each transport. What is learned about devices is kept in the objects of this one mapping."""
    return {"modbus-tcp": TcpConnect(), "rtu-over-tcp": GatewayConnect(), "serial": SerialConnect()}


CONNECT: Final[Mapping[str, Connect]] = connects()
