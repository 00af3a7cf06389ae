"""Where messages may go: the address really connected to is judged, each time.

Loopback, link-local, multicast, reserved and private addresses are refused unless the channel lists their network: a web-hook
must not become a way into the shop's own network. A name is resolved once and the connection goes to the judged address, so that
a name server cannot answer differently the second time.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence

from domain.errors import ConfigError
from domain.notification import DeliveryFailed

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
TIMEOUT_S = 10.0


def networks_of(value: object, field: str = "allow") -> tuple[Network, ...]:
    """Networks or single addresses as listed in a channel's settings. Raises ConfigError that names the wrong one."""
    entries = [value] if isinstance(value, str) else list(value) if isinstance(value, list | tuple) else []
    found = []
    for entry in entries:
        try:
            found.append(ipaddress.ip_network(str(entry).strip(), strict=False))
        except ValueError:
            raise ConfigError(f"{field}: {entry!r} is no network; expected for example 192.168.10.0/24") from None
    return tuple(found)


def judge(address: str, allowed: Sequence[Network]) -> None:
    """Raises DeliveryFailed (kind address, permanent) for an address that is neither public nor listed."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    if any(ip.version == network.version and ip in network for network in allowed):
        return
    if not ip.is_global or ip.is_multicast or ip.is_reserved:
        raise DeliveryFailed("address", f"{ip} is not a public address and its network is not listed", permanent=True)


def connect(host: str, port: int, allowed: Sequence[Network], timeout_s: float = TIMEOUT_S) -> socket.socket:
    """A connected TCP socket to the first judged address that answers. Blocks: for threads. Raises DeliveryFailed."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as exc:
        raise DeliveryFailed("dns", host) from exc
    for entry in found:
        judge(str(entry[4][0]), allowed)
    failed: OSError | None = None
    for family, kind, protocol, _name, address in found:
        sock = socket.socket(family, kind, protocol)
        sock.settimeout(timeout_s)
        try:
            sock.connect(address)
        except OSError as exc:
            sock.close()
            failed = exc
            continue
        return sock
    reason = "timeout" if isinstance(failed, TimeoutError) else "connect"
    raise DeliveryFailed(reason, f"{host}:{port}") from failed
