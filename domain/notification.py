"""Getting an alert to a person: channels, subscriptions, messages and what waits to be delivered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time
from enum import Enum
from typing import Protocol

from domain.alert import Alert, Priority
from domain.errors import MonitorError


class ChannelKind(Enum):
    """How a message travels. `apprise`: any of the services that the library of that name knows, by its URL."""

    EMAIL = "email"
    TELEGRAM = "telegram"
    WEBHOOK = "webhook"
    APPRISE = "apprise"

    @property
    def needs_address(self) -> bool:
        """Does each person have an address of their own on it (mailbox, chat)?"""
        return self in {ChannelKind.EMAIL, ChannelKind.TELEGRAM}


@dataclass(frozen=True, slots=True)
class Channel:
    """`settings` by kind, without secrets (email: host, port, security, user, sender; telegram: base_url; webhook: url; allow).

    The secret (mail password, bot token, signing key, apprise URL) is stored apart, sealed; `has_secret`: is it there?
    """

    id: int
    kind: ChannelKind
    name: str
    enabled: bool = True
    settings: Mapping[str, object] = field(default_factory=dict)
    has_secret: bool = False


class Event(Enum):
    """What of an alert's life a person may want to hear of."""

    RAISED = "raised"
    RETURNED = "returned"
    ACKNOWLEDGED = "acknowledged"
    ESCALATED = "escalated"


@dataclass(frozen=True, slots=True)
class QuietHours:
    """By the wall clock of the site (`end <= start`: over midnight); only `passes` and what is more urgent goes out."""

    start: time
    end: time
    passes: Priority = Priority.CRITICAL

    def holds(self, at: time, priority: Priority) -> bool:
        """Must a message of that priority wait at that time of day?"""
        inside = self.start <= at < self.end if self.start < self.end else at >= self.start or at < self.end
        return inside and priority.rank > self.passes.rank


@dataclass(frozen=True, slots=True)
class Subscription:
    """What one user gets on one channel. Empty `sections`, `machines`, `rules`: all of them."""

    id: int
    user_id: int
    channel_id: int
    address: str = ""  # mailbox or chat, where the channel needs one
    enabled: bool = True
    min_priority: Priority = Priority.HIGH
    events: frozenset[Event] = frozenset({Event.RAISED, Event.ESCALATED})
    sections: tuple[str, ...] = ()
    machines: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    quiet: QuietHours | None = None
    digest_min: int = 0  # 0: each at once; else together, at whole multiples of so many minutes


class DeliveryState(Enum):
    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"  # refused for good: shown, may be tried again or discarded
    DISCARDED = "discarded"


@dataclass(frozen=True, slots=True)
class Notice:
    """One alert's event for one subscription: what is kept until it is delivered.

    `key` is its identity: the same event for the same subscription is kept once, however often it is told. `alert` is the
    picture at that moment.
    """

    id: int
    key: str
    subscription_id: int
    channel_id: int
    user_id: int
    address: str
    event: Event
    alert: Alert
    event_us: int
    due_us: int
    state: DeliveryState = DeliveryState.WAITING
    tries: int = 0
    last_error: str = ""
    sent_us: int | None = None
    message_id: str = ""  # of the message that carried it, the same again after a retry


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes along. `kind`: its media type."""

    name: str
    kind: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Message:
    """What a channel sends. `html` "" where there is none. `id` lets a reader recognise what comes twice."""

    id: str
    address: str
    subject: str
    text: str
    html: str
    priority: Priority
    facts: Mapping[str, object] = field(default_factory=dict)  # for programs: web-hooks
    attachments: tuple[Attachment, ...] = ()  # of e-mails


@dataclass(frozen=True, slots=True)
class ChannelHealth:
    """How a channel does since the start. `waiting`: notices not delivered yet."""

    channel_id: int
    waiting: int
    failed: int
    last_success_us: int | None = None
    last_error_us: int | None = None
    last_error: str = ""
    next_attempt_us: int | None = None


class DeliveryFailed(MonitorError):
    """Not delivered. `permanent`: trying again as it is will not help (an address that does not exist, a message refused).

    `kind`: dns | connect | timeout | tls | login | refused | address | limit | other, for plain words; `retry_after_s` where
    the other side says when.
    """

    def __init__(self, kind: str, detail: str = "", *, permanent: bool = False, retry_after_s: float | None = None) -> None:
        super().__init__(f"{kind}: {detail}" if detail else kind)
        self.kind, self.detail, self.permanent, self.retry_after_s = kind, detail, permanent, retry_after_s


class Sender(Protocol):
    """Sends one message over a channel; returns when the other side has taken it. Raises DeliveryFailed."""

    async def send(self, channel: Channel, secret: str | None, message: Message) -> None: ...


class NotificationStore(Protocol):
    """Channels, subscriptions and the outbox."""

    async def channels(self) -> Sequence[Channel]: ...
    async def save_channel(self, channel: Channel) -> Channel:
        """Insert when id is 0. Raises Conflict (name taken), NotFound."""
        ...

    async def delete_channel(self, channel_id: int) -> None:
        """With its subscriptions; what waits for it becomes discarded, not deleted. Raises NotFound."""
        ...

    async def subscriptions(self, user_id: int | None = None) -> Sequence[Subscription]: ...
    async def save_subscription(self, subscription: Subscription) -> Subscription: ...
    async def delete_subscription(self, subscription_id: int) -> None: ...

    async def put(self, notices: Sequence[Notice], handled_us: int) -> int:
        """Keep those whose key is new, and how far the alerts' events are handled, in one transaction; how many were new."""
        ...

    async def handled_us(self) -> int | None:
        """Up to when events were handled before; None at the very first start."""
        ...

    async def due(self, channel_id: int, now_us: int, limit: int) -> Sequence[Notice]:
        """Waiting notices of a channel that are due, oldest first."""
        ...

    async def next_due_us(self, channel_id: int) -> int | None: ...
    async def stamp(self, notice_ids: Sequence[int], message_id: str) -> None:
        """These travel in that message: said before it is sent, so that a retry after a crash carries the same id."""
        ...

    async def settle(
        self, notice_ids: Sequence[int], state: DeliveryState, *, error: str = "", sent_us: int | None = None
    ) -> None:
        """Sent, failed, discarded, or waiting again with the error (one more try)."""
        ...

    async def outbox(self, limit: int, *, state: DeliveryState | None = None, before: int | None = None) -> Sequence[Notice]:
        """Newest first."""
        ...

    async def counts(self) -> Mapping[int, tuple[int, int]]:
        """(waiting, failed) by channel."""
        ...

    async def prune(self, before_us: int) -> int:
        """Forget what was sent or discarded before that time."""
        ...
