"""The Modbus server as the product runs it: from the bus to a client, addresses kept over restarts, off without its setting."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pymodbus.client import AsyncModbusTcpClient

from application.build import Application, open_application
from config.settings import ModbusServer, Settings
from domain.access import Actor, Role
from domain.sample import Batch
from domain.served import Register
from runtime.clock import SystemClock
from tests.conftest import eventually
from tests.e2e.running import at_work
from tests.ports import free_port

ADMIN = Actor("root", Role.ADMIN, "test")
PLANT = """
site: {name: Shop}
lines: [{id: tcp1, transport: modbus-tcp, host: 127.0.0.1, port: 1}]
devices:
  - id: %s
    line: tcp1
    address: 1
    points:
      - {tag: active_power, quantity: active_power, unit: kW, table: holding, address: 0, type: float32}
      - {tag: program, quantity: text, table: holding, address: 8, type: string, length: 8}
machines: [{id: lathe-%s, name: L, meter: %s}]
"""


@asynccontextmanager
async def product(folder: Path, port: int | None, plant: str) -> AsyncIterator[Application]:
    server = ModbusServer() if port is None else ModbusServer(host="127.0.0.1", port=port)
    async with open_application(Settings(data_dir=folder, modbus_server=server), SystemClock(), {}) as app:
        await app.plant.load()
        await app.plant.import_yaml(PLANT % (plant, plant, plant), ADMIN)
        async with at_work(app, [name for name in app.jobs if name.startswith("feed:")]):
            yield app


def entry(app: Application, subject: str, field: str) -> Register:
    found = app.services.modbus.registers()
    assert found is not None
    return next(one for one in found if one.subject == subject and one.field == field)


async def test_what_the_bus_carries_is_read_by_a_client_and_addresses_outlive_restarts_and_changes(tmp_path: Path) -> None:
    port = free_port()
    async with product(tmp_path, port, "m1") as app:
        await eventually(lambda: (status := app.services.modbus.status()) is not None and status.state == "ok", 20)
        tag = app.live.tag("m1.active_power")
        app.bus.publish(Batch("m1", app.clock.now_us(), (tag.id,), [7.25], [0]))
        client = AsyncModbusTcpClient("127.0.0.1", port=port)
        assert await client.connect()
        at = entry(app, "m1.active_power", "value").address
        read = await client.read_holding_registers(at, count=2)
        assert client.convert_from_registers(read.registers, client.DATATYPE.FLOAT32) == 7.25
        client.close()
        before = [(one.address, one.subject, one.field) for one in app.services.modbus.registers() or ()]
        assert not any(one.subject == "m1.program" for one in app.services.modbus.registers() or ())  # texts have no block
    async with product(tmp_path, port, "m2") as app:
        await eventually(lambda: (status := app.services.modbus.status()) is not None and status.state == "ok", 20)
        after = [(one.address, one.subject, one.field) for one in app.services.modbus.registers() or ()]
        assert set(before) < set(after)
        assert entry(app, "lathe-m2", "state").address == entry(app, "lathe-m1", "state").address + 20


async def test_it_is_off_without_its_setting(tmp_path: Path) -> None:
    async with product(tmp_path, None, "m1") as app:
        assert app.services.modbus.status() is None
        assert app.services.modbus.registers() is None
        assert "feed:modbus_server" not in app.jobs
