"""NotificationService: channels, subscriptions and the outbox as people change them. Roles are checked, changes are audited."""

from __future__ import annotations

import json
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

from domain.access import Actor, Role, User
from domain.alert import Action, Alert, AlertState, Change, Priority
from domain.errors import ConfigError, Forbidden, NotFound
from domain.notification import (
    Channel,
    ChannelHealth,
    ChannelKind,
    DeliveryState,
    Event,
    Message,
    Notice,
    NotificationStore,
    Subscription,
)
from domain.ports import Clock
from domain.stores import AuditStore
from notifications.engine import NotificationEngine
from notifications.http_post import check_url
from notifications.senders.by_apprise import check_service_url
from notifications.senders.mail import check_mailbox
from notifications.targets import networks_of
from notifications.templates import Words, check_templates, message_of, one_line, templates_of

_SETTINGS = {
    ChannelKind.EMAIL: ("host", "port", "security", "user", "sender", "allow", "templates"),
    ChannelKind.TELEGRAM: ("base_url", "allow", "templates"),
    ChannelKind.WEBHOOK: ("url", "allow", "templates"),
    ChannelKind.APPRISE: ("allow", "templates"),
}
LONGEST_DIGEST_MIN = 24 * 60
SetSecret = Callable[[str, str | None], Awaitable[None]]
GetSecret = Callable[[str], Awaitable[str | None]]


