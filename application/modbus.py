"""The Modbus server put together: off without its setting."""

from __future__ import annotations

import ipaddress
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from config.settings import Settings
from data_transfer.modbus.connections import Limits
from data_transfer.modbus.server import ModbusServer
from database import Database
from domain.errors import MonitorError, StorageError
from domain.plant import Plant
from domain.ports import Clock
from domain.served import MachineFigures, Register, ServerStatus
from domain.stores import AuditStore
from web_interface.services.live import LiveService, MachineNow

log = logging.getLogger(__name__)

LOOK_S: Final = 2.0
SAME_AGAIN_S: Final = 600.0  # who tries each second stands in the audit every ten minutes, with how often
MOST_A_LOOK: Final = 20


class Door(Protocol):
    """What turns clients away."""

    def turned_away(self) -> Counter[tuple[str, str]]: ...


class NoModbusServer:
    """Implements domain.served.ServedService while it is off."""

    def status(self) -> ServerStatus | None:
        return None

    def registers(self) -> Sequence[Register] | None:
        return None


def build_modbus(
    settings: Settings, database: Database, plant: Callable[[], Plant], live: LiveService, clock: Clock
) -> ModbusServer | None:
    """None: it is off."""
    wanted = settings.modbus_server
    if wanted.host is None:
        return None
    limits = Limits(tuple(ipaddress.ip_network(client, strict=False) for client in wanted.clients))

    return ModbusServer(wanted.host, wanted.port, limits, database.blocks, machine_figures(plant, live), clock)


def machine_figures(plant: Callable[[], Plant], live: LiveService) -> Callable[[], list[MachineFigures]]:
    """What servers tell of the machines, asked once a second."""

    def figures() -> list[MachineFigures]:
        try:
            return [_figures(live.machine(machine.id)) for machine in plant().machines]
        except MonitorError:
            return []  # the plant is being read, or changes just now

    return figures


def _figures(now: MachineNow) -> MachineFigures:
    shift_kwh = now.shift.energy_kwh if now.shift is not None else None
    return MachineFigures(now.machine.id, now.state, now.state_since_us, now.power_kw, now.power_quality, shift_kwh)


async def audit_refusals(door: Door, audit: AuditStore, clock: Clock) -> None:
    """Connections that were refused or cut stand in the audit (S31), by address and kind; until cancelled."""
    waiting: Counter[tuple[str, str]] = Counter()
    told: dict[tuple[str, str], float] = {}
    while True:
        waiting += door.turned_away()
        now = clock.monotonic()
        told = {who: at for who, at in told.items() if now - at < SAME_AGAIN_S}
        for who in [who for who in waiting if who not in told][:MOST_A_LOOK]:
            address, kind = who
            try:
                await audit.append(
                    clock.now_us(), "", address, "modbus_refused", kind, new=str(waiting[who]), result="failed"
                )  # fmt: skip
            except StorageError as exc:
                log.warning("refused Modbus connections cannot be audited now: %s", exc)
                break
            told[who] = now
            del waiting[who]
        await clock.sleep(LOOK_S)
