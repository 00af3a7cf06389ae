"""Other services through the library apprise: the channel's secret is its service URL, which holds the credentials.

The library makes its own connections, so each message goes out from a process of its own that judges every one of them
(apprise_process). Services that act on this machine itself (files, desktops, commands) are refused before.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from domain.alert import Priority
from domain.errors import ConfigError
from domain.notification import Channel, DeliveryFailed, Message
from notifications.targets import networks_of

LIMIT_S = 10.0  # the whole conversation
START_LIMIT_S = 30.0  # loading the library on a machine that has other work
ROOT: Final = Path(__file__).resolve().parents[2]
_KEPT: Final = ("PATH", "LANG", "LC_ALL", "TZ", "SYSTEMROOT", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
_LOCAL = frozenset(
    {"dbus", "qt", "kde", "glib", "gnome", "macosx", "windows", "syslog", "file", "exec", "custom", "python", "smpp"}
)


def check_service_url(url: str) -> str:
    """Raises ConfigError for what the library does not know or what would act on this machine."""
    scheme = urlsplit(url).scheme.lower()
    if not scheme or scheme in _LOCAL:
        raise ConfigError("secret: expected a service URL of a remote service, such as ntfys://host/topic")
    import apprise  # noqa: PLC0415 - heavy; only where it is used

    if apprise.Apprise.instantiate(url, suppress_exceptions=True) is None:
        raise ConfigError(f"secret: the service URL ({scheme}://…) is not understood")
    return url


class AppriseSender:
    """Raises DeliveryFailed."""

    async def send(self, channel: Channel, secret: str | None, message: Message) -> None:
        """Settings: allow (networks)."""
        if not secret:
            raise DeliveryFailed("login", "the channel has no service URL")
        if urlsplit(secret).scheme.lower() in _LOCAL:
            raise DeliveryFailed("address", "a service of this machine itself", permanent=True)
        request = {
            "url": secret, "title": message.subject, "body": f"{message.text}\n[{message.id}]",
            "critical": message.priority is Priority.CRITICAL,
            "allow": [str(network) for network in networks_of(channel.settings.get("allow"))],
        }  # fmt: skip
        async with _process() as process:
            assert process.stdin is not None  # noqa: S101 - it is a pipe
            process.stdin.write(json.dumps(request).encode() + b"\n")
            await _answer(process, START_LIMIT_S)
            told = await _answer(process, LIMIT_S)
        if "sent" not in told:
            raise DeliveryFailed(told["kind"], told["detail"], permanent=told["permanent"])


@asynccontextmanager
async def _process() -> AsyncIterator[asyncio.subprocess.Process]:
    """It ends with the block, whatever it does. It gets the request and nothing of this program's settings, proxies included."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "notifications.senders.apprise_process", cwd=ROOT, stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        env={name: os.environ[name] for name in _KEPT if name in os.environ},
    )  # fmt: skip
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _answer(process: asyncio.subprocess.Process, limit_s: float) -> dict[str, Any]:
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    try:
        async with asyncio.timeout(limit_s):
            line = await process.stdout.readline()
    except TimeoutError as exc:
        raise DeliveryFailed("timeout") from exc
    if not line:
        raise DeliveryFailed("other", "the process that sends it ended without an answer")
    found: dict[str, Any] = json.loads(line)
    return found
