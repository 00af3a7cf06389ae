"""Web-hook: a JSON POST, signed so that the receiver knows who sent it and that it is fresh.

Header `X-Energy-Signature: t=<unix seconds>,v1=<hex>`: HMAC-SHA256 with the channel's key over "<t>.<body>".
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time

from domain.notification import Channel, Message
from notifications.http_post import judge_status, post
from notifications.targets import networks_of


class WebhookSender:
    """Settings: url, allow (networks)."""

    async def send(self, channel: Channel, secret: str | None, message: Message) -> None:
        """Raises DeliveryFailed."""
        body = json.dumps(
            {"subject": message.subject, "text": message.text, "priority": message.priority.value, **message.facts},
            ensure_ascii=False,
        ).encode()
        headers = {"Content-Type": "application/json; charset=utf-8", "X-Energy-Message": message.id}
        if secret:
            headers["X-Energy-Signature"] = signature(secret, body, int(time.time()))
        url, allowed = str(channel.settings.get("url", "")), networks_of(channel.settings.get("allow"))
        judge_status(await asyncio.to_thread(post, url, body, headers, allowed))


def signature(key: str, body: bytes, unix_s: int) -> str:
    """The header's value."""
    digest = hmac.new(key.encode(), f"{unix_s}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={unix_s},v1={digest}"
