"""A running OPC UA server for tests, with certificates, accounts and clients of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from asyncua import Client, ua
from asyncua.crypto import security_policies
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from application.opcua_server import ClientTrust
from data_collection.opcua.identity import server_identity
from data_collection.opcua.trust import fingerprint
from data_transfer.opcua_server.access import Identity, Limits, Principal
from data_transfer.opcua_server.server import OpcUaServer
from domain.errors import Forbidden
from domain.plant import Device, Machine, Plant, Site, Tag
from domain.ports import RawSeries, RollupRow, RollupSeries, Step
from domain.profile import ModbusPoint, Point, Profile
from domain.quantity import Quantity
from domain.sample import Batch, TagId
from domain.served import MachineFigures
from domain.state import MachineState
from runtime.clock import SystemClock
from tests.conftest import eventually
from tests.ports import free_port

URI = "urn:test:client"
NOW = 1_763_548_800_000_000
WHERE = ModbusPoint("holding", 0, "float32")
PROFILE = Profile("p", {"en": "Meter"}, "", "modbus", "", "L", (
    Point("active_power", Quantity.ACTIVE_POWER, "W", WHERE, plausible=(0, 20_000)),
    Point("energy_import", Quantity.ENERGY_IMPORT, "kWh", WHERE), Point("mode", Quantity.STATE, "1", WHERE, enum={0: "manual", 1: "auto"}),
    Point("program", Quantity.TEXT, "", WHERE),
))  # fmt: skip
POWER = Tag(TagId(11), "m1.active_power", "m1", "active_power", Quantity.ACTIVE_POWER, "kW")
ENERGY = Tag(TagId(12), "m1.energy_import", "m1", "energy_import", Quantity.ENERGY_IMPORT, "kWh")
MODE = Tag(TagId(13), "m1.mode", "m1", "mode", Quantity.STATE, "1", enum={0: "manual", 1: "auto"})
PROGRAM = Tag(TagId(14), "m1.program", "m1", "program", Quantity.TEXT, "")
TAGS = (POWER, ENERGY, MODE, PROGRAM)
IDS = tuple(tag.id for tag in TAGS[:3])
PLANT = Plant(
    Site("Цех №1"), devices=(Device("m1", "tcp1", PROFILE),), machines=(Machine("lathe-1", "16К20", "Turning", "m1"),)
)
POLICIES = {
    "Basic256Sha256": security_policies.SecurityPolicyBasic256Sha256,
    "Aes128_Sha256_RsaOaep": security_policies.SecurityPolicyAes128Sha256RsaOaep,
    "Aes256_Sha256_RsaPss": security_policies.SecurityPolicyAes256Sha256RsaPss,
}


def node(name: str) -> ua.NodeId:
    return ua.NodeId(name, 2)


@cache
def private_key(bits: int = 2048, _whose: str = "client") -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def certificate(folder: Path, name: str = "client", *, uri: str = URI, days: tuple[int, int] = (-1, 30), bits: int = 2048,
                key: rsa.RSAPrivateKey | None = None) -> Path:  # fmt: skip
    """Certificate (DER) and key (PEM) of a client; `days` from today its begin and end."""
    key, now = key or private_key(bits), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now + timedelta(days[0])).not_valid_after(now + timedelta(days[1]))
        .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri), x509.DNSName("localhost")]), False)
        .add_extension(x509.KeyUsage(True, True, True, True, False, True, False, False, False), True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False)
        .add_extension(x509.BasicConstraints(False, None), True).sign(key, hashes.SHA256())
    )  # fmt: skip
    path = folder / f"{name}.der"
    path.write_bytes(made.public_bytes(serialization.Encoding.DER))
    path.with_suffix(".pem").write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ))  # fmt: skip
    return path


class Accounts:
    """reader with the password "a long password"."""

    def __init__(self) -> None:
        self.over: set[str] = set()
        self.forgotten: list[str] = []

    async def sign_in(self, name: str, password: str, source: str) -> Principal:
        await asyncio.sleep(0)
        if (name, password) != ("reader", "a long password"):
            raise Forbidden("wrong name or password")
        return Principal(name, "ticket")

    async def still(self, tickets: Sequence[str]) -> set[str]:
        return self.over & set(tickets)

    def forget(self, ticket: str) -> None:
        self.forgotten.append(ticket)


@dataclass
class Past:
    """History: a sample a second from NOW on, 1.0, 2.0 ...; every tenth is bad; roll-ups of minutes."""

    size: int = 100
    asked: int = 0

    async def raw(self, tag_id: TagId, from_us: int, to_us: int, *, limit: int = 1_000_000, edges: bool = False) -> RawSeries:
        self.asked += 1
        found = [i for i in range(self.size) if from_us <= NOW + i * 1_000_000 < to_us][:limit]
        bad = [i % 10 == 9 for i in found]
        return RawSeries(tag_id, [NOW + i * 1_000_000 for i in found], [None if b else i + 1.0 for i, b in zip(found, bad, strict=True)],
                         [66 if b else 0 for b in bad])  # fmt: skip

    async def rollup(self, tag_id: TagId, step: Step, from_us: int, to_us: int) -> RollupSeries:
        width = step.seconds * 1_000_000
        rows = [RollupRow(at, 60, 60, float(n), n + 2.0, n + 1.0, float(n), n + 2.0, width, 0.5 if tag_id == ENERGY.id else None)
                for n, at in enumerate(range(from_us, to_us, width))]  # fmt: skip
        return RollupSeries(tag_id, step, rows)


@dataclass
class World:
    server: OpcUaServer
    folder: Path
    trust: ClientTrust
    accounts: Accounts
    past: Past
    figures: list[MachineFigures] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"opc.tcp://127.0.0.1:{self.server.port}"

    def known(self, path: Path) -> Path:
        """Approve that certificate."""
        trusted = self.folder / "clients" / "trusted"
        trusted.mkdir(parents=True, exist_ok=True)
        (trusted / f"{fingerprint(path.read_bytes())}.der").write_bytes(path.read_bytes())
        return path

    def waiting(self) -> list[str]:
        return [path.stem for path in (self.folder / "clients" / "waiting").glob("*.der")]

    async def client(
        self, path: Path | None = None, policy: str = "Basic256Sha256", user: str | None = "reader", password: str = "a long password",
        mode: ua.MessageSecurityMode = ua.MessageSecurityMode.SignAndEncrypt, uri: str = URI,
        timeout_s: float = 20, key: Path | None = None,
    ) -> Client:
        """Not yet connected. `key`: another than the certificate's own."""
        made = Client(self.url, timeout=timeout_s, watchdog_intervall=20)  # a busy test is no lost server
        made.application_uri = uri
        path = path or self.known(certificate(self.folder))
        server = self.folder / "server" / "certificate.der"
        await made.set_security(POLICIES[policy], certificate=str(path), private_key=str(key or path.with_suffix(".pem")),
                                mode=mode, server_certificate=str(server))  # fmt: skip
        if user is not None:
            made.set_user(user)
            made.set_password(password)
        return made

    def put(self, power: float | None, quality: int = 0, time_us: int = NOW, texts: Iterable[object] = ()) -> None:
        self.server.on_batch(Batch("m1", time_us, IDS, (power, 12.5, 1.0), (quality, 0, 0), tuple(texts)))  # type: ignore[arg-type]

    async def reset(self) -> None:
        """As it was at the beginning, and nobody is connected: a client of the test before may not be gone yet."""
        await eventually(lambda: not self.server.status().clients, 30)
        self.accounts.over = set()
        self.server.apply(PLANT, TAGS)
        self.put(11.5)
        await self.told()
        self.server._refused.clear()  # noqa: SLF001

    async def told(self) -> None:
        """The first values are in their nodes: until then reading is answered with BadWaitingForInitialData."""

        def done() -> bool:
            running = self.server._running  # noqa: SLF001
            slots = running[0].space.slots if running is not None else {}
            return "m1.mode" in slots and "section:Milling" not in slots and (slots["m1.active_power"].value, slots["m1.mode"].value) == (11.5, 1.0)

        await eventually(done, 30)

    async def refused(self, kind: str, count: int = 1) -> None:
        await eventually(lambda: self.server.status().refused.get(kind, 0) >= count, 30)


@asynccontextmanager
async def world(folder: Path, limits: Limits | None = None, *, anonymous: bool = False) -> AsyncIterator[World]:
    accounts, past, clock = Accounts(), Past(), SystemClock()
    trust = ClientTrust(folder / "clients", clock)
    figures = [MachineFigures("lathe-1", MachineState.PRODUCTION, NOW, 11.5, 0, 3.25)]

    def identity() -> Identity:
        made = server_identity(folder, clock.now_us(), "127.0.0.1")
        return Identity(made.certificate, made.key, made.uri)

    server = OpcUaServer(
        "127.0.0.1", free_port(), identity, trust, accounts, past, lambda: figures, clock, anonymous=anonymous, limits=limits
    )
    made = World(server, folder, trust, accounts, past, figures)
    server.apply(PLANT, TAGS)
    made.put(11.5)
    task = asyncio.create_task(server.run())
    try:
        await eventually(lambda: server.status().state == "ok" or task.done(), 60)
        if task.done():
            task.result()
        await made.told()
        yield made
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
