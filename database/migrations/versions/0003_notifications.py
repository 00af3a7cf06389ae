"""The schema of notifications: channels, subscriptions, outbox."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from database.migrate import existing_tables

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = ("notification_mark", "notification_outbox", "notification_subscription", "notification_channel")
AUTO_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create what is not there: MariaDB cannot roll back a step that was killed in the middle."""
    _create(
        "notification_channel",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("settings_json", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_notification_channel"),
        sa.UniqueConstraint("name", name="uq_notification_channel_name"),
    )
    _create(
        "notification_subscription",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("channel_id", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(length=254), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("min_priority", sa.String(length=10), nullable=False),
        sa.Column("digest_min", sa.Integer(), nullable=False),
        sa.Column("rest_json", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_notification_subscription"),
    )
    _index("ix_notification_subscription_user_id", "notification_subscription", ["user_id"])
    _create(
        "notification_outbox",
        sa.Column("id", AUTO_ID, nullable=False),
        sa.Column("key", sa.String(length=400), nullable=False),
        sa.Column("subscription_id", sa.Integer(), nullable=False),
        sa.Column("channel_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(length=254), nullable=False),
        sa.Column("event", sa.String(length=16), nullable=False),
        sa.Column("alert_json", sa.Text(), nullable=False),
        sa.Column("event_us", sa.BigInteger(), nullable=False),
        sa.Column("due_us", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.Column("sent_us", sa.BigInteger(), nullable=True),
        sa.Column("message_id", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_notification_outbox"),
        sa.UniqueConstraint("key", name="uq_notification_outbox_key"),
    )
    _index("ix_notification_outbox_channel_id_state_due_us", "notification_outbox", ["channel_id", "state", "due_us"])
    _create(
        "notification_mark",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("handled_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_notification_mark"),
    )


def downgrade() -> None:
    there = existing_tables(op.get_bind())
    for name in TABLES:
        if name in there:
            op.drop_table(name)


def _create(name: str, *parts: sa.schema.SchemaItem) -> None:
    if name not in existing_tables(op.get_bind()):
        op.create_table(
            name, *parts,
            mysql_charset="utf8mb4", mysql_collate="utf8mb4_bin", mariadb_charset="utf8mb4", mariadb_collate="utf8mb4_bin",
        )  # fmt: skip


def _index(name: str, table: str, columns: list[str]) -> None:
    if name not in {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(table)}:
        op.create_index(name, table, columns)
