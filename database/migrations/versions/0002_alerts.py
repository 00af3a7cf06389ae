"""Alerts: repeats, holds, escalation, the rule that raised them, and what each transition was."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from database.migrate import existing_tables

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_INDEXES = {"ix_alert_key": ("alert", "key"), "ix_alert_transition_time_us": ("alert_transition", "time_us")}
_TEXT = {"charset": "utf8mb4", "collate": "utf8mb4_bin"}


def _columns() -> dict[str, list[sa.Column[Any]]]:
    return {
        "alert": [
            sa.Column("rule_id", sa.String(length=64), nullable=True),
            sa.Column("rule_version", sa.String(length=8), nullable=False, server_default=""),
            sa.Column("message", sa.Text(), nullable=True),
            sa.Column("repeats", sa.Integer(), nullable=False, server_default="0"),
            sa.Column("last_raised_us", sa.BigInteger(), nullable=True),
            sa.Column("chattering", sa.SmallInteger(), nullable=False, server_default="0"),
            sa.Column("hold", sa.String(length=16), nullable=True),
            sa.Column("hold_since_us", sa.BigInteger(), nullable=True),
            sa.Column("hold_until_us", sa.BigInteger(), nullable=True),
            sa.Column("hold_by", sa.String(length=100), nullable=True),
            sa.Column("hold_reason", sa.Text(), nullable=True),
            sa.Column("cause", sa.String(length=250), nullable=True),
            sa.Column("escalation", sa.Integer(), nullable=False, server_default="0"),
            sa.Column("changes", sa.Integer(), nullable=False, server_default="0"),
        ],
        "alert_transition": [
            sa.Column("action", sa.String(length=16), nullable=False, server_default=""),
            sa.Column("note", sa.Text(), nullable=True),
            sa.Column("reached", sa.Text(), nullable=True),
        ],
    }


def upgrade() -> None:
    """Add what is not there: MariaDB cannot roll back a step that was killed in the middle."""
    there = existing_tables(op.get_bind())
    for table, columns in _columns().items():
        known = _names(table)
        for column in columns:
            if column.name not in known:
                op.add_column(table, column)
    op.execute(
        "UPDATE alert SET changes = (SELECT COUNT(*) FROM alert_transition t WHERE t.alert_id = alert.id) WHERE changes = 0"
    )
    for name, (table, indexed) in _INDEXES.items():
        if name not in _indexes(table):
            op.create_index(name, table, [indexed])
    if "alert_hold" not in there:
        options: dict[str, Any] = {f"{name}_{option}": value for name in ("mysql", "mariadb") for option, value in _TEXT.items()}
        op.create_table(
            "alert_hold",
            sa.Column("key", sa.String(length=250), nullable=False),
            sa.Column("kind", sa.String(length=16), nullable=False),
            sa.Column("since_us", sa.BigInteger(), nullable=False),
            sa.Column("until_us", sa.BigInteger(), nullable=True),
            sa.Column("actor", sa.String(length=100), nullable=True),
            sa.Column("reason", sa.Text(), nullable=False),
            sa.PrimaryKeyConstraint("key", name="pk_alert_hold"),
            **options,
        )


def downgrade() -> None:
    there = existing_tables(op.get_bind())
    if "alert_hold" in there:
        op.drop_table("alert_hold")
    for name, (table, _) in _INDEXES.items():
        if name in _indexes(table):
            op.drop_index(name, table)
    for table, columns in _columns().items():
        known = _names(table)
        for column in columns:
            if column.name in known:
                op.drop_column(table, str(column.name))


def _names(table: str) -> set[str]:
    return {str(column["name"]) for column in sa.inspect(op.get_bind()).get_columns(table)}


def _indexes(table: str) -> set[str]:
    return {str(index["name"]) for index in sa.inspect(op.get_bind()).get_indexes(table)}
