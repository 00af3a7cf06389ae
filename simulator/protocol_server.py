"""What the simulated devices that answer by callbacks share: listening, knowing who is connected, cutting everybody off."""

from __future__ import annotations

import asyncio
from typing import cast


class ProtocolServer:
    """`connections`: those that stand now; `accepted`: how many came since it was made."""

    def __init__(self) -> None:
        self.host, self.port = "", 0
        self.connections: set[Connection] = set()
        self.accepted = 0
        self._server: asyncio.Server | None = None

    def connection(self) -> Connection:
        """Of a client that comes now."""
        raise NotImplementedError

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; `port` 0 takes a free one, see `self.port`. Raises OSError when the port is taken."""
        self._server = await asyncio.get_running_loop().create_server(self.connection, host, port)
        self.host, self.port = host, self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the port and all connections. Can be started again."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
            self.drop_connections()
            await server.wait_closed()

    def drop_connections(self) -> None:
        """Reset every connection, as a device or gateway that restarts does."""
        for connection in list(self.connections):
            if connection.transport is not None:
                connection.transport.abort()


class Connection(asyncio.Protocol):
    """One client."""

    def __init__(self, owner: ProtocolServer) -> None:
        self.transport: asyncio.Transport | None = None
        self._owner = owner

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._owner.accepted += 1
        self._owner.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._owner.connections.discard(self)

    def write(self, data: bytes) -> None:
        """Nothing to one who is gone."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)

    def close(self) -> None:
        """In good order."""
        if self.transport is not None:
            self.transport.close()
