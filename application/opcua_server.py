"""The OPC UA server put together: off without its setting. Trust list and accounts of the product decide who may connect."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from application.certificates import CLIENTS
from application.modbus import machine_figures
from application.storage_watch import SystemAlerts
from config.settings import Settings
from data_collection.opcua.trust import TrustList, fingerprint, key_bits, validity_us
from data_transfer.opcua_server.access import Identity, Principal
from data_transfer.opcua_server.server import OpcUaServer
from database import Database
from domain.access import User
from domain.alert import Priority
from domain.plant import Plant
from domain.ports import Clock
from domain.served import ServedStatus, ServerStatus
from web_interface.auth.accounts import Accounts
from web_interface.services.live import LiveService

log = logging.getLogger(__name__)

KEY_USER: Final = "api-key"
"""Who signs in with a key says this name; the key is the password."""
FEWEST_BITS: Final = 2048
NEW_A_MINUTE: Final = 10  # certificates that may begin to wait: nobody fills the list with made-up ones
WARN_US: Final = 30 * 86_400_000_000
PERIOD_S: Final = 60.0
EXPIRES: Final = "opcua_certificate:opcua_server"


class NoOpcUaServer:
    """Implements domain.served.ServedStatus while it is off."""

    def status(self) -> ServerStatus | None:
        return None


class ClientTrust:
    """Implements data_transfer.opcua_server.access.Trust over the trust list of clients."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._list, self._clock = TrustList(folder, of_clients=True), clock
        self._offered: list[float] = []

    def waiting(self) -> int:
        """How many wait for approval."""
        return self._list.waiting()

    def refusal(self, certificate: bytes, source: str) -> str | None:
        """Files are read each time: what an administrator decides counts at once."""
        now_us = self._clock.now_us()
        try:
            begin_us, end_us = validity_us(certificate)
            if key_bits(certificate) < FEWEST_BITS:
                return "weak"
        except ValueError:
            return "broken"
        if now_us > end_us:
            return "expired"
        if now_us < begin_us:
            return "early"
        if self._list.knows(fingerprint(certificate)):
            return None
        self._offer(certificate, source, now_us)
        return "untrusted"

    def _offer(self, certificate: bytes, source: str, now_us: int) -> None:
        now = time.monotonic()
        self._offered = [at for at in self._offered if now - at < 60.0]
        if len(self._offered) >= NEW_A_MINUTE:
            return
        self._offered.append(now)
        try:
            self._list.offer(certificate, "", source, now_us)
        except OSError as exc:
            log.error("OPC UA server: the certificate of %s cannot be put aside for approval: %s", source, exc)


class ServerAccounts:
    """Implements data_transfer.opcua_server.access.SignIn over accounts and keys."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._users: dict[str, tuple[User, str]] = {}
        self._keys: dict[str, str] = {}

    async def sign_in(self, name: str, password: str, source: str) -> Principal:
        """Raises Forbidden, TooMany, StorageError."""
        ticket = secrets.token_hex(16)
        if name == KEY_USER:
            actor = await self._accounts.identify_key(password, source)
            self._keys[ticket] = password
            return Principal(actor.name, ticket)
        user, password_mark = await self._accounts.identify(name, password, source)
        self._users[ticket] = user, password_mark
        return Principal(user.name, ticket)

    async def still(self, tickets: Sequence[str]) -> set[str]:
        """Raises StorageError."""
        over = set()
        for ticket in tickets:
            if ticket in self._users:
                good = await self._accounts.unchanged(*self._users[ticket])
            else:
                key = self._keys.get(ticket)
                good = key is not None and await self._accounts.key(key) is not None
            if not good:
                over.add(ticket)
        return over

    def forget(self, ticket: str) -> None:
        self._users.pop(ticket, None)
        self._keys.pop(ticket, None)


def build_opcua_server(
    settings: Settings, database: Database, plant: Callable[[], Plant], live: LiveService, accounts: Accounts, clock: Clock
) -> OpcUaServer | None:
    """None: it is off."""
    wanted = settings.opcua_server
    if wanted.host is None:
        return None
    host, folder = wanted.host, settings.data_dir / "opcua"
    until = _ValidUntil(folder)

    def identity() -> Identity:
        from data_collection.opcua.identity import server_identity  # noqa: PLC0415 - brings the library

        made = server_identity(folder, clock.now_us(), host)
        return Identity(made.certificate, made.key, made.uri)

    return OpcUaServer(
        host, wanted.port, identity, ClientTrust(folder / CLIENTS, clock), ServerAccounts(accounts), database.samples,
        machine_figures(plant, live), clock, anonymous=wanted.anonymous, valid_until_us=until,
    )  # fmt: skip


class _ValidUntil:
    """End of the server's certificate, looked up when its file changes."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "server" / "certificate.der"
        self._changed_ns = -1
        self._until_us: int | None = None

    def __call__(self) -> int | None:
        try:
            changed_ns = self._path.stat().st_mtime_ns
            if changed_ns != self._changed_ns:
                self._until_us, self._changed_ns = validity_us(self._path.read_bytes())[1], changed_ns
        except (OSError, ValueError):
            return None
        return self._until_us


async def watch_certificate(server: ServedStatus, alerts: SystemAlerts, clock: Clock) -> None:
    """An alert 30 days before the server's own certificate expires, until cancelled."""
    standing = False
    while True:
        status = server.status()
        until_us = status.valid_until_us if status is not None else None
        soon = until_us is not None and until_us - clock.now_us() < WARN_US
        if soon and not standing and until_us is not None:
            days = max(0, (until_us - clock.now_us()) // 86_400_000_000)
            alerts.raise_system(EXPIRES, Priority.HIGH, str(days))
        elif standing and not soon:
            alerts.clear_system(EXPIRES)
        standing = soon
        await clock.sleep(PERIOD_S)
