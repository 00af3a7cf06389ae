"""Certificates of servers: who may look and approve, what the audit says, and that the line is tried again at once."""

from __future__ import annotations

import pytest

from application.certificates import Certificates
from data_collection.opcua.trust import fingerprint
from domain.access import Actor, Role
from domain.errors import Forbidden, NotFound
from tests.web_interface import fake_shop as shop
from tests.web_interface.fake_upkeep import fake_certificates
from tests.web_interface.memory_stores import MemoryAudit

ADMIN, ENGINEER = Actor("anna", Role.ADMIN, "test"), Actor("erik", Role.ENGINEER, "test")


@pytest.fixture
def audit() -> MemoryAudit:
    return MemoryAudit()


@pytest.fixture
def certificates(audit: MemoryAudit) -> Certificates:
    return fake_certificates(shop.ShopClock(), audit)


async def test_what_waits_is_approved_and_its_line_tried_again(certificates: Certificates, audit: MemoryAudit) -> None:
    tried: list[str] = []
    certificates._retry = tried.append
    waiting, trusted = await certificates.certificates(ADMIN)
    assert (waiting.trusted, waiting.line_id, trusted.trusted) == (False, "plc", True)
    await certificates.approve(waiting.fingerprint, ADMIN)
    assert tried == ["plc"]
    assert all(c.trusted for c in await certificates.certificates(ADMIN))
    await certificates.withdraw(trusted.fingerprint, ADMIN)
    await certificates.forget(trusted.fingerprint, ADMIN)
    assert [c.line_id for c in await certificates.certificates(ADMIN)] == ["plc"]
    own = await certificates.own(ADMIN)
    assert own is not None
    assert own[0] == fingerprint(own[1])
    assert [entry.action for entry in audit.log] == ["certificate_approve", "certificate_withdraw", "certificate_forget"]


async def test_only_an_administrator_and_only_what_is_there(certificates: Certificates, audit: MemoryAudit) -> None:
    for act in (certificates.approve, certificates.withdraw, certificates.forget):
        with pytest.raises(Forbidden):
            await act("0" * 64, ENGINEER)
        for unknown in ("0" * 64, "../own/key", ""):
            with pytest.raises(NotFound):
                await act(unknown, ADMIN)
    with pytest.raises(Forbidden):
        await certificates.certificates(ENGINEER)
    assert {entry.result for entry in audit.log} == {"failed"}
