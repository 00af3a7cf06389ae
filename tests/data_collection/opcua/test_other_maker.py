"""The OPC UA client against a server of another maker (node-opcua): signed and encrypted, with a user, its restart and lost subscriptions."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import replace
from pathlib import Path

import pytest

from domain.plant import Line
from domain.quality import Quality
from tests.conftest import eventually
from tests.data_collection.opcua.server import URI
from tests.data_collection.opcua.test_client import Shop, device, shop
from tests.data_collection.opcua.test_security import approved
from tests.node_opcua import MACHINE_URI, SERVER_URI, NodeOpcUa, NodeServer, make_identity, node_opcua
from tests.ports import free_port

__all__ = ["node_opcua"]
WAIT_S = 60
VALUES = {
    "power": ("Double", 1500.0), "state": ("Int32", 2), "program": ("String", "SHAFT-1"), "speeds": ("Double", [10.0, 20.0, 30.0]),
    "parts": ("UInt32", 7),
}  # fmt: skip


async def settled(s: Shop) -> None:
    await eventually(lambda: s.last("active_power") == (1.5, 0) and s.last("part_count") == (7.0, 0), WAIT_S)


async def told(server: NodeServer, **what: object) -> dict[str, object]:
    return await asyncio.to_thread(server.command, **what)


@pytest.mark.timeout(300)  # the packages are fetched at the first run
async def test_values_quality_browsing_a_lost_subscription_and_a_restart(node_opcua: NodeOpcUa, tmp_path: Path) -> None:
    assert MACHINE_URI == URI  # the points of the other tests lie there
    own, port, users = make_identity(tmp_path / "server", SERVER_URI), free_port(), {"reader": "пароль-1"}
    options = {"url": f"opc.tcp://127.0.0.1:{port}", "timeout_s": 5.0, "security": "Basic256Sha256", "message_mode": "SignAndEncrypt"}
    line = Line("l", "opcua", {**options, "user": "reader"}, password="пароль-1")
    with contextlib.ExitStack() as first:
        server = await asyncio.to_thread(first.enter_context, node_opcua.serve(port, own, VALUES, users))
        async with shop(replace(line, password="wrong"), device(), data_dir=tmp_path) as s:
            await approved(s, tmp_path)
            await eventually(lambda: "refuses the sign-in (BadUserAccessDenied)" in s.error, WAIT_S)
        async with shop(line, device(), data_dir=tmp_path) as s:
            await settled(s)
            assert s.last("execution_state") == (2.0, 0)
            assert s.last("spindle_speed") == (20.0, 0)
            assert s.texts("program")[-1] == "SHAFT-1"

            await eventually(lambda: len(s.samples("active_power")) >= 4, WAIT_S)  # a change before the first confirmation is none
            at_ms = round(time.time() * 1000)
            await told(server, set={"power": 2500.0, "program": "ФЛАНЕЦ"}, time=at_ms)
            await eventually(lambda: s.last("active_power") == (2.5, 0) and s.texts("program")[-1] == "ФЛАНЕЦ", WAIT_S)
            assert at_ms * 1000 in [time for time, value, _ in s.samples("active_power") if value == 2.5]
            await told(server, status={"power": "BadSensorFailure"})
            await eventually(lambda: s.last("active_power") == (None, int(Quality.DEVICE_FAULT)), WAIT_S)

            (top,) = [node for node in await s.collector.browse(line, None) if node.name == "Machine"]
            below = {node.name: (node.value, node.namespace, node.length) for node in await s.collector.browse(line, top.node)}
            assert below["speeds"] == ("10.0, 20.0, 30.0", MACHINE_URI, 3)
            assert set(below) == set(VALUES)

            assert (await told(server, drop_subscriptions=True))["subscriptions"] == 0
            await told(server, set={"power": 3500.0})
            await eventually(lambda: s.last("active_power") == (3.5, 0), WAIT_S)

            await asyncio.to_thread(first.close)
            await eventually(lambda: s.last("part_count") == (None, int(Quality.LINE_DOWN)), WAIT_S)
            with contextlib.ExitStack() as again:
                await asyncio.to_thread(again.enter_context, node_opcua.serve(port, own, VALUES, users))
                await settled(s)
                assert s.state == "online"
