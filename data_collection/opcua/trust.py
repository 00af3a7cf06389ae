"""Certificates of others: which are trusted, which wait for somebody to look at them. Files in the data folder.

opcua/trusted/<sha-256>.der and opcua/waiting/<sha-256>.der with a .json beside it that says where it was met; those of the
clients of our own server the same way in opcua/clients/.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from domain.errors import AccessDenied, NotFound
from domain.trust import ServerCertificate

MOST_WAITING: Final = 100


def fingerprint(der: bytes) -> str:
    """SHA-256 of the certificate, hexadecimal, as servers and browsers show it."""
    return hashlib.sha256(der).hexdigest()


def shown_fingerprint(value: str) -> str:
    """For people: AB:CD:…"""
    return ":".join(value[i : i + 2] for i in range(0, len(value), 2)).upper()


@dataclass(frozen=True, slots=True)
class TrustList:
    """The two folders. Reads files each time: a change made elsewhere counts at the next connection."""

    folder: Path
    of_clients: bool = False

    def check(self, der: bytes, line_id: str, url: str, now_us: int) -> None:
        """Let a trusted certificate pass. Raises AccessDenied for another (which then waits) and for one out of its time."""
        known = fingerprint(der)
        if not self.knows(known):
            self.offer(der, line_id, url, now_us)
            raise AccessDenied(
                f"{url}: the server's certificate is not trusted yet. Compare its SHA-256 fingerprint with the server's own and "
                f"approve it under Administration, Certificates: {shown_fingerprint(known)}"
            )
        begin_us, end_us = validity_us(der)
        if not begin_us <= now_us <= end_us:
            when = datetime.fromtimestamp((end_us if now_us > end_us else begin_us) / 1e6, UTC).strftime("%Y-%m-%d")
            word = "has expired on" if now_us > end_us else "is not valid before"
            raise AccessDenied(f"{url}: the server's certificate {word} {when}: the server needs a new one (or a right clock)")

    def knows(self, known: str) -> bool:
        """Is the one with that fingerprint trusted?"""
        return (self.folder / "trusted" / f"{known}.der").is_file()

    def waiting(self) -> int:
        """How many wait for approval."""
        return sum(1 for _ in (self.folder / "waiting").glob("*.der"))

    def certificates(self) -> Sequence[ServerCertificate]:
        """All, those that wait first."""
        found = [*self._read("waiting", trusted=False), *self._read("trusted", trusted=True)]
        if self.of_clients:
            found = [replace(one, client=True) for one in found]
        return sorted(found, key=lambda c: (c.trusted, -c.seen_us))

    def approve(self, known: str) -> None:
        """Trust one that waits. Raises NotFound."""
        self._move(known, "waiting", "trusted")

    def withdraw(self, known: str) -> None:
        """Trust one no longer. Raises NotFound."""
        self._move(known, "trusted", "waiting")

    def forget(self, known: str) -> None:
        """Drop one that waits. Raises NotFound."""
        if not self._path("waiting", known).is_file():
            raise NotFound("certificate", known)
        for path in (self._path("waiting", known), self._path("waiting", known, "json")):
            path.unlink(missing_ok=True)

    def _path(self, kind: str, known: str, ending: str = "der") -> Path:
        if len(known) != 64 or not all(char in "0123456789abcdef" for char in known):
            raise NotFound("certificate", known)
        return self.folder / kind / f"{known}.{ending}"

    def _move(self, known: str, old: str, new: str) -> None:
        if not self._path(old, known).is_file():
            raise NotFound("certificate", known)
        self._path(new, known).parent.mkdir(parents=True, exist_ok=True)
        if self._path(old, known, "json").is_file():
            self._path(old, known, "json").replace(self._path(new, known, "json"))
        self._path(old, known).replace(self._path(new, known))

    def offer(self, der: bytes, line_id: str, url: str, now_us: int) -> None:
        """Have it wait for approval. Raises OSError."""
        known, folder = fingerprint(der), self.folder / "waiting"
        path = folder / f"{known}.der"
        if path.is_file():
            return
        folder.mkdir(parents=True, exist_ok=True)
        oldest = sorted(folder.glob("*.der"), key=lambda p: p.stat().st_mtime)
        for old in oldest[: max(0, len(oldest) - MOST_WAITING + 1)]:  # a server that makes one up each time fills no disk
            old.unlink(missing_ok=True)
            old.with_suffix(".json").unlink(missing_ok=True)
        path.with_suffix(".json").write_text(json.dumps({"line": line_id, "url": url, "seen_us": now_us}), encoding="utf-8")
        path.write_bytes(der)

    def _read(self, kind: str, *, trusted: bool) -> list[ServerCertificate]:
        found = []
        for path in sorted((self.folder / kind).glob("*.der")):
            try:
                met = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
            except (OSError, ValueError):
                met = {}
            try:
                found.append(_described(path.read_bytes(), met, trusted=trusted))
            except (OSError, ValueError):
                continue  # damaged, or taken away meanwhile
        return found


def _described(der: bytes, met: dict[str, object], *, trusted: bool) -> ServerCertificate:
    from cryptography import x509  # noqa: PLC0415 - only where certificates are looked at

    certificate = x509.load_der_x509_certificate(der)
    begin_us, end_us = validity_us(der)
    seen_us = met.get("seen_us")
    return ServerCertificate(
        fingerprint(der), certificate.subject.rfc4514_string(), application_uri(der) or "", begin_us, end_us, trusted,
        str(met.get("line", "")), str(met.get("url", "")), seen_us if isinstance(seen_us, int) else 0,
    )


def validity_us(der: bytes) -> tuple[int, int]:
    """Begin and end of its time, UTC microseconds. Raises ValueError."""
    from cryptography import x509  # noqa: PLC0415

    certificate = x509.load_der_x509_certificate(der)
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return round(begin.timestamp() * 1e6), round(end.timestamp() * 1e6)


def key_bits(der: bytes) -> int:
    """Size of its RSA key; 0 for a key of another kind. Raises ValueError."""
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey  # noqa: PLC0415

    key = x509.load_der_x509_certificate(der).public_key()
    return key.key_size if isinstance(key, RSAPublicKey) else 0


def application_uri(der: bytes) -> str | None:
    """The URI of the application that the certificate is for. Raises ValueError."""
    from cryptography import x509  # noqa: PLC0415

    certificate = x509.load_der_x509_certificate(der)
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None
    return next(iter(names.get_values_for_type(x509.UniformResourceIdentifier)), None)
