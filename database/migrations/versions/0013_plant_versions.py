"""Kept versions of the plant's document; the one that stands becomes the first of them."""

from __future__ import annotations

import time

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from database.migrate import existing_tables

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TABLE = "plant_version"
LONG = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")


def upgrade() -> None:
    """Create what is not there: MariaDB cannot roll back a step that was killed in the middle."""
    if TABLE not in existing_tables(op.get_bind()):
        op.create_table(
            TABLE,
            sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
            sa.Column("time_us", sa.BigInteger(), nullable=False),
            sa.Column("author", sa.String(length=200), nullable=False),
            sa.Column("source", sa.String(length=200), nullable=False),
            sa.Column("action", sa.String(length=60), nullable=False),
            sa.Column("subject", sa.String(length=300), nullable=False),
            sa.Column("document_json", LONG, nullable=False),
            sa.PrimaryKeyConstraint("number", name=f"pk_{TABLE}"),
            mysql_charset="utf8mb4", mysql_collate="utf8mb4_bin", mariadb_charset="utf8mb4", mariadb_collate="utf8mb4_bin",
        )
    op.get_bind().execute(
        sa.text(
            "INSERT INTO plant_version (number, time_us, author, source, action, subject, document_json) "
            "SELECT version, :now_us, '', '', 'before_history', '', document_json FROM plant_document "
            "WHERE version NOT IN (SELECT number FROM plant_version)"
        ),
        {"now_us": time.time_ns() // 1000},
    )


def downgrade() -> None:
    if TABLE in existing_tables(op.get_bind()):
        op.drop_table(TABLE)
