"""Efficiency cards of shifts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from database.migrate import existing_tables

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TABLE = "efficiency_value"


def upgrade() -> None:
    """Create what is not there: MariaDB cannot roll back a step that was killed in the middle."""
    if TABLE not in existing_tables(op.get_bind()):
        op.create_table(
            TABLE,
            sa.Column("machine_id", sa.String(length=64), nullable=False),
            sa.Column("day", sa.Date(), nullable=False),
            sa.Column("shift", sa.String(length=64), nullable=False),
            sa.Column("window_from_us", sa.BigInteger(), nullable=False),
            sa.Column("window_to_us", sa.BigInteger(), nullable=False),
            sa.Column("card", sa.String(length=16), nullable=False),
            sa.Column("version", sa.Integer(), nullable=False),
            sa.Column("value", sa.Double()),
            sa.Column("numerator_kwh", sa.Double(), nullable=False),
            sa.Column("denominator_kwh", sa.Double(), nullable=False),
            sa.Column("completeness", sa.Double(), nullable=False),
            sa.Column("estimated_share", sa.Double(), nullable=False),
            sa.Column("complete", sa.Boolean(create_constraint=False), nullable=False),
            sa.Column("reason", sa.String(length=60)),
            sa.PrimaryKeyConstraint("machine_id", "day", "shift", name=f"pk_{TABLE}"),
            sqlite_with_rowid=False,
            mysql_charset="utf8mb4", mysql_collate="utf8mb4_bin", mariadb_charset="utf8mb4", mariadb_collate="utf8mb4_bin",
        )
    if "ix_efficiency_value_day" not in {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(TABLE)}:
        op.create_index("ix_efficiency_value_day", TABLE, ["day"])


def downgrade() -> None:
    if TABLE in existing_tables(op.get_bind()):
        op.drop_table(TABLE)
