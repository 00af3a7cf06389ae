"""The schema of energy figures: hourly prices, idle ledger, notes on idling."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from database.migrate import existing_tables

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLES = ("hour_price", "idle_day", "idle_interval", "idle_note")
AUTO_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create what is not there: MariaDB cannot roll back a step that was killed in the middle."""
    _create(
        "hour_price",
        sa.Column("price_table", sa.String(length=60), nullable=False),
        sa.Column("time_us", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("price_per_kwh", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("price_table", "time_us", name="pk_hour_price"),
    )
    _create(
        "idle_interval",
        sa.Column("machine_id", sa.String(length=64), nullable=False),
        sa.Column("from_us", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("to_us", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("shift", sa.String(length=64), nullable=False),
        sa.Column("shift_day", sa.Date(), nullable=False),
        sa.Column("energy_kwh", sa.Double(), nullable=True),
        sa.Column("estimated_kwh", sa.Double(), nullable=False),
        sa.Column("rule_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("machine_id", "from_us", name="pk_idle_interval"),
    )
    _create(
        "idle_day",
        sa.Column("machine_id", sa.String(length=64), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("basis", sa.String(length=64), nullable=False),
        sa.Column("known_s", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("machine_id", "day", name="pk_idle_day"),
    )
    _create(
        "idle_note",
        sa.Column("id", AUTO_ID, nullable=False),
        sa.Column("machine_id", sa.String(length=64), nullable=False),
        sa.Column("from_us", sa.BigInteger(), nullable=False),
        sa.Column("to_us", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.String(length=500), nullable=False),
        sa.Column("author", sa.String(length=200), nullable=False),
        sa.Column("written_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_idle_note"),
    )
    _index("ix_idle_interval_day", "idle_interval", ["day"])
    _index("ix_idle_note_from_us", "idle_note", ["from_us"])


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
