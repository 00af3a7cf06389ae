"""OPC UA server: CPU of the product's server and of a bare asyncua server with the same nodes, clients and items, in one run.

    .venv/bin/python -m benchmarks.opcua_server [--tags 1000] [--clients 50] [--seconds 20] [--skip-bare]

Each server is a process of its own, in which all values change once a second; the clients are asyncua's, in processes of their own, with
signed and encrypted channels, a subscription of 1 s each and all tags in it. CPU is the server process's own time over the window.
What reached the clients is counted: a server that falls behind delivers less, so CPU a delivered value is told too. `loop_late_p99_ms` is how late
a tick is on the loop that brings the values: the product's own beside the server's thread, the only one in the bare server.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import multiprocessing
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.ports import free_port

URI = "urn:benchmark:client"
DEVICE_TAGS = 20
PER_PROCESS = 10


# -- servers ----------------------------------------------------------------------------------------------------------


async def _bare(port: int, tags: int, folder: Path, ready: Any, window: Any) -> None:
    from asyncua import Server, ua
    from asyncua.server.user_managers import User, UserRole

    class Users:
        def get_user(self, _server: object, username: str | None = None, password: str | None = None, certificate: Any = None) -> User:
            return User(role=UserRole.User)

    server = Server(user_manager=Users())
    await server.init()
    await server.set_application_uri("urn:benchmark:server")
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}")
    server.set_security_policy([ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt])
    await server.load_certificate(str(folder / "server" / "certificate.der"))
    await server.load_private_key(str(folder / "server" / "key.pem"))
    await server.register_namespace("urn:energy-monitoring:plant")
    ids = [ua.NodeId(name, 2) for name in _names(tags)]
    for n, node in enumerate(ids):
        if n % DEVICE_TAGS == 0:
            parent = await server.nodes.objects.add_folder(2, f"device {n}")
        await parent.add_variable(node, ua.QualifiedName(str(node.Identifier), 2), 0.0)
    async with server:
        ready.set()
        late: list[float] = []
        ticks = asyncio.create_task(_tick(late))
        value = 0.0
        while not ticks.done():
            value += 1.0
            due = time.monotonic() + 1.0
            for start in range(0, tags, DEVICE_TAGS):
                now = datetime.now(UTC)
                for node in ids[start : start + DEVICE_TAGS]:
                    data = ua.DataValue(ua.Variant(value, ua.VariantType.Double), SourceTimestamp=now)
                    await server.write_attribute_value(node, data)
                await asyncio.sleep(0)
            window.put((time.process_time(), late))
            await asyncio.sleep(max(0.0, due - time.monotonic()))


async def _ours(port: int, tags: int, folder: Path, ready: Any, window: Any) -> None:
    from data_transfer.opcua_server.access import Identity, Limits, Principal
    from data_transfer.opcua_server.server import OpcUaServer
    from domain.plant import Device, Plant, Site, Tag
    from domain.profile import Profile
    from domain.quantity import Quantity
    from domain.sample import Batch, TagId
    from runtime.clock import SystemClock

    class Open:
        def waiting(self) -> int:
            return 0

        def refusal(self, certificate: bytes, source: str) -> str | None:
            return None

        async def sign_in(self, name: str, password: str, source: str) -> Principal:
            return Principal(name)

        async def still(self, tickets: Sequence[str]) -> set[str]:
            return set()

        def forget(self, ticket: str) -> None: ...

    clock, profile = SystemClock(), Profile("p", {}, "", "modbus", "", "L", ())
    devices = [f"d{n}" for n in range(-(-tags // DEVICE_TAGS))]
    made = [Tag(TagId(n + 1), name, name.partition(".")[0], name.partition(".")[2], Quantity.ACTIVE_POWER, "kW")
            for n, name in enumerate(_names(tags))]  # fmt: skip
    plant = Plant(Site("Benchmark"), devices=tuple(Device(name, "l", profile) for name in devices))
    identity = Identity(folder / "server" / "certificate.der", folder / "server" / "key.pem", "urn:benchmark:server")
    server = OpcUaServer(
        "127.0.0.1", port, lambda: identity, Open(), Open(), None, list, clock, limits=Limits(per_address=1000, activation_s=300.0)  # type: ignore[arg-type]
    )  # fmt: skip
    server.apply(plant, made)
    task = asyncio.create_task(server.run())
    while server.status().state != "ok":  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    ready.set()
    late: list[float] = []
    ticks = asyncio.create_task(_tick(late))
    ids = [tuple(tag.id for tag in made[n : n + DEVICE_TAGS]) for n in range(0, tags, DEVICE_TAGS)]
    good = [0] * DEVICE_TAGS
    value = 0.0
    while not task.done() and not ticks.done():
        value += 1.0
        due = time.monotonic() + 1.0
        for name, some in zip(devices, ids, strict=True):
            server.on_batch(Batch(name, clock.now_us(), some, [value] * len(some), good[: len(some)]))
            await asyncio.sleep(0)
        window.put((time.process_time(), late))
        await asyncio.sleep(max(0.0, due - time.monotonic()))
    task.result()


async def _tick(late: list[float]) -> None:
    """Lateness of a tick of 20 ms on the loop that brings the values, the newest 30 s."""
    while True:
        asked = time.monotonic()
        await asyncio.sleep(0.02)
        late.append(time.monotonic() - asked - 0.02)
        del late[:-1500]


def _names(tags: int) -> list[str]:
    return [f"d{n // DEVICE_TAGS}.t{n % DEVICE_TAGS}" for n in range(tags)]


def _serve(which: str, port: int, tags: int, folder: Path, ready: Any, window: Any) -> None:
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)
    asyncio.run((_ours if which == "ours" else _bare)(port, tags, folder, ready, window))


# -- clients ----------------------------------------------------------------------------------------------------------


class _Counted:
    def __init__(self) -> None:
        self.values = 0


async def _client(port: int, tags: int, folder: Path, counted: _Counted) -> Any:
    from asyncua import Client, ua
    from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256

    client = Client(f"opc.tcp://127.0.0.1:{port}", timeout=120, watchdog_intervall=3600)  # busy cores are no lost connection
    client.application_uri = URI
    own = folder / "client"
    await client.set_security(SecurityPolicyBasic256Sha256, certificate=str(own / "certificate.der"), private_key=str(own / "key.pem"),
                              server_certificate=str(folder / "server" / "certificate.der"))  # fmt: skip
    client.set_user("u")
    client.set_password("p")
    await client.connect()

    async def publish(result: Any) -> None:
        for one in result.NotificationMessage.NotificationData or ():
            counted.values += len(getattr(one, "MonitoredItems", ()))

    params = ua.CreateSubscriptionParameters(
        RequestedPublishingInterval=1000, RequestedLifetimeCount=10_000, RequestedMaxKeepAliveCount=100, PublishingEnabled=True
    )
    subscription = await client.uaclient.create_subscription(params, publish)
    names = _names(tags)
    for start in range(0, tags, 500):
        wanted = [ua.MonitoredItemCreateRequest(
            ItemToMonitor=ua.ReadValueId(NodeId=ua.NodeId(name, 2), AttributeId=ua.AttributeIds.Value),
            MonitoringMode=ua.MonitoringMode.Reporting, RequestedParameters=ua.MonitoringParameters(ClientHandle=n + 1, QueueSize=2),
        ) for n, name in enumerate(names[start : start + 500], start)]  # fmt: skip
        results = await client.uaclient.create_monitored_items(
            ua.CreateMonitoredItemsParameters(SubscriptionId=subscription.SubscriptionId, ItemsToCreate=wanted)
        )
        for result in results:
            result.StatusCode.check()
    return client


async def _clients(port: int, number: int, tags: int, folder: Path, ready: Any, begin: Any, end: Any, counts: Any) -> None:
    counted = _Counted()
    kept = [await _client(port, tags, folder, counted) for _ in range(number)]
    ready.release()
    while not begin.is_set():  # noqa: ASYNC110 - of another process
        await asyncio.sleep(0.05)
    before = counted.values
    while not end.is_set():  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    counts.put(counted.values - before)
    del kept


def _hear(*args: Any) -> None:
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)
    asyncio.run(_clients(*args))


# -- the run ----------------------------------------------------------------------------------------------------------


def measure(which: str, tags: int, clients: int, seconds: float, folder: Path) -> dict[str, float]:
    """CPU of that server over the window, and what its clients got."""
    context = multiprocessing.get_context("spawn")
    port, ready, window = free_port(), context.Event(), context.Queue()
    connected, begin, end, counts = context.Semaphore(0), context.Event(), context.Event(), context.Queue()
    server = context.Process(target=_serve, args=(which, port, tags, folder, ready, window), daemon=True)
    server.start()
    if not ready.wait(120):
        raise RuntimeError(f"{which}: the server does not start")
    shares = [min(PER_PROCESS, clients - n) for n in range(0, clients, PER_PROCESS)]
    hearers = [context.Process(target=_hear, args=(port, share, tags, folder, connected, begin, end, counts), daemon=True)
               for share in shares]  # fmt: skip
    try:
        for hearer in hearers:
            hearer.start()
        for _ in hearers:
            if not connected.acquire(timeout=300):
                raise RuntimeError(f"{which}: the clients do not come to subscribe")
        time.sleep(3.0)
        first, started = _newest(window), time.monotonic()
        begin.set()
        time.sleep(seconds)
        end.set()
        last, ended = _newest(window), time.monotonic()
        delivered = sum(counts.get(timeout=60) for _ in hearers)
    finally:
        for process in (*hearers, server):
            process.kill()
            process.join()
    cpu, late = last[0] - first[0], sorted(last[1])
    return {
        "cpu_percent": round(100 * cpu / (ended - started), 1), "delivered_per_s": round(delivered / seconds),
        "loop_late_p99_ms": round(1e3 * late[int(len(late) * 0.99)], 1), "cpu_us_per_value": round(1e6 * cpu / delivered, 2) if delivered else 0.0,
    }  # fmt: skip


def _newest(window: Any) -> tuple[float, list[float]]:
    """Process time of the server after its newest round, and how late its loop was."""
    value: tuple[float, list[float]] = window.get(timeout=120)
    while not window.empty():
        value = window.get()
    return value


def _certificates(folder: Path) -> None:
    from asyncua.crypto.cert_gen import setup_self_signed_certificate
    from cryptography.x509.oid import ExtendedKeyUsageOID

    for name, uri in (("server", "urn:benchmark:server"), ("client", URI)):
        (folder / name).mkdir()
        use = [ExtendedKeyUsageOID.SERVER_AUTH if name == "server" else ExtendedKeyUsageOID.CLIENT_AUTH]
        asyncio.run(setup_self_signed_certificate(
            folder / name / "key.pem", folder / name / "certificate.der", uri, "localhost", use, {"organizationName": "B"}
        ))  # fmt: skip


def main() -> None:
    """Prints one JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tags", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--skip-bare", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _certificates(folder)
        found: dict[str, Any] = {"tags": asked.tags, "clients": asked.clients}
        for which in ("ours",) if asked.skip_bare else ("ours", "bare"):
            found[which] = measure(which, asked.tags, asked.clients, asked.seconds, folder)
        if "bare" in found and found["bare"]["cpu_percent"]:
            found["cpu_ratio"] = round(found["ours"]["cpu_percent"] / found["bare"]["cpu_percent"], 3)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
