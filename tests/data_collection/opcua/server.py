"""A real OPC UA server in the hand of a test: nodes, security, users, and what a bad day brings."""

from __future__ import annotations

import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from asyncua import Server, ua
from asyncua.crypto.cert_gen import setup_self_signed_certificate
from asyncua.server.user_managers import User, UserRole
from cryptography.x509.oid import ExtendedKeyUsageOID

URI = "urn:test:machine"
SERVER_URI = "urn:test:server"
logging.getLogger("asyncua").setLevel(logging.CRITICAL)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Users:
    """One user with a password; whoever comes with a certificate or without a name is let in where the server offers that."""

    def get_user(self, _server: object, username: str | None = None, password: str | None = None, certificate: object = None) -> User | None:
        if username is None:
            return User(role=UserRole.User)
        return User(role=UserRole.User) if (username, password) == ("reader", "пароль-1") else None


@dataclass
class Machine:
    """`values`: variable id -> first value, below ns=<URI>."""

    port: int
    values: dict[str, object]
    policies: list[ua.SecurityPolicyType] = field(default_factory=lambda: [ua.SecurityPolicyType.NoSecurity])
    tokens: list[type] = field(default_factory=lambda: [ua.AnonymousIdentityToken])
    folder: Path | None = None
    fillers: int = 0  # other namespaces registered before ours: renumbers it
    server: Server | None = None
    index: int = 0

    @property
    def url(self) -> str:
        return f"opc.tcp://127.0.0.1:{self.port}"

    async def start(self) -> None:
        server = Server(user_manager=Users())  # type: ignore[arg-type]
        await server.init()
        await server.set_application_uri(SERVER_URI)
        server.set_endpoint(self.url)
        server.set_security_policy(self.policies)
        server.set_identity_tokens(self.tokens)
        if self.folder is not None:
            key, certificate = self.folder / "server.pem", self.folder / "server.der"
            await setup_self_signed_certificate(
                key, certificate, SERVER_URI, "localhost", [ExtendedKeyUsageOID.SERVER_AUTH], {"organizationName": "Test"}
            )
            await server.load_certificate(str(certificate))
            await server.load_private_key(str(key))
        for number in range(self.fillers):
            await server.register_namespace(f"urn:test:filler-{number}")
        self.index = await server.register_namespace(URI)
        machine = await server.nodes.objects.add_object(ua.NodeId("Machine", self.index), ua.QualifiedName("Machine", self.index))
        for name, value in self.values.items():
            await machine.add_variable(ua.NodeId(name, self.index), ua.QualifiedName(name, self.index), value)
        await server.start()
        self.server = server

    async def stop(self) -> None:
        if self.server is not None:
            server, self.server = self.server, None
            await server.stop()

    async def write(
        self, name: str, value: object, *, source: datetime | None = None, status: int = 0, kind: ua.VariantType | None = None
    ) -> datetime:
        """The source's time is what was given, else now."""
        assert self.server is not None
        at = source or datetime.now(UTC)
        data = ua.DataValue(
            Value=ua.Variant(value, kind), StatusCode=ua.StatusCode(status), SourceTimestamp=at.replace(tzinfo=None),
        )
        await self.server.write_attribute_value(ua.NodeId(name, self.index), data)
        return at


@asynccontextmanager
async def serving(machine: Machine) -> AsyncIterator[Machine]:
    await machine.start()
    try:
        yield machine
    finally:
        await machine.stop()
