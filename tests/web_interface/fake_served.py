"""The Modbus server of the invented shop: two machines, one client."""

from __future__ import annotations

from collections.abc import Sequence

from data_transfer.modbus import layout
from domain.plant import Tag
from domain.quantity import Quantity
from domain.sample import TagId
from domain.served import Block, Register, ServedClient, ServerStatus
from tests.web_interface import fake_shop as shop

BLOCKS = (
    Block(layout.MACHINE, 0, "lathe-1"), Block(layout.MACHINE, 1, "mill-2"), Block(layout.TAG, 0, "m1.active_power"),
    Block(layout.TAG, 1, "=cmd.x"),
)  # fmt: skip
POWER = Tag(TagId(1), "m1.active_power", "m1", "active_power", Quantity.ACTIVE_POWER, "kW")


class FakeServed:
    """ServedService. `on` False: switched off."""

    def __init__(self) -> None:
        self.on = True

    def status(self) -> ServerStatus | None:
        if not self.on:
            return None
        clients = [ServedClient("192.168.10.20", shop.START_US, 4210, shop.START_US + shop.S)]
        return ServerStatus(
            "modbus_server", "ok", "192.168.10.5:1502", shop.START_US, None, clients, 4210, {"client": 3, "function": 1}, 0
        )

    def registers(self) -> Sequence[Register] | None:
        return list(layout.describe(BLOCKS, {POWER.name: POWER})) if self.on else None


class FakeOpcUaServer:
    """ServedStatus. `on` False: switched off."""

    def __init__(self) -> None:
        self.on = True
        self.valid_until_us = shop.START_US + 400 * 86_400 * shop.S
        self.waiting = 0

    def status(self) -> ServerStatus | None:
        if not self.on:
            return None
        clients = [ServedClient("192.168.10.30", shop.START_US, 120, shop.START_US + shop.S, "scada", "UaExpert", 1, 250)]
        return ServerStatus(
            "opcua_server", "ok", "opc.tcp://192.168.10.5:4840", shop.START_US, None, clients, 120,
            {"certificate_untrusted": 2, "frame": 1}, valid_until_us=self.valid_until_us, waiting=self.waiting,
        )  # fmt: skip
