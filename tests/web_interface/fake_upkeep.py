"""Backups and the log of the invented shop: the real services over a folder of this process and lines in memory."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import json
import shutil
import tempfile
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from application.backups import Backups
from application.certificates import Certificates
from application.log_view import LogView
from data_collection.opcua.trust import TrustList, fingerprint
from database.migrate import head_revision
from domain.errors import AccessDenied
from domain.log_line import LogLine
from tests.web_interface import fake_shop as shop
from tests.web_interface.memory_stores import MemoryAudit

FIRST = "energy-monitoring-20261118T030000Z.zip"
OLD = "before-upgrade-20261001T120000Z.zip"
_made: list[Path] = []


def _folder() -> Path:
    """A new one each time, all gone with the process."""
    if not _made:
        _made.append(Path(tempfile.mkdtemp(prefix="energy-backups-")))
        atexit.register(shutil.rmtree, _made[0], ignore_errors=True)
    return Path(tempfile.mkdtemp(dir=_made[0]))


def _write(file: Path, schema: str) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("about.json", json.dumps({"schema": schema, "rows": {}}))


def fake_backups(clock: shop.ShopClock, audit: MemoryAudit) -> Backups:
    """Two lie there, one of an older version. A new one takes a second once `run` runs."""
    folder = _folder()
    _write(folder / OLD, "0007")
    _write(folder / FIRST, head_revision())

    async def backup(file: Path, progress: Any) -> None:
        for done in range(5):
            progress(done, 4, done * 250_000)
            await asyncio.sleep(0.2)
        _write(file, head_revision())

    return Backups(SimpleNamespace(audit=audit, backup=backup), clock, folder)  # type: ignore[arg-type]


def fake_certificates(clock: shop.ShopClock, audit: MemoryAudit) -> Certificates:
    """One server is trusted, the certificate of another waits to be looked at."""
    folder = _folder()
    trust = TrustList(folder)
    for name, line in (("SINUMERIK", "dmg"), ("OWEN PLC210", "plc")):
        der = _certificate(name)
        with contextlib.suppress(AccessDenied):
            trust.check(der, line, f"opc.tcp://{line}.local:4840", clock.now_us())
        if line == "dmg":
            trust.approve(fingerprint(der))
    (folder / "own").mkdir()
    (folder / "own" / "certificate.der").write_bytes(_certificate("Energy Monitoring"))
    return Certificates(folder, audit, clock, lambda _line: None)


def _certificate(name: str) -> bytes:
    """Self-signed, as a machine tool has one."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.serial_number(7).not_valid_before(begin).not_valid_after(begin + timedelta(days=3650))
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(f"urn:{name.replace(' ', '-')}")])
    return builder.add_extension(names, critical=False).sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def fake_log(clock: shop.ShopClock) -> LogView:
    """A quiet hour with one silent device and one failed cycle."""
    now_us = clock.now_us()
    said = (
        ("INFO", "application.server", "Energy Monitoring starts", ""),
        ("INFO", "data_collection.line", "line tcp1: connected", ""),
        ("WARNING", "data_collection.line", "device m7: no answer within 0.8 s, next attempt in 4 s", ""),
        ("ERROR", "runtime.supervisor", "task balance failed, restarted in 1 s",
         "Traceback (most recent call last):\n  File \"doctor.py\", line 1, in run\nZeroDivisionError: division by zero"),
        ("INFO", "config.plant_admin", "machine_update lathe-1 by engineer", ""),
    )  # fmt: skip
    lines = [LogLine(n, now_us - (len(said) - n) * 11 * shop.MIN, *rest) for n, rest in enumerate(said)]
    return LogView(lambda: lines)
