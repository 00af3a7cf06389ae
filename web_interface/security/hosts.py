"""Which Host and Origin are ours."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.types import Scope

from web_interface.security.answers import header, header_count


class Hosts:
    """Host: a name on the list, or an IP address (a foreign page cannot bring its own name to an address written in digits).

    Origin: the request's own scheme and host, or one on the list.
    """

    def __init__(self, names: Iterable[str], origins: Iterable[str]) -> None:
        own = socket.gethostname().casefold()
        self._names = {"localhost", own, f"{own}.local", *(name.casefold() for name in names)}
        self._origins = {origin.rstrip("/").casefold() for origin in origins}

    def host_known(self, scope: Scope) -> bool:
        """Exactly one Host header, with a name or address that is ours."""
        host = header(scope, b"host")
        if host is None or header_count(scope, b"host") != 1:
            return False
        try:
            parts = urlsplit(f"//{host}")
            name, _ = parts.hostname, parts.port
        except ValueError:
            return False
        if not name or parts.path or parts.query or parts.username is not None:
            return False
        if name.casefold() in self._names:
            return True
        try:
            ipaddress.ip_address(name.partition("%")[0])
        except ValueError:
            return False
        return True

    def origin_ours(self, scope: Scope) -> bool | None:
        """None when the request names no origin."""
        origin = header(scope, b"origin")
        if origin is None:
            return None
        scheme = {"ws": "http", "wss": "https"}.get(str(scope["scheme"]), str(scope["scheme"]))
        own = f"{scheme}://{header(scope, b'host') or ''}"
        return header_count(scope, b"origin") == 1 and origin.casefold() in {own.casefold(), *self._origins}
