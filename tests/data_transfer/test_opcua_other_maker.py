"""The OPC UA server asked by a client of another maker (node-opcua): right values, units, status, history; refusals."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from data_collection.opcua.trust import fingerprint
from domain.quality import Quality
from tests.data_transfer.opcua_world import NOW, World, world
from tests.node_opcua import CLIENT_URI, NodeIdentity, NodeOpcUa, make_identity, node_opcua

__all__ = ["node_opcua"]
PLANT = "nsu=urn:energy-monitoring:plant;s="
POWER, UNIT, STATE = f"{PLANT}m1.active_power", f"{PLANT}m1.active_power#EngineeringUnits", f"{PLANT}machine:lathe-1#State"


async def ask(node: NodeOpcUa, shop: World, who: NodeIdentity, **wanted: object) -> dict[str, Any]:
    options = {"user": "reader", "password": "a long password", **wanted}
    return await asyncio.to_thread(node.ask, shop.url, who, **options)  # type: ignore[arg-type]


def trusted(shop: World, who: NodeIdentity) -> None:
    folder = shop.folder / "clients" / "trusted"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{fingerprint(who.der)}.der").write_bytes(who.der)


@pytest.mark.timeout(300)  # the packages are fetched at the first run
async def test_a_stranger_finds_reads_hears_and_looks_back(node_opcua: NodeOpcUa, tmp_path: Path) -> None:
    who = make_identity(tmp_path / "node", CLIENT_URI)
    async with world(tmp_path / "opcua") as shop:
        refused = await ask(node_opcua, shop, who)
        assert refused["step"] == "connect"
        assert shop.waiting() == [fingerprint(who.der)]
        trusted(shop, who)

        shop.put(None, Quality.LINE_DOWN)

        async def changes() -> None:
            for n in range(1, 60):
                await asyncio.sleep(0.2)
                shop.put(20.0 + n % 7, 0, NOW + n * 1_000_000)

        changing = asyncio.create_task(changes())
        found = await ask(
            node_opcua, shop, who, browse=["ObjectsFolder", f"{PLANT}device:m1"], read=[UNIT, f"{PLANT}m1.energy_import", STATE],
            write={POWER: ["Double", 1]}, subscribe=[POWER], seconds=2,
            history={"nodes": [POWER], "from": NOW // 1000, "to": NOW // 1000 + 25_000, "atATime": 10},
        )  # fmt: skip
        changing.cancel()
        assert "error" not in found, found
        assert "Цех №1" in [one["name"] for one in found["browse"]["ObjectsFolder"]]
        names = [one["name"] for one in found["browse"][f"{PLANT}device:m1"]]
        assert names == ["active_power", "energy_import", "mode", "program"]
        assert found["read"][f"{PLANT}m1.energy_import"]["value"] == 12.5
        assert found["read"][f"{PLANT}m1.energy_import"]["source"] >= NOW // 1000
        assert found["read"][STATE]["value"] == "production"
        assert found["read"][UNIT]["type"] == "ExtensionObject"
        assert found["written"] == {POWER: "BadNotWritable"}
        told = [value for value in found["changes"][POWER] if value["status"] == "Good"]
        assert len(told) >= 4
        assert all(value["source"] == NOW // 1000 + 1000 * n for n, value in enumerate(told, told[0]["source"] // 1000 - NOW // 1_000_000))
        past = found["history"][POWER]
        assert (past["status"], len(past["values"])) == ("Good", 25)
        assert [value["value"] for value in past["values"][:2]] == [1, 2]
        assert (past["values"][9]["value"], past["values"][9]["status"]) == (None, "BadNotConnected")

        for policy in ("Aes128_Sha256_RsaOaep", "Aes256_Sha256_RsaPss"):
            assert "error" not in await ask(node_opcua, shop, who, policy=policy, read=[STATE]), policy
        wrong = await ask(node_opcua, shop, who, password="wrong")
        assert (wrong["step"], "BadUserAccessDenied" in wrong["error"]) == ("session", True)
        assert (await ask(node_opcua, shop, who, policy="None", mode="None"))["step"] in {"connect", "session"}
        old = make_identity(tmp_path / "old", CLIENT_URI, begin=timedelta(days=-9), days=1)
        trusted(shop, old)
        assert (await ask(node_opcua, shop, old))["step"] == "connect"
        counted = shop.server.status().refused
        assert {"certificate_untrusted", "certificate_expired", "login"} <= set(counted)
