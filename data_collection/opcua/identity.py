"""The product's own certificate: made at first use in the data folder, renewed before it expires."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from asyncua.crypto.cert_gen import dump_private_key_as_pem, generate_private_key, generate_self_signed_app_certificate
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from data_collection.opcua.trust import application_uri, fingerprint, validity_us

DAYS: Final = 3650  # a control's trust list is set up once and by hand
RENEW_US: Final = 30 * 86_400_000_000


@dataclass(frozen=True, slots=True)
class Identity:
    """Files of certificate (DER) and key (PEM), and the application URI the certificate is for."""

    certificate: Path
    key: Path
    uri: str

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.certificate.read_bytes())


def own_identity(folder: Path, now_us: int) -> Identity:
    """What our client shows: lies in `folder`, made or renewed where needed. Blocking (up to a second for the key)."""
    host = socket.gethostname()
    names = [x509.DNSName(host)]
    return _identity(folder / "own", f"urn:{host}:energy-monitoring", names, ExtendedKeyUsageOID.CLIENT_AUTH, now_us, RENEW_US)


def server_identity(folder: Path, now_us: int, address: str) -> Identity:
    """What our server shows to clients that reach it at `address`. One that was put there in its place is taken.

    It is made anew only when it has expired: clients trust it one by one. Blocking. Raises OSError.
    """
    host = socket.gethostname()
    names: list[x509.GeneralName] = [x509.DNSName(host), x509.DNSName("localhost")]
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        names += [x509.DNSName(address)] if address.isascii() and address not in {host, "localhost"} else []
    else:
        names += [] if found.is_unspecified else [x509.IPAddress(found)]
    uri = f"urn:{host}:energy-monitoring:server"
    return _identity(folder / "server", uri, names, ExtendedKeyUsageOID.SERVER_AUTH, now_us, 0)


def _identity(
    folder: Path, uri: str, hosts: Sequence[x509.GeneralName], use: x509.ObjectIdentifier, now_us: int, renew_us: int
) -> Identity:
    certificate, key = folder / "certificate.der", folder / "key.pem"
    if certificate.is_file() and key.is_file():
        der = certificate.read_bytes()
        known = application_uri(der)
        if known and validity_us(der)[1] - now_us > renew_us:
            return Identity(certificate, key, known)
    certificate.parent.mkdir(parents=True, exist_ok=True)
    private = generate_private_key()
    names = [x509.UniformResourceIdentifier(uri), *hosts]
    made = generate_self_signed_app_certificate(
        private, "Energy Monitoring", {"organizationName": "Energy Monitoring"}, names, [use], DAYS
    )
    _write(key, dump_private_key_as_pem(private), 0o600)
    _write(certificate, made.public_bytes(Encoding.DER), 0o644)
    return Identity(certificate, key, uri)


def _write(path: Path, data: bytes, mode: int) -> None:
    """Whole or not at all."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    draft.replace(path)
