"""Which transport is opened how. A new protocol is one package and one line here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from data_collection.driver import Connect
from data_collection.modbus import tcp

CONNECT: Final[Mapping[str, Connect]] = {"modbus-tcp": tcp.connect}
