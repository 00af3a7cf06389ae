"""Which addresses this program never goes to on anybody's word (S20). Pure."""

from __future__ import annotations

import ipaddress

OwnPorts = frozenset[int]


def why_not(address: str, port: int, own_ports: OwnPorts = frozenset()) -> str | None:
    """Why devices and feeds are not to be sought there; None where they may be. `address`: as the resolver gives it."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    if ip.is_link_local or ip.is_multicast or ip.is_unspecified:
        return f"{ip} is a link-local, multicast or unspecified address"
    if ip.is_loopback and port in own_ports:
        return f"{ip}:{port} is a port of this program"
    return None
