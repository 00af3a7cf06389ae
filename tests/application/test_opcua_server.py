"""The OPC UA server as the product runs it: accounts and keys, approval, history from the database, off without its setting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asyncua import Client, Node, ua

from application.build import Application, open_application
from application.opcua_server import EXPIRES, watch_certificate
from config.settings import OpcUaServer, Settings
from domain.access import Actor, Role
from domain.alert import Priority
from domain.errors import NotFound
from domain.sample import Batch
from domain.served import ServerStatus
from runtime.clock import SystemClock
from tests.conftest import FakeClock, eventually
from tests.data_transfer.opcua_world import POLICIES, URI, certificate, node
from tests.e2e.running import ONE_LATHE, at_work
from tests.ports import free_port

ADMIN = Actor("root", Role.ADMIN, "test")
PASSWORD = "a quite long pass word"


@asynccontextmanager
async def product(folder: Path, port: int | None) -> AsyncIterator[Application]:
    server = OpcUaServer() if port is None else OpcUaServer(host="127.0.0.1", port=port)
    async with open_application(Settings(data_dir=folder, opcua_server=server), SystemClock(), {}) as app:
        await app.plant.load()
        await app.plant.import_yaml(ONE_LATHE, ADMIN)
        async with at_work(app, {"feed:opcua_server", "writer"}):
            yield app


def told(app: Application) -> ServerStatus:
    status = app.services.opcua_server.status()
    assert status is not None
    return status


async def client(port: int, folder: Path, path: Path, user: str, password: str) -> Client:
    made = Client(f"opc.tcp://127.0.0.1:{port}", timeout=30)
    made.application_uri = URI
    await made.set_security(POLICIES["Aes256_Sha256_RsaPss"], certificate=str(path), private_key=str(path.with_suffix(".pem")),
                            server_certificate=str(folder / "opcua" / "server" / "certificate.der"))  # fmt: skip
    made.set_user(user)
    made.set_password(password)
    return made


async def test_a_client_is_approved_signs_in_reads_and_is_shut_out_when_its_account_is(tmp_path: Path) -> None:
    port, path = free_port(), certificate(tmp_path)
    data = tmp_path / "data"
    async with product(data, port) as app:
        user = await app.accounts.create_user("scada", Role.VIEWER, PASSWORD, ADMIN)
        _, key = await app.accounts.create_key("mes", Role.VIEWER, ADMIN)
        await eventually(lambda: told(app).state == "ok", 60)
        with pytest.raises((ua.UaError, ConnectionError, TimeoutError)):
            await (await client(port, data, path, "scada", PASSWORD)).connect()
        (waiting,) = [one for one in await app.services.certificates.certificates(ADMIN) if not one.trusted]
        assert (waiting.client, waiting.url, waiting.application_uri, told(app).waiting) == (True, "127.0.0.1", URI, 1)
        await app.services.certificates.approve(waiting.fingerprint, ADMIN)
        with pytest.raises(NotFound):
            await app.services.certificates.approve(waiting.fingerprint, ADMIN)
        assert await app.services.certificates.own_server(ADMIN) is not None

        now_us = app.clock.now_us() // 1_000_000 * 1_000_000
        tag = app.live.tag("m1.active_power")
        for n in range(5):
            app.bus.publish(Batch("m1", now_us + n * 1_000_000, (tag.id,), (7.25 + n,), (0,)))
        await eventually(lambda: app.database.writer.books().kept >= 5, 30)
        async with await client(port, data, path, "api-key", key) as made:
            power = made.get_node(node("m1.active_power"))
            await eventually(lambda: _is(power, 11.25), 30)
            start = datetime.fromtimestamp(now_us / 1e6, UTC)

            async def kept() -> bool:
                values = await power.read_raw_history(start, start + timedelta(seconds=10))
                return [value.Value.Value for value in values] == [7.25, 8.25, 9.25, 10.25, 11.25]

            await eventually(kept, 30)
            assert [one.user for one in told(app).clients] == ["key:mes"]
        with pytest.raises(ua.UaError):
            await (await client(port, data, path, "api-key", "em_" + "x" * 22)).connect()
        async with await client(port, data, path, "scada", PASSWORD):
            await eventually(lambda: [one.user for one in told(app).clients] == ["scada"])
            await app.accounts.set_enabled(user.id, False, ADMIN)
            await eventually(lambda: not told(app).clients, 30)
        with pytest.raises(ua.UaError):
            await (await client(port, data, path, "scada", PASSWORD)).connect()
        for _ in range(8):  # guessing is slowed down as on the login page
            with pytest.raises(ua.UaError):
                await (await client(port, data, path, "nobody", "wrong")).connect()
        entries = [entry for entry in await app.accounts.audit() if entry.source == "127.0.0.1"]
        actions = [(entry.action, entry.actor) for entry in entries]
        assert ("login", "key:mes") in actions
        assert 5 <= actions.count(("login_failed", "nobody")) < 8  # who comes too early is not even looked at


async def _is(of: Node, value: float) -> bool:
    return bool((await of.read_data_value(raise_on_bad_status=False)).Value.Value == value)


async def test_off_without_its_setting(tmp_path: Path) -> None:
    async with product(tmp_path, None) as app:
        assert app.services.opcua_server.status() is None
        assert "feed:opcua_server" not in app.jobs


class Alerts:
    def __init__(self) -> None:
        self.standing: dict[str, str] = {}

    def raise_system(self, key: str, priority: Priority, detail: str = "") -> bool:
        assert priority is Priority.HIGH
        self.standing[key] = detail
        return True

    def clear_system(self, key: str) -> bool:
        return self.standing.pop(key, None) is not None


async def test_an_alert_stands_from_thirty_days_before_the_certificate_ends() -> None:
    clock, alerts = FakeClock(), Alerts()
    day = 86_400_000_000

    class Server:
        until_us = clock.now_us() + 31 * day

        def status(self) -> ServerStatus:
            return ServerStatus("opcua_server", "ok", "", 0, None, valid_until_us=self.until_us)

    server = Server()
    task = asyncio.create_task(watch_certificate(server, alerts, clock))
    await clock.advance(61)
    assert alerts.standing == {}
    server.until_us -= 2 * day
    await clock.advance(61)
    assert alerts.standing == {EXPIRES: "28"}
    server.until_us += 3650 * day
    await clock.advance(61)
    assert alerts.standing == {}
    task.cancel()
