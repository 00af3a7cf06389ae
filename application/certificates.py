"""Certificates of servers and of clients, looked at and approved in the pages; who may, and what the audit says of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from data_collection.opcua.trust import TrustList, fingerprint
from domain.access import Actor, Role
from domain.errors import Forbidden, NotFound
from domain.ports import Clock
from domain.stores import AuditStore
from domain.trust import ServerCertificate

OWN = Path("own") / "certificate.der"
SERVER = Path("server") / "certificate.der"
CLIENTS = "clients"


class Certificates:
    """Implements web_interface.services.CertificateService over the folder `opcua` of the data folder.

    `retry`: connect the lines anew that wait for trust.
    """

    def __init__(self, folder: Path, audit: AuditStore, clock: Clock, retry: Callable[[str], object]) -> None:
        self._trust, self._audit, self._clock, self._retry = TrustList(folder), audit, clock, retry
        self._clients = TrustList(folder / CLIENTS, of_clients=True)

    async def certificates(self, actor: Actor) -> Sequence[ServerCertificate]:
        """Those that wait first. Raises Forbidden (below admin)."""
        await self._need(actor, "list")
        found = [*await asyncio.to_thread(self._trust.certificates), *await asyncio.to_thread(self._clients.certificates)]
        return sorted(found, key=lambda one: (one.trusted, -one.seen_us))

    async def own(self, actor: Actor) -> tuple[str, bytes] | None:
        """Fingerprint and DER bytes of the product's own certificate; None until a line needed one. Raises Forbidden."""
        return await self._shown(OWN, actor)

    async def own_server(self, actor: Actor) -> tuple[str, bytes] | None:
        """The same of its OPC UA server; None until that ran. Raises Forbidden."""
        return await self._shown(SERVER, actor)

    async def _shown(self, place: Path, actor: Actor) -> tuple[str, bytes] | None:
        await self._need(actor, "own")
        path = self._trust.folder / place
        der = await asyncio.to_thread(lambda: path.read_bytes() if path.is_file() else b"")
        return (fingerprint(der), der) if der else None

    async def approve(self, known: str, actor: Actor) -> None:
        """Trust it; lines that waited for it connect at once. Raises Forbidden, NotFound."""
        await self._need(actor, "approve")
        met = {c.fingerprint: c.line_id for c in await asyncio.to_thread(self._trust.certificates)}
        await self._on_both(TrustList.approve, known)
        await self._note(actor, "certificate_approve", known)
        self._retry(met.get(known, ""))

    async def withdraw(self, known: str, actor: Actor) -> None:
        """Trust it no longer: the next connection is refused. Raises Forbidden, NotFound."""
        await self._need(actor, "withdraw")
        await self._on_both(TrustList.withdraw, known)
        await self._note(actor, "certificate_withdraw", known)

    async def forget(self, known: str, actor: Actor) -> None:
        """Drop one that waits. Raises Forbidden, NotFound."""
        await self._need(actor, "forget")
        await self._on_both(TrustList.forget, known)
        await self._note(actor, "certificate_forget", known)

    async def _on_both(self, act: Callable[[TrustList, str], None], known: str) -> None:
        """A certificate may be a server's and a client's."""
        missing = 0
        for trust in (self._trust, self._clients):
            try:
                await asyncio.to_thread(act, trust, known)
            except NotFound:
                missing += 1
        if missing == 2:
            raise NotFound("certificate", known)

    async def _note(self, actor: Actor, action: str, known: str) -> None:
        await self._audit.append(self._clock.now_us(), actor.name, actor.source, action, known)

    async def _need(self, actor: Actor, what: str) -> None:
        if not actor.role.allows(Role.ADMIN):
            now_us = self._clock.now_us()
            await self._audit.append(now_us, actor.name, actor.source, "refused", f"certificate {what}", result="failed")
            raise Forbidden("certificates need the role admin")
