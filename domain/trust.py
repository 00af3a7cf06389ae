"""Certificates of servers that the product talks to, and of clients of its own server, as an administrator sees them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServerCertificate:
    """`fingerprint`: SHA-256, lower-case hexadecimal. `line_id`, `url`, `seen_us`: where and when it was first met.
    `client`: it belongs to a client of our OPC UA server; `url` is its address then.

    Times UTC microseconds.
    """

    fingerprint: str
    subject: str
    application_uri: str
    valid_from_us: int
    valid_to_us: int
    trusted: bool
    line_id: str = ""
    url: str = ""
    seen_us: int = 0
    client: bool = False