class Notifications:
    """See services.NotificationService. `test_words(language)` gives (subject, text) of a test message."""

    def __init__(
        self, store: NotificationStore, engine: NotificationEngine, audit: AuditStore, clock: Clock, *,
        set_secret: SetSecret, secret: GetSecret, users: Callable[[], Awaitable[Sequence[User]]],
        words: Callable[[str], Words], test_words: Callable[[str], tuple[str, str]],
    ) -> None:
        self._words = words
        self._store, self._engine, self._audit, self._clock = store, engine, audit, clock
        self._set_secret, self._secret, self._users, self._test_words = set_secret, secret, users, test_words

    # -- channels --------------------------------------------------------------------------------------------------

    async def channels(self) -> Sequence[Channel]:
        """With `has_secret`; secrets are never read out."""
        return [replace(c, has_secret=await self._secret(secret_name(c.id)) is not None) for c in await self._store.channels()]

    def health(self) -> Sequence[ChannelHealth]:
        """Of every channel."""
        return self._engine.health()

    async def save_channel(self, channel: Channel, secret: str | None, actor: Actor) -> Channel:
        """`secret` None keeps the old one, "" removes it. Raises ConfigError that names the field, Conflict, Forbidden."""
        await self._need(actor, Role.ADMIN, f"channel {channel.name}")
        checked = checked_channel(channel, secret)
        old = next((c for c in await self._store.channels() if c.id == channel.id), None)
        if channel.id and old is None:
            raise NotFound("channel", str(channel.id))
        await self._write(actor, "channel_save", checked.name, old, checked)
        saved = await self._store.save_channel(checked)
        if secret is not None:
            await self._audit.append(self._clock.now_us(), actor.name, actor.source, "channel_secret", checked.name)
            await self._set_secret(secret_name(saved.id), secret or None)
        self._engine.changed()
        return saved

    async def delete_channel(self, channel_id: int, actor: Actor) -> None:
        """What waits for it is kept as discarded. Raises NotFound, Forbidden."""
        await self._need(actor, Role.ADMIN, f"channel {channel_id}")
        old = next((c for c in await self._store.channels() if c.id == channel_id), None)
        if old is None:
            raise NotFound("channel", str(channel_id))
        await self._write(actor, "channel_delete", old.name, old, None)
        await self._store.delete_channel(channel_id)
        await self._set_secret(secret_name(channel_id), None)
        self._engine.changed()

    async def test(self, channel_id: int, address: str, language: str, actor: Actor) -> None:
        """Send a test message at once. Raises DeliveryFailed with the reason, ConfigError, NotFound, Forbidden."""
        await self._need(actor, Role.ADMIN, f"channel {channel_id}")
        channel = next((c for c in await self._store.channels() if c.id == channel_id), None)
        if channel is None:
            raise NotFound("channel", str(channel_id))
        address = checked_address(channel.kind, address)
        await self._audit.append(self._clock.now_us(), actor.name, actor.source, "channel_test", channel.name)
        subject, text = self._test_words(language)
        message_id = uuid.uuid4().hex
        facts = {"id": message_id, "test": True, "items": []}
        message = Message(message_id, address, one_line(subject), text, "", Priority.LOW, facts)
        await self._engine.try_now(channel, await self._secret(secret_name(channel_id)), message)

    async def preview(self, channel: Channel, language: str, actor: Actor) -> Message:
        """How an alert would read on a channel that is not saved yet. Raises ConfigError that names the field, Forbidden."""
        await self._need(actor, Role.ADMIN, f"channel {channel.name}")
        checked, words, now_us = checked_channel(channel, None), self._words(language), self._clock.now_us()
        alert = Alert(
            0, "preview", "critical_high", Priority.CRITICAL, AlertState.UNACKNOWLEDGED, None, "m1.active_power", None, 14.2,
            14.0, "kW", now_us, change=Change(1, Action.RAISE, AlertState.UNACKNOWLEDGED, now_us),
        )
        notice = Notice(0, "preview", 0, channel.id, 0, "", Event.RAISED, alert, now_us, now_us)
        return message_of([notice], "preview", words, "", templates_of(checked, language, words.templates))

    # -- subscriptions ---------------------------------------------------------------------------------------------

    async def subscriptions(self, actor: Actor, everybody: bool = False) -> Sequence[Subscription]:
        """One's own; everybody's need admin."""
        if everybody:
            await self._need(actor, Role.ADMIN, "subscriptions")
            return await self._store.subscriptions()
        return await self._store.subscriptions(await self._user_id(actor))

    async def save_subscription(self, subscription: Subscription, actor: Actor) -> Subscription:
        """One's own (`user_id` 0: the actor), or as admin anybody's. Raises ConfigError that names the field, Forbidden."""
        own = await self._user_id(actor) if subscription.user_id == 0 or not actor.role.allows(Role.ADMIN) else None
        if own is not None and subscription.user_id not in (0, own):
            await self._need(actor, Role.ADMIN, f"subscription of user {subscription.user_id}")
        wanted = replace(subscription, user_id=subscription.user_id or own or 0)
        old = next((s for s in await self._store.subscriptions() if s.id == wanted.id), None) if wanted.id else None
        if wanted.id and (old is None or old.user_id != wanted.user_id):
            raise NotFound("subscription", str(wanted.id))
        channel = next((c for c in await self._store.channels() if c.id == wanted.channel_id), None)
        if channel is None:
            raise ConfigError(f"channel_id: there is no channel {wanted.channel_id}")
        checked = replace(wanted, address=checked_address(channel.kind, wanted.address))
        if not 0 <= checked.digest_min <= LONGEST_DIGEST_MIN:
            raise ConfigError(f"digest_min: is {checked.digest_min}; expected 0 to {LONGEST_DIGEST_MIN}")
        if not checked.events:
            raise ConfigError("events: is empty; expected at least one")
        if checked.quiet is not None and checked.quiet.start == checked.quiet.end:
            raise ConfigError("quiet: begins and ends at the same time; expected two times of day")
        await self._audit.append(
            self._clock.now_us(), actor.name, actor.source, "subscription_save", f"user:{checked.user_id} channel:{channel.name}"
        )
        saved = await self._store.save_subscription(checked)
        self._engine.changed()
        return saved

    async def delete_subscription(self, subscription_id: int, actor: Actor) -> None:
        """One's own, or as admin anybody's."""
        old = next((s for s in await self._store.subscriptions() if s.id == subscription_id), None)
        if old is None or (not actor.role.allows(Role.ADMIN) and old.user_id != await self._user_id(actor)):
            raise NotFound("subscription", str(subscription_id))
        await self._audit.append(self._clock.now_us(), actor.name, actor.source, "subscription_delete", f"user:{old.user_id}")
        await self._store.delete_subscription(subscription_id)
        self._engine.changed()

    # -- outbox ----------------------------------------------------------------------------------------------------

    async def outbox(
        self, limit: int, actor: Actor, state: DeliveryState | None = None, before: int | None = None
    ) -> Sequence[Notice]:
        """Newest first. Needs admin."""
        await self._need(actor, Role.ADMIN, "outbox")
        return await self._store.outbox(limit, state=state, before=before)

    async def settle(self, notice_ids: Sequence[int], actor: Actor, *, again: bool) -> None:
        """Failed or waiting notices: try again, or discard."""
        await self._need(actor, Role.ADMIN, "outbox")
        action = "notice_retry" if again else "notice_discard"
        await self._audit.append(self._clock.now_us(), actor.name, actor.source, action, f"{len(notice_ids)} notices")
        await self._store.settle(notice_ids, DeliveryState.WAITING if again else DeliveryState.DISCARDED)
        self._engine.changed()

    # -- inside ----------------------------------------------------------------------------------------------------

    async def _user_id(self, actor: Actor) -> int:
        for user in await self._users():
            if user.name == actor.name:
                return user.id
        raise Forbidden("notifications belong to users; an API key has none")

    async def _need(self, actor: Actor, role: Role, subject: str) -> None:
        if not actor.role.allows(role):
            await self._audit.append(self._clock.now_us(), actor.name, actor.source, "refused", subject, result="failed")
            raise Forbidden(f"this needs the role {role.value}")

    async def _write(self, actor: Actor, action: str, subject: str, old: Channel | None, new: Channel | None) -> None:
        await self._audit.append(
            self._clock.now_us(), actor.name, actor.source, action, subject, old=_told(old), new=_told(new)
        )


