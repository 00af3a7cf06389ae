"""Answers of /api/notifications, for the description of the API."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


class Channel(BaseModel):
    id: int
    kind: str
    name: str
    enabled: bool
    settings: dict[str, Any]
    has_secret: bool
    waiting: int | None = None
    failed: int | None = None
    last_success: str | None = None
    last_error: str | None = None
    last_error_time: str | None = None
    next_attempt: str | None = None


class Channels(BaseModel):
    items: list[Channel]


class Delivered(BaseModel):
    delivered: bool


class Preview(BaseModel):
    subject: str
    text: str


class Quiet(BaseModel):
    start: str
    end: str
    passes: str


class Subscription(BaseModel):
    id: int
    user_id: int
    channel_id: int
    address: str
    enabled: bool
    min_priority: str
    events: list[str]
    sections: list[str]
    machines: list[str]
    rules: list[str]
    digest_min: int
    quiet: Quiet | None


class Subscriptions(BaseModel):
    items: list[Subscription]


class Notice(BaseModel):
    id: int
    key: str
    channel_id: int
    user_id: int
    address: str
    event: str
    event_time: str
    due: str
    state: str
    tries: int
    last_error: str | None
    sent: str | None
    message_id: str | None
    alert_id: int | None
    rule: str
    priority: str


class Outbox(BaseModel):
    items: list[Notice]
    next: int | None
