"""Inspected items and quality models."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from database.migrate import existing_tables

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

ITEM, MODEL, INDEX = "inspection_item", "quality_model", "ix_inspection_item_closed"
LONG = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")


def upgrade() -> None:
    """Create what is not there: MariaDB cannot roll back a step that was killed in the middle."""
    there = existing_tables(op.get_bind())
    if ITEM not in there:
        op.create_table(
            ITEM,
            sa.Column("device_id", sa.String(length=64), nullable=False),
            sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
            sa.Column("opened_us", sa.BigInteger(), nullable=False),
            sa.Column("closed_us", sa.BigInteger(), nullable=False),
            sa.Column("features", LONG, nullable=False),
            sa.Column("outcome", sa.String(length=16), nullable=False),
            sa.Column("score", sa.Double(), nullable=False),
            sa.Column("reasons", LONG, nullable=False),
            sa.Column("model", sa.String(length=100), nullable=False),
            sa.Column("written_back", sa.SmallInteger(), nullable=True),
            sa.Column("label", sa.String(length=16), nullable=False),
            sa.PrimaryKeyConstraint("device_id", "number", name=f"pk_{ITEM}"),
            mysql_charset="utf8mb4", mysql_collate="utf8mb4_bin", mariadb_charset="utf8mb4", mariadb_collate="utf8mb4_bin",
        )
    if INDEX not in {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(ITEM)}:
        op.create_index(INDEX, ITEM, ["closed_us"])
    if MODEL not in there:
        op.create_table(
            MODEL,
            sa.Column("device_id", sa.String(length=64), nullable=False),
            sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
            sa.Column("kind", sa.String(length=16), nullable=False),
            sa.Column("document", LONG, nullable=False),
            sa.Column("items", sa.Integer(), nullable=False),
            sa.Column("made_us", sa.BigInteger(), nullable=False),
            sa.Column("author", sa.String(length=200), nullable=False),
            sa.Column("active", sa.SmallInteger(), nullable=False),
            sa.PrimaryKeyConstraint("device_id", "version", name=f"pk_{MODEL}"),
            mysql_charset="utf8mb4", mysql_collate="utf8mb4_bin", mariadb_charset="utf8mb4", mariadb_collate="utf8mb4_bin",
        )


def downgrade() -> None:
    for table in (ITEM, MODEL):
        if table in existing_tables(op.get_bind()):
            op.drop_table(table)
