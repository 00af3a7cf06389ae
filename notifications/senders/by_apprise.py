"""Other services through the library apprise: the channel's secret is its service URL, which holds the credentials.

The library makes its own connections, so its targets are judged before they are given to it; services that act on this machine
itself (files, desktops, commands) are refused.
"""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from domain.alert import Priority
from domain.errors import ConfigError
from domain.notification import Channel, DeliveryFailed, Message
from notifications.targets import connect, networks_of

LIMIT_S = 30.0
_LOCAL = frozenset(
    {"dbus", "qt", "kde", "glib", "gnome", "macosx", "windows", "syslog", "file", "exec", "custom", "python", "smpp"}
)
_OWN_HOST = frozenset(  # services whose URL names the server itself
    {
        "json", "jsons", "xml", "xmls", "form", "forms", "mailto", "mailtos", "gotify", "gotifys", "ntfy", "ntfys", "mmost",
        "mmosts", "matrix", "matrixs", "rocket", "rockets", "nctalk", "nctalks", "mqtt", "mqtts", "apprise", "apprises",
    }
)  # fmt: skip


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
        try:
            async with asyncio.timeout(LIMIT_S):
                await asyncio.to_thread(_send, secret, message, channel)
        except TimeoutError as exc:
            raise DeliveryFailed("timeout") from exc


def _send(url: str, message: Message, channel: Channel) -> None:
    import apprise  # noqa: PLC0415 - heavy; only where it is used

    parts = urlsplit(url)
    if parts.scheme.lower() in _LOCAL:
        raise DeliveryFailed("address", "a service of this machine itself", permanent=True)
    if parts.scheme.lower() in _OWN_HOST and parts.hostname:
        port = parts.port or (443 if parts.scheme.endswith("s") else 80)
        connect(parts.hostname, port, networks_of(channel.settings.get("allow"))).close()
    service = apprise.Apprise.instantiate(url, suppress_exceptions=True)
    if service is None:
        raise DeliveryFailed("other", "the service URL is not understood", permanent=True)
    kind = apprise.NotifyType.FAILURE if message.priority is Priority.CRITICAL else apprise.NotifyType.WARNING
    if not service.notify(title=message.subject, body=f"{message.text}\n[{message.id}]", notify_type=kind):
        raise DeliveryFailed("refused", f"{parts.scheme} did not take the message")
