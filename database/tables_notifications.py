"""Tables of notifications: channels, who wants what, and what waits to be delivered. Described in docs/database.md."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Text, UniqueConstraint

from database.tables import AutoId, table

notification_channel = table(  # secrets lie sealed in the table secret, name "channel:<id>"
    "notification_channel",
    Column("id", Integer, primary_key=True),
    Column("kind", String(20), nullable=False),  # email | telegram | webhook | apprise
    Column("name", String(100), nullable=False, unique=True),
    Column("enabled", Boolean(create_constraint=False), nullable=False),
    Column("settings_json", Text, nullable=False),
)

notification_subscription = table(
    "notification_subscription",
    Column("id", Integer, primary_key=True),
    Column("user_id", Integer, nullable=False),
    Column("channel_id", Integer, nullable=False),
    Column("address", String(254), nullable=False),
    Column("enabled", Boolean(create_constraint=False), nullable=False),
    Column("min_priority", String(10), nullable=False),
    Column("digest_min", Integer, nullable=False),
    Column("rest_json", Text, nullable=False),  # events, sections, machines, rules, quiet hours
    Index("ix_notification_subscription_user_id", "user_id"),
)

notification_outbox = table(  # written when the event is seen, kept until delivered or discarded
    "notification_outbox",
    Column("id", AutoId, primary_key=True),
    Column("key", String(400), nullable=False),  # event and subscription: the same is kept once
    Column("subscription_id", Integer, nullable=False),
    Column("channel_id", Integer, nullable=False),
    Column("user_id", Integer, nullable=False),
    Column("address", String(254), nullable=False),
    Column("event", String(16), nullable=False),
    Column("alert_json", Text, nullable=False),  # the picture at that moment
    Column("event_us", BigInteger, nullable=False),
    Column("due_us", BigInteger, nullable=False),
    Column("state", String(10), nullable=False),  # waiting | sent | failed | discarded
    Column("tries", Integer, nullable=False),
    Column("last_error", Text, nullable=False),
    Column("sent_us", BigInteger),
    Column("message_id", String(40), nullable=False),
    UniqueConstraint("key"),
    Index("ix_notification_outbox_channel_id_state_due_us", "channel_id", "state", "due_us"),
)

notification_mark = table(  # one row: up to when the alerts' events were handled
    "notification_mark",
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("handled_us", BigInteger, nullable=False),
)
