"""Who may connect: what the server asks of the product, and the reasons it gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who signed in. `ticket` is what `still` is asked with; "" needs no asking."""

    name: str
    ticket: str = ""


class SignIn(Protocol):
    """The product's accounts and keys. Called on the product's own event loop."""

    async def sign_in(self, name: str, password: str, source: str) -> Principal:
        """Raises Forbidden, TooMany (web_interface.services.access) or StorageError: MonitorErrors all."""
        ...

    async def still(self, tickets: Sequence[str]) -> set[str]:
        """Those that are good no longer: disabled, another role or password, revoked, expired. Raises StorageError."""
        ...

    def forget(self, ticket: str) -> None:
        """Its connection is gone."""
        ...


class Trust(Protocol):
    """Certificates of clients. Must be quick."""

    def waiting(self) -> int:
        """How many wait for approval."""
        ...

    def refusal(self, certificate: bytes, source: str) -> str | None:
        """In the server's thread. None: it is trusted and in its time.

        Else untrusted (it waits for approval then) | expired | early | weak | broken.
        """
        ...


@dataclass(frozen=True, slots=True)
class Identity:
    """Files of certificate (DER) and key (PEM); the application URI the certificate is for."""

    certificate: Path
    key: Path
    uri: str


@dataclass(frozen=True, slots=True)
class Limits:
    """What one server takes (times in seconds)."""

    connections: int = 50
    per_address: int = 5
    activation_s: float = 10.0
    message_bytes: int = 1024 * 1024
    chunk_bytes: int = 65_535
    subscriptions: int = 100
    items_per_client: int = 10_000
    items: int = 50_000
    waiting_requests: int = 100
    waiting_bytes: int = 4 * 1024 * 1024
    history_values: int = 10_000
