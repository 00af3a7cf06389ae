"""Where feeds may go: any address an administrator names, but never a link-local one and never our own ports (S20).

A name is resolved and judged each time a connection is made, since it can point elsewhere tomorrow.
"""

from __future__ import annotations

import asyncio
import socket

from domain.address import OwnPorts as OwnPorts
from domain.address import why_not
from domain.feed import DestinationAway


async def judged_addresses(host: str, port: int, own_ports: OwnPorts = frozenset()) -> list[str]:
    """Addresses of `host` as text, each judged. Raises DestinationAway: not found, or one of them is not allowed."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as exc:
        raise DestinationAway(f"{host}: there is no such host") from exc
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for address in addresses:
        judge(address, port, own_ports)
    return addresses


def judge(address: str, port: int, own_ports: OwnPorts = frozenset()) -> None:
    """Raises DestinationAway for an address that no feed may go to."""
    reason = why_not(address, port, own_ports)
    if reason is not None:
        raise DestinationAway(f"{reason}: no feed goes there")
