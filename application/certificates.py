"""Certificates of servers, looked at and approved in the pages; who may, and what the audit says of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from data_collection.opcua.trust import TrustList, fingerprint
from domain.access import Actor, Role
from domain.errors import Forbidden
from domain.ports import Clock
from domain.stores import AuditStore
from domain.trust import ServerCertificate

OWN = Path("own") / "certificate.der"


class Certificates:
    """Implements web_interface.services.CertificateService over the folder `opcua` of the data folder.

    `retry`: connect the lines anew that wait for trust.
    """

    def __init__(self, folder: Path, audit: AuditStore, clock: Clock, retry: Callable[[str], object]) -> None:
        self._trust, self._audit, self._clock, self._retry = TrustList(folder), audit, clock, retry

    async def certificates(self, actor: Actor) -> Sequence[ServerCertificate]:
        """Those that wait first. Raises Forbidden (below admin)."""
        await self._need(actor, "list")
        return await asyncio.to_thread(self._trust.certificates)

    async def own(self, actor: Actor) -> tuple[str, bytes] | None:
        """Fingerprint and DER bytes of the product's own certificate; None until a line needed one. Raises Forbidden."""
        await self._need(actor, "own")
        path = self._trust.folder / OWN
        der = await asyncio.to_thread(lambda: path.read_bytes() if path.is_file() else b"")
        return (fingerprint(der), der) if der else None

    async def approve(self, known: str, actor: Actor) -> None:
        """Trust it; lines that waited for it connect at once. Raises Forbidden, NotFound."""
        await self._need(actor, "approve")
        met = {c.fingerprint: c.line_id for c in await asyncio.to_thread(self._trust.certificates)}
        await asyncio.to_thread(self._trust.approve, known)
        await self._note(actor, "certificate_approve", known)
        self._retry(met.get(known, ""))

    async def withdraw(self, known: str, actor: Actor) -> None:
        """Trust it no longer: the next connection is refused. Raises Forbidden, NotFound."""
        await self._need(actor, "withdraw")
        await asyncio.to_thread(self._trust.withdraw, known)
        await self._note(actor, "certificate_withdraw", known)

    async def forget(self, known: str, actor: Actor) -> None:
        """Drop one that waits. Raises Forbidden, NotFound."""
        await self._need(actor, "forget")
        await asyncio.to_thread(self._trust.forget, known)
        await self._note(actor, "certificate_forget", known)

    async def _note(self, actor: Actor, action: str, known: str) -> None:
        await self._audit.append(self._clock.now_us(), actor.name, actor.source, action, known)

    async def _need(self, actor: Actor, what: str) -> None:
        if not actor.role.allows(Role.ADMIN):
            now_us = self._clock.now_us()
            await self._audit.append(now_us, actor.name, actor.source, "refused", f"certificate {what}", result="failed")
            raise Forbidden("certificates need the role admin")
