"""Security of an OPC UA line against a real server: policies, sign-in, certificates that are not trusted, ended or refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from data_collection.opcua.trust import TrustList, shown_fingerprint
from domain.quality import Quality
from tests.conftest import eventually
from tests.data_collection.opcua.server import Machine
from tests.data_collection.opcua.test_client import Shop, device, line_to, shop

pytestmark = pytest.mark.asyncio(loop_scope="session")
SIGNED_IN = {"user": "reader"}


async def approved(s: Shop, data_dir: Path) -> None:
    """Look at what waits and trust it, as an administrator does."""
    trust = TrustList(data_dir / "opcua")
    await eventually(trust.certificates, 20)
    (certificate,) = trust.certificates()
    await eventually(lambda: shown_fingerprint(certificate.fingerprint) in s.error, 20)
    assert s.collector.lines()[0].state == "down"
    assert (certificate.trusted, certificate.line_id) == (False, "l")
    trust.approve(certificate.fingerprint)
    s.collector.retry("l")


@pytest.mark.parametrize(
    ("security", "mode"),
    [
        ("Basic256Sha256", "Sign"), ("Basic256Sha256", "SignAndEncrypt"), ("Aes128Sha256RsaOaep", "SignAndEncrypt"),
        ("Aes256Sha256RsaPss", "SignAndEncrypt"),
    ],
)  # fmt: skip
async def test_each_policy_after_the_server_was_approved(machine: Machine, tmp_path: Path, security: str, mode: str) -> None:
    line = replace(line_to(machine, security=security, message_mode=mode, **SIGNED_IN), password="пароль-1")
    async with shop(line, device(), data_dir=tmp_path) as s:
        await approved(s, tmp_path)
        await eventually(lambda: s.last("active_power") == (1.5, 0), 20)
    assert (tmp_path / "opcua" / "own" / "key.pem").stat().st_mode & 0o077 == 0
    async with shop(line, device(), data_dir=tmp_path) as s:  # known from now on
        await eventually(lambda: s.last("active_power") == (1.5, 0), 20)
        assert s.error == ""


async def test_a_wrong_password_is_told_and_not_tried_again_and_again(machine: Machine, tmp_path: Path) -> None:
    line = replace(line_to(machine, **SIGNED_IN), password="wrong")
    async with shop(line, device(), data_dir=tmp_path) as s:
        await eventually(lambda: "refuses the sign-in" in s.error, 20)
        assert s.last("active_power") in (None, (None, int(Quality.LINE_DOWN)))
        status = s.collector.lines()[0]
        assert status.errors_last_hour == 1
        assert status.next_attempt_us is not None
        assert status.next_attempt_us - status.since_us > 30_000_000
        assert "wrong" not in s.error


async def test_a_password_that_is_not_set_is_told(machine: Machine, tmp_path: Path) -> None:
    async with shop(line_to(machine, **SIGNED_IN), device(), data_dir=tmp_path) as s:
        await eventually(lambda: "the password of reader is not set" in s.error, 20)


async def test_sign_in_with_the_own_certificate(machine: Machine, tmp_path: Path) -> None:
    line = line_to(machine, security="Basic256Sha256", sign_in="certificate")
    async with shop(line, device(), data_dir=tmp_path) as s:
        await approved(s, tmp_path)
        await eventually(lambda: s.last("active_power") == (1.5, 0), 20)


async def test_trust_that_was_withdrawn_ends_with_the_next_connection(machine: Machine, tmp_path: Path) -> None:
    line = line_to(machine, security="Basic256Sha256")
    async with shop(line, device(), data_dir=tmp_path) as s:
        await approved(s, tmp_path)
        await eventually(lambda: s.last("active_power") == (1.5, 0), 20)
        trust = TrustList(tmp_path / "opcua")
        trust.withdraw(trust.certificates()[0].fingerprint)
        await machine.stop()
        await eventually(lambda: s.state == "offline", 20)
        await machine.start()
        await eventually(lambda: "not trusted yet" in s.error, 40)


async def test_a_certificate_that_has_ended_is_told_with_its_day(machine: Machine, tmp_path: Path) -> None:
    await machine.stop()
    await machine.certify(0)
    await machine.start()
    try:
        async with shop(line_to(machine, security="Basic256Sha256"), device(), data_dir=tmp_path) as s:
            await approved(s, tmp_path)
            await eventually(lambda: "has expired on" in s.error, 20)
    finally:
        await machine.stop()
        await machine.certify(365)


async def test_security_that_the_server_does_not_offer(machine: Machine, tmp_path: Path) -> None:
    line = line_to(machine, security="Aes128Sha256RsaOaep", message_mode="Sign")
    async with shop(line, device(), data_dir=tmp_path) as s:
        await eventually(lambda: "does not offer Aes128Sha256RsaOaep Sign" in s.error, 20)
        assert "Basic256Sha256 SignAndEncrypt" in s.error


async def test_without_a_data_folder_there_is_no_security(machine: Machine) -> None:
    async with shop(line_to(machine, security="Basic256Sha256"), device()) as s:
        await eventually(lambda: "needs a data folder" in s.error, 20)


async def test_certificates_that_wait_do_not_pile_up(tmp_path: Path) -> None:
    waiting = tmp_path / "waiting"
    waiting.mkdir()
    for number in range(120):
        (waiting / f"{number:064x}.der").write_bytes(b"x")
    trust = TrustList(tmp_path)
    with pytest.raises(Exception, match="not trusted yet"):
        trust.check(b"new", "l", "opc.tcp://h", 0)
    assert len(list(waiting.glob("*.der"))) == 100
    assert trust.certificates() == []  # damaged ones are passed over
