"""Certificates of servers that the product talks to, as an administrator sees them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServerCertificate:
    """`fingerprint`: SHA-256, lower-case hexadecimal. `line_id`, `url`, `seen_us`: where and when it was first met.

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