def secret_name(channel_id: int) -> str:
    """Under which the channel's secret is sealed."""
    return f"channel:{channel_id}"


def checked_channel(channel: Channel, secret: str | None) -> Channel:
    """With only the settings of its kind. Raises ConfigError that names the field."""
    name = one_line(channel.name)
    if not name or len(name) > 100:
        raise ConfigError("name: expected a text of 1 to 100 characters")
    unknown = [key for key in channel.settings if key not in _SETTINGS[channel.kind]]
    if unknown:
        known = ", ".join(_SETTINGS[channel.kind])
        raise ConfigError(f"settings.{unknown[0]}: is no setting of {channel.kind.value}; expected {known}")
    settings: dict[str, object] = {key: value for key, value in channel.settings.items() if value not in (None, "", [])}
    networks_of(settings.get("allow"), "settings.allow")
    if "templates" in settings:
        settings["templates"] = check_templates(settings["templates"])
    if channel.kind is ChannelKind.WEBHOOK:
        check_url(str(settings.get("url", "")), "settings.url")
    if channel.kind is ChannelKind.TELEGRAM and "base_url" in settings:
        check_url(str(settings["base_url"]), "settings.base_url")
    if channel.kind is ChannelKind.EMAIL:
        _check_mail(settings)
    if channel.kind is ChannelKind.APPRISE and secret:
        check_service_url(secret)
    return replace(channel, name=name, settings=settings)


def _check_mail(settings: Mapping[str, object]) -> None:
    if str(settings.get("security", "starttls")) not in {"starttls", "tls", "none"}:
        raise ConfigError("settings.security: expected one of starttls, tls, none")
    port = settings.get("port", 587)
    if not isinstance(port, int) or not 0 < port < 65536:
        raise ConfigError("settings.port: expected a whole number from 1 to 65535")
    if settings.get("host"):
        check_mailbox(str(settings.get("sender", "")), "settings.sender")


def checked_address(kind: ChannelKind, address: str) -> str:
    """A person's address on a channel of that kind. Raises ConfigError."""
    if kind is ChannelKind.EMAIL:
        return check_mailbox(address.strip())
    if kind is ChannelKind.TELEGRAM:
        text = address.strip()
        if not (text.lstrip("-").isdigit() or (text.startswith("@") and text[1:].isidentifier())) or len(text) > 64:
            raise ConfigError("address: expected the number of a chat or @channelname")
        return text
    return ""


def _told(channel: Channel | None) -> str | None:
    if channel is None:
        return None
    shown = {"kind": channel.kind.value, "name": channel.name, "enabled": channel.enabled, "settings": dict(channel.settings)}
    return json.dumps(shown, ensure_ascii=False)
