"""Saved views of trends."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from database.migrate import existing_tables

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TABLE = "trend_view"


def upgrade() -> None:
    """Create what is not there: MariaDB cannot roll back a step that was killed in the middle."""
    if TABLE in existing_tables(op.get_bind()):
        return
    op.create_table(
        TABLE,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("owner", sa.String(length=200), nullable=False),
        sa.Column("shared", sa.Boolean(create_constraint=False), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_us", sa.BigInteger(), nullable=False),
        sa.Column("changed_by", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{TABLE}"),
        sa.UniqueConstraint("owner", "name", name=f"uq_{TABLE}_owner_name"),
        mysql_charset="utf8mb4", mysql_collate="utf8mb4_bin", mariadb_charset="utf8mb4", mariadb_collate="utf8mb4_bin",
    )


def downgrade() -> None:
    if TABLE in existing_tables(op.get_bind()):
        op.drop_table(TABLE)
