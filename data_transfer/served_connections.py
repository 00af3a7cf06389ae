"""What every server of ours keeps of its clients: who is open, how many may be, what was asked in all."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar


class Client(Protocol):
    """One open connection."""

    address: str
    requests: int

    def abort(self) -> None:
        """Close it at once."""


C = TypeVar("C", bound=Client)


class OpenConnections(Generic[C]):
    """The open connections, the oldest first. May be read from any thread."""

    def __init__(self) -> None:
        self.open: dict[C, None] = {}
        self._requests_before = 0

    @property
    def requests(self) -> int:
        """Whole requests since the start."""
        return self._requests_before + sum(connection.requests for connection in list(self.open))

    def crowded(self, address: str, connections: int, per_address: int) -> str | None:
        """Which limit one more connection from there would break; None: there is room."""
        if len(self.open) >= connections:
            return "connections"
        if sum(1 for connection in self.open if connection.address == address) >= per_address:
            return "per_address"
        return None

    def forget(self, connection: C) -> None:
        if connection in self.open:
            del self.open[connection]
            self._requests_before += connection.requests

    def close_all(self) -> None:
        for connection in list(self.open):
            connection.abort()
