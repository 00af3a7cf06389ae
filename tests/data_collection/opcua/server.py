"""A real OPC UA server in the hand of a test: nodes, security, users, and what a bad day brings."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from asyncua import Server, ua
from asyncua.crypto.cert_gen import dump_private_key_as_pem, generate_private_key, generate_self_signed_app_certificate
from asyncua.server.user_managers import User, UserRole
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

URI = "urn:test:machine"
SERVER_URI = "urn:test:server"
logging.getLogger("asyncua").setLevel(logging.CRITICAL)


class Users:
    """One user with a password; whoever comes with a certificate or without a name is let in where the server offers that."""

    def get_user(self, _server: object, username: str | None = None, password: str | None = None, certificate: object = None) -> User | None:
        if username is None:
            return User(role=UserRole.User)
        return User(role=UserRole.User) if (username, password) == ("reader", "пароль-1") else None


@dataclass
class Machine:
    """Built once (its address space takes seconds), started and stopped as often as wanted. `values`: variable id -> its first
    value, in our namespace."""

    port: int
    values: dict[str, object]
    folder: Path
    server: Server | None = None
    running: bool = False
    index: int = 0

    @property
    def url(self) -> str:
        return f"opc.tcp://127.0.0.1:{self.port}"

    async def build(self) -> None:
        server = self.server = Server(user_manager=Users())
        await server.init()
        await server.set_application_uri(SERVER_URI)
        server.set_endpoint(self.url)
        policies = ua.SecurityPolicyType
        server.set_security_policy([
            policies.NoSecurity, policies.Basic256Sha256_Sign, policies.Basic256Sha256_SignAndEncrypt,
            policies.Aes128Sha256RsaOaep_SignAndEncrypt, policies.Aes256Sha256RsaPss_SignAndEncrypt,
        ])
        server.set_identity_tokens([ua.AnonymousIdentityToken, ua.UserNameIdentityToken, ua.X509IdentityToken])
        await self.certify(365)
        await self._number_anew(0)

    async def certify(self, days: int) -> None:
        """Give the server a new certificate that is valid for so many days from now; 0: it has ended."""
        assert self.server is not None
        key = generate_private_key()
        names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(SERVER_URI), x509.DNSName("localhost")]
        made = generate_self_signed_app_certificate(
            key, "Test", {"organizationName": "Test"}, names, [ExtendedKeyUsageOID.SERVER_AUTH], days
        )
        paths = self.folder / "server.pem", self.folder / "server.der"
        paths[0].write_bytes(dump_private_key_as_pem(key))
        paths[1].write_bytes(made.public_bytes(Encoding.DER))
        await self.server.load_certificate(str(paths[1]))
        await self.server.load_private_key(str(paths[0]))

    async def _number_anew(self, fillers: int) -> None:
        """Our namespace comes behind so many others, and our nodes with it."""
        server = self.server
        assert server is not None
        if self.index:
            await server.delete_nodes([server.get_node(ua.NodeId("Machine", self.index))], recursive=True)
        uris = ["http://opcfoundation.org/UA/", SERVER_URI, *(f"urn:test:filler-{n}" for n in range(fillers)), URI]
        await server.get_node(ua.NodeId(ua.ObjectIds.Server_NamespaceArray)).write_value(uris)
        self.index = len(uris) - 1
        top = ua.NodeId("Machine", self.index)
        machine = await server.nodes.objects.add_object(top, ua.QualifiedName("Machine", self.index))
        for name, value in self.values.items():
            await machine.add_variable(ua.NodeId(name, self.index), ua.QualifiedName(name, self.index), value)

    async def start(self, fillers: int | None = None) -> None:
        assert self.server is not None
        if fillers is not None:
            await self._number_anew(fillers)
        self.server.iserver.endpoints.clear()  # it would keep those of the last start, with the certificate of then
        await self.server.start()
        self.running = True

    async def stop(self) -> None:
        assert self.server is not None
        if self.running:
            self.running = False
            await self.server.stop()

    async def reset(self) -> None:
        """As it was built, and running."""
        if not self.running:
            await self.start()
        for name, value in self.values.items():
            await self.write(name, value)

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
