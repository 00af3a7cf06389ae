"""One HTTP(S) POST to a judged address: no redirect, no proxy, 10 s, 64 KiB of answer. Blocks: for threads."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from domain.errors import ConfigError
from domain.notification import DeliveryFailed
from notifications.deadline import Deadline
from notifications.targets import TIMEOUT_S, Network, connect

LONGEST_ANSWER = 64 * 1024
USER_AGENT = "energy-monitoring"


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and the beginning of the body."""

    status: int
    body: bytes
    retry_after_s: float | None


def check_url(url: str, field: str = "url") -> str:
    """Raises ConfigError unless it is http(s) with a host and without a password."""
    parts = urlsplit(url)
    try:
        port_ok = parts.port is None or 0 < parts.port < 65536
    except ValueError:
        port_ok = False
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.password or not port_ok:
        raise ConfigError(f"{field}: expected http(s)://host[:port]/path, without a password")
    return url


def post(url: str, body: bytes, headers: Mapping[str, str], allowed: Sequence[Network]) -> Answer:
    """Raises DeliveryFailed (dns, connect, timeout, tls, address); any status is an answer."""
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    path = parts.path or "/"
    target = f"{path}?{parts.query}" if parts.query else path
    sock = connect(host, port, allowed)
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    deadline = Deadline(sock, TIMEOUT_S)
    try:
        if secure:
            sock = ssl.create_default_context().wrap_socket(sock, server_hostname=host)
        connection.sock = sock
        connection.request("POST", target, body=body, headers={"User-Agent": USER_AGENT, "Connection": "close", **headers})
        answer = connection.getresponse()
        content = answer.read(LONGEST_ANSWER)
        return Answer(answer.status, content, _seconds(answer.getheader("Retry-After")))
    except (OSError, http.client.HTTPException) as exc:
        if deadline.passed or isinstance(exc, TimeoutError):
            raise DeliveryFailed("timeout", host) from exc
        if isinstance(exc, ssl.SSLError):
            raise DeliveryFailed("tls", str(exc.reason or exc)) from exc
        raise DeliveryFailed("connect", f"{host}: {type(exc).__name__}") from exc
    finally:
        deadline.close()
        connection.close()
        sock.close()


def _seconds(header: str | None) -> float | None:
    return float(header) if header is not None and header.strip().isdigit() else None


def judge_status(answer: Answer) -> None:
    """2xx is taken. Raises DeliveryFailed: for good where trying the same again cannot help (4xx but 408, 425, 429)."""
    if 200 <= answer.status < 300:
        return
    permanent = 400 <= answer.status < 500 and answer.status not in {401, 403, 404, 408, 425, 429}
    kind = "limit" if answer.status == 429 else "login" if answer.status in {401, 403} else "refused"
    raise DeliveryFailed(kind, f"HTTP {answer.status}", permanent=permanent, retry_after_s=answer.retry_after_s)
