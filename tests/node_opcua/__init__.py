"""Server and client of another maker for the tests of OPC UA: node-opcua of npm, with the versions of package-lock.json.

The packages are fetched once a machine into the cache of whoever runs the tests. Where node or npm are not there or nothing can be
fetched, a test is skipped by name; with CI=true it fails.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.fetched import cannot, fetched
from tests.servers import find_program

HERE = Path(__file__).resolve().parent
FETCH_S = 110.0
LIFE_S = 60.0
MACHINE_URI = "urn:test:machine"
SERVER_URI = "urn:test:node-opcua:server"
CLIENT_URI = "urn:test:node-opcua:client"


def _fetch(npm: str, folder: Path) -> None:
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, folder)
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=FETCH_S)
    except subprocess.TimeoutExpired:
        cannot(f"node-opcua cannot be fetched from npm within {FETCH_S:.0f} s")
    if done.returncode:
        cannot(f"node-opcua cannot be fetched from npm: {done.stderr[-300:]}")


@pytest.fixture(scope="session")
def node_opcua() -> NodeOpcUa:
    """The library, ready to run."""
    npm = find_program("npm")
    return NodeOpcUa(find_program("node"), fetched("node-opcua", HERE / "package-lock.json", partial(_fetch, npm)) / "node_modules")


@dataclass(frozen=True, slots=True)
class NodeOpcUa:
    """Runs the two programs of this folder."""

    node: str
    modules: Path

    def ask(self, endpoint: str, identity: NodeIdentity, timeout_s: float = LIFE_S, **wanted: object) -> dict[str, Any]:
        """What client.js found; `wanted` as its head says. A refusal is `error` (words) and `step`."""
        done = subprocess.run(self._command("client.js", {"endpoint": endpoint, **identity.options, **wanted}),
                              env=self._environment(), capture_output=True, text=True, check=False, timeout=timeout_s)  # fmt: skip
        return dict(_message(done.stdout.splitlines(), done.stderr))

    @contextlib.contextmanager
    def serve(
        self, port: int, identity: NodeIdentity, values: Mapping[str, tuple[str, object]], users: Mapping[str, str]
    ) -> Iterator[NodeServer]:
        """server.js with variables name -> (OPC UA type, first value) below Objects/Machine in MACHINE_URI; killed at the end."""
        options = {"port": port, "uri": MACHINE_URI, "values": values, "users": users, **identity.options}
        with (identity.folder / "server.log").open("ab") as log:
            process = subprocess.Popen(self._command("server.js", options), env=self._environment(), text=True,
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)  # fmt: skip
        try:
            server = NodeServer(process, f"opc.tcp://127.0.0.1:{port}", identity.folder / "server.log")
            server.wait_ready()
            yield server
        finally:
            process.kill()
            process.communicate(timeout=30)

    def _command(self, program: str, options: Mapping[str, object]) -> list[str]:
        return [self.node, str(HERE / program), json.dumps(options)]

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "NODE_PATH": str(self.modules), "NODE_ENV": "production"}


@dataclass(slots=True)
class NodeServer:
    """A running server.js."""

    process: subprocess.Popen[str]
    url: str
    log: Path
    namespace: int = field(default=0)

    def wait_ready(self) -> None:
        self.namespace = int(self._answer("ready")["namespace"])

    def command(self, **what: object) -> dict[str, Any]:
        """Send one command and wait until it is done."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()
        return self._answer("done")

    def _answer(self, wanted: str) -> dict[str, Any]:
        assert self.process.stdout is not None
        seen = []
        for line in self.process.stdout:
            seen.append(line)
            if line.startswith("{"):
                break
        message = _message(seen, self.log.read_text(errors="replace"))
        assert message.get(wanted), message
        return message


def _message(lines: Sequence[str], errors: str) -> dict[str, Any]:
    """The last JSON; the library writes warnings of its own beside it."""
    for line in reversed(lines):
        if line.startswith("{"):
            found: dict[str, Any] = json.loads(line)
            return found
    raise AssertionError(f"no answer: {''.join(lines)[-500:]} {errors[-1000:]}")


@dataclass(frozen=True, slots=True)
class NodeIdentity:
    """A certificate that signs itself with its key, and the folder of its certificate store."""

    folder: Path
    uri: str

    @property
    def certificate(self) -> Path:
        return self.folder / "own.pem"

    @property
    def options(self) -> dict[str, str]:
        return {"folder": str(self.folder / "store"), "certificate": str(self.certificate), "key": str(self.folder / "own.key"),
                "applicationUri": self.uri}  # fmt: skip

    @property
    def der(self) -> bytes:
        return x509.load_pem_x509_certificate(self.certificate.read_bytes()).public_bytes(serialization.Encoding.DER)


def make_identity(folder: Path, uri: str, *, begin: timedelta = timedelta(hours=-1), days: float = 2.0) -> NodeIdentity:
    """A fresh one, valid from `begin` from now for so many days."""
    folder.mkdir(parents=True, exist_ok=True)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, uri.rpartition(":")[2])])
    start = datetime.now(UTC) + begin
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=True, key_encipherment=True, data_encipherment=True, key_agreement=False,
        key_cert_sign=True, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    public = key.public_key()
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(public).serial_number(x509.random_serial_number())
        .not_valid_before(start).not_valid_after(start + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri), x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    identity = NodeIdentity(folder, uri)
    identity.certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "own.key").write_bytes(private)
    return identity
