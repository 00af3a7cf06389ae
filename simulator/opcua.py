"""Serves the OPC UA lines of a plant: see simulator.transports.Serve. A real server with the line's security and sign-in."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import stat
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from asyncua import Node, Server, ua
from asyncua.crypto.cert_gen import setup_self_signed_certificate
from asyncua.server.user_managers import User, UserRole
from cryptography.x509.oid import ExtendedKeyUsageOID

from domain.errors import ConfigError
from domain.plant import Line
from simulator.devices import SimulatedDevice
from simulator.opcua_nodes import Variable, namespaces_of, variables_of
from simulator.serve import Simulation, cannot_serve

URI: Final = "urn:energy-monitoring:simulator"
STEP_S: Final = 0.25  # a control's variables move in steps too
_POLICIES: Final = {
    "Basic256Sha256": (ua.SecurityPolicyType.Basic256Sha256_Sign, ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt),
    "Aes128Sha256RsaOaep": (
        ua.SecurityPolicyType.Aes128Sha256RsaOaep_Sign, ua.SecurityPolicyType.Aes128Sha256RsaOaep_SignAndEncrypt,
    ),
    "Aes256Sha256RsaPss": (
        ua.SecurityPolicyType.Aes256Sha256RsaPss_Sign, ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt,
    ),
}  # fmt: skip


class _Users:
    """Whoever the lines name, with their passwords; anybody where none is named."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self._known = {str(line.options["user"]): line.password for line in lines if line.options.get("user")}

    def get_user(
        self, _server: object, username: str | None = None, password: str | None = None, certificate: object = None
    ) -> User | None:
        """None refuses."""
        if username is not None:
            good = username in self._known and self._known[username] in (None, password)
        else:
            good = not self._known or certificate is not None
        return User(role=UserRole.User) if good else None


class SimulatedServer:
    """One server at one address for all devices of its lines."""

    def __init__(self, simulation: Simulation, lines: Sequence[Line], devices: Sequence[SimulatedDevice]) -> None:
        self._simulation, self._lines, self._devices = simulation, lines, devices
        self._server = Server(user_manager=_Users(lines))
        self._variables: list[tuple[SimulatedDevice, Variable]] = []

    async def build(self, folder: Path) -> None:
        """Address space and security. Takes seconds: the standard's own nodes are thousands."""
        for name in ("asyncua", "asyncua.server.address_space"):
            logging.getLogger(name).setLevel(logging.ERROR)
        server = self._server
        await server.init()
        await server.set_application_uri(URI)
        server.set_server_name("Energy Monitoring simulator")
        policies = {str(line.options.get("security", "None")) for line in self._lines} - {"None"}
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity, *(p for name in sorted(policies) for p in _POLICIES[name])])
        if policies:
            key, certificate = folder / "key.pem", folder / "certificate.der"
            use = [ExtendedKeyUsageOID.SERVER_AUTH]
            await setup_self_signed_certificate(key, certificate, URI, "localhost", use, {"organizationName": "Simulator"})
            await server.load_certificate(str(certificate))
            await server.load_private_key(str(key))
        variables = [(device, variable) for device in self._devices for variable in variables_of(device.device)]
        uris = namespaces_of([variable for _, variable in variables], ["http://opcfoundation.org/UA/", URI])
        await server.get_node(ua.NodeId(ua.ObjectIds.Server_NamespaceArray)).write_value(uris)
        for device, variable in variables:
            await self._add(device, variable, uris)

    async def _add(self, device: SimulatedDevice, variable: Variable, uris: Sequence[str]) -> None:
        if variable.path:
            parent = self._server.nodes.objects
            for index, name in variable.path_names(uris)[:-1]:
                parent = await self._folder(parent, index, name)
            index, name = variable.path_names(uris)[-1]
            node = ua.NodeId(f"{device.device.id}{variable.path}", index)
        else:
            node, name = variable.node_id(uris), variable.name
            index = node.NamespaceIndex
            parent = await self._folder(self._server.nodes.objects, index, device.device.id)
        if any(known.node == node for _, known in self._variables):
            others = [v for _, v in self._variables if v.node == node]  # elements of one array
            variable.node = node
            variable.share(others[0])
        else:
            variable.node = node
            await parent.add_variable(node, ua.QualifiedName(name, index), variable.first(), varianttype=variable.kind)
        self._variables.append((device, variable))

    async def _folder(self, parent: Node, index: int, name: str) -> Node:
        for child in await parent.get_children():
            if await child.read_browse_name() == ua.QualifiedName(name, index):
                return child
        return await parent.add_object(index, name)

    async def start(self, url: str) -> None:
        """Raises OSError."""
        self._server.set_endpoint(url)
        await self._server.start()

    async def stop(self) -> None:
        await self._server.stop()

    async def run(self) -> None:
        """Write what the devices show, until cancelled."""
        while True:
            await self.step()
            await asyncio.sleep(STEP_S)

    async def step(self) -> None:
        """Bring all variables up to date; those of a silent device say so."""
        shown = {device.device.id: device.values() for device in self._devices}
        for device, variable in self._variables:
            silent = device.faults.peek("silence") is not None or self._simulation.silent(device.device.id)
            value = variable.written(None if silent else shown[device.device.id].get(variable.tag))
            if value is not None and variable.node is not None:
                await self._server.write_attribute_value(variable.node, value)


@asynccontextmanager
async def serve(simulation: Simulation, lines: Sequence[Line], free_ports: bool) -> AsyncIterator[Mapping[str, Line]]:
    """One server for each address that lines name. Raises ConfigError."""
    taken: dict[str, Line] = {}
    groups: dict[str, list[Line]] = {}
    for line in lines:
        groups.setdefault(str(line.options.get("url", "")), []).append(line)
    async with AsyncExitStack() as stack:
        folder = _folder(stack)
        for url, sharing in groups.items():
            names = {line.id for line in sharing}
            server = SimulatedServer(simulation, sharing, [d for d in simulation.devices.values() if d.device.line in names])
            await server.build(folder)
            address = _free_url(url) if free_ports else url
            try:
                await server.start(address)
            except OSError as exc:
                raise ConfigError(cannot_serve(sharing[0].id, address, exc)) from exc
            stack.push_async_callback(server.stop)
            await server.step()
            stack.enter_context(_running(asyncio.create_task(server.run(), name=f"simulator:opcua:{sharing[0].id}")))
            taken |= {line.id: replace(line, options={**line.options, "url": address}) for line in sharing}
        yield taken


def _folder(stack: AsyncExitStack) -> Path:
    """Where the certificate lies: the same at each start, so that who trusts it need not be asked again."""
    folder = Path(tempfile.gettempdir()) / f"energy-opcua-{os.getuid()}"
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if found.st_uid == os.getuid() and stat.S_ISDIR(found.st_mode) and not found.st_mode & 0o077:
            return folder
    return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="energy-opcua-")))


@contextlib.contextmanager
def _running(task: asyncio.Task[None]) -> Iterator[None]:
    try:
        yield
    finally:
        task.cancel()


def _free_url(url: str) -> str:
    import socket  # noqa: PLC0415 - only for free ports

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return f"opc.tcp://127.0.0.1:{port}{urlsplit(url).path}"
