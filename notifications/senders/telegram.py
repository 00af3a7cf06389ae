"""Telegram: the Bot API's sendMessage (core.telegram.org/bots/api#sendmessage). The secret is the bot's token."""

from __future__ import annotations

import asyncio
import json

from domain.notification import Channel, DeliveryFailed, Message
from notifications.http_post import Answer, judge_status, post
from notifications.targets import networks_of

BASE_URL = "https://api.telegram.org"
LONGEST = 4096


class TelegramSender:
    """Settings: base_url (a Bot API server of one's own), allow. Text goes as plain text: nothing in it is markup."""

    async def send(self, channel: Channel, secret: str | None, message: Message) -> None:
        """Raises DeliveryFailed."""
        if not secret:
            raise DeliveryFailed("login", "the channel has no bot token")
        text = f"{message.subject}\n{message.text}"
        if len(text) > LONGEST:
            text = text[: LONGEST - 1] + "…"
        said = {"chat_id": message.address, "text": text, "disable_web_page_preview": True}
        body = json.dumps(said, ensure_ascii=False).encode()
        url = f"{str(channel.settings.get('base_url') or BASE_URL).rstrip('/')}/bot{secret}/sendMessage"
        headers = {"Content-Type": "application/json; charset=utf-8"}
        answer = await asyncio.to_thread(post, url, body, headers, networks_of(channel.settings.get("allow")))
        _judge(answer)


def _judge(answer: Answer) -> None:
    """What the Bot API says: {"ok", "error_code", "description", "parameters": {"retry_after"}}."""
    try:
        said = json.loads(answer.body)
    except ValueError:
        said = {}
    parameters = said.get("parameters") if isinstance(said, dict) else None
    wait = parameters.get("retry_after") if isinstance(parameters, dict) else None
    if answer.status == 429:
        raise DeliveryFailed("limit", "too many messages", retry_after_s=float(wait) if isinstance(wait, int | float) else None)
    if answer.status in {400, 403} and isinstance(said, dict):
        raise DeliveryFailed("refused", str(said.get("description", ""))[:200], permanent=True)
    judge_status(answer)
