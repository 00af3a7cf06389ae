"""Notifications in memory, for pages and routes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import time

from domain.access import Actor, Role
from domain.alert import Priority
from domain.errors import Forbidden, NotFound
from domain.notification import (
    Channel,
    ChannelHealth,
    ChannelKind,
    DeliveryState,
    Message,
    Notice,
    QuietHours,
    Subscription,
)


class FakeNotifications:
    """One mail channel that works, a web-hook that does not; one subscription."""

    def __init__(self) -> None:
        mail = {"host": "mail.example.org", "sender": "shop@example.org"}
        self._channels = {
            1: Channel(1, ChannelKind.EMAIL, "Почта цеха", True, mail, has_secret=True),
            2: Channel(2, ChannelKind.WEBHOOK, "Диспетчерская", True, {"url": "https://example.org/hook"}),
        }
        quiet = QuietHours(time(22, 0), time(6, 0))
        self._subscriptions = {1: Subscription(1, 1, 1, "anna@example.org", quiet=quiet)}
        self.tested: list[tuple[int, str]] = []
        self.secrets: dict[int, str | None] = {}

    async def channels(self) -> Sequence[Channel]:
        return list(self._channels.values())

    def health(self) -> Sequence[ChannelHealth]:
        at = 1_763_548_800_000_000
        return [ChannelHealth(1, 0, 0, at), ChannelHealth(2, 3, 1, None, at, "connect: example.org", at + 60_000_000)]

    async def save_channel(self, channel: Channel, secret: str | None, actor: Actor) -> Channel:
        self._need(actor)
        if channel.id and channel.id not in self._channels:
            raise NotFound("channel", str(channel.id))
        saved = replace(channel, id=channel.id or max(self._channels, default=0) + 1)
        self._channels[saved.id] = saved
        self.secrets[saved.id] = secret
        return saved

    async def delete_channel(self, channel_id: int, actor: Actor) -> None:
        self._need(actor)
        if self._channels.pop(channel_id, None) is None:
            raise NotFound("channel", str(channel_id))

    async def test(self, channel_id: int, address: str, language: str, actor: Actor) -> None:
        self._need(actor)
        self.tested.append((channel_id, address))

    async def preview(self, channel: Channel, language: str, actor: Actor) -> Message:
        self._need(actor)
        return Message("preview", "", "Subject", "Text", "", Priority.CRITICAL)

    async def subscriptions(self, actor: Actor, everybody: bool = False) -> Sequence[Subscription]:
        return list(self._subscriptions.values())

    async def save_subscription(self, subscription: Subscription, actor: Actor) -> Subscription:
        saved = replace(subscription, id=subscription.id or max(self._subscriptions, default=0) + 1)
        self._subscriptions[saved.id] = saved
        return saved

    async def delete_subscription(self, subscription_id: int, actor: Actor) -> None:
        self._subscriptions.pop(subscription_id, None)

    async def outbox(
        self, limit: int, actor: Actor, state: DeliveryState | None = None, before: int | None = None
    ) -> Sequence[Notice]:
        self._need(actor)
        return []

    async def settle(self, notice_ids: Sequence[int], actor: Actor, *, again: bool) -> None:
        self._need(actor)

    @staticmethod
    def _need(actor: Actor) -> None:
        if not actor.role.allows(Role.ADMIN):
            raise Forbidden("this needs the role admin")
