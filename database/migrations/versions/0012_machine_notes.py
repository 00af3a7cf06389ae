"""Operators' notes on machines."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from database.migrate import existing_tables

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLE, INDEX = "machine_note", "ix_machine_note_machine"
AUTO_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create what is not there: MariaDB cannot roll back a step that was killed in the middle."""
    if TABLE not in existing_tables(op.get_bind()):
        op.create_table(
            TABLE,
            sa.Column("id", AUTO_ID, nullable=False),
            sa.Column("machine_id", sa.String(length=64), nullable=False),
            sa.Column("time_us", sa.BigInteger(), nullable=False),
            sa.Column("text", sa.String(length=500), nullable=False),
            sa.Column("author", sa.String(length=200), nullable=False),
            sa.Column("written_us", sa.BigInteger(), nullable=False),
            sa.PrimaryKeyConstraint("id", name=f"pk_{TABLE}"),
            mysql_charset="utf8mb4", mysql_collate="utf8mb4_bin", mariadb_charset="utf8mb4", mariadb_collate="utf8mb4_bin",
        )
    if INDEX not in {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(TABLE)}:
        op.create_index(INDEX, TABLE, ["machine_id", "time_us"])


def downgrade() -> None:
    if TABLE in existing_tables(op.get_bind()):
        op.drop_table(TABLE)
