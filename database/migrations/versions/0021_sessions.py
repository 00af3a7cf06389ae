"""Sessions of people: they outlive the process that began them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from database.migrate import existing_tables

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

TABLE = "web_session"


def upgrade() -> None:
    """Create what is not there: MariaDB cannot roll back a step that was killed in the middle."""
    if TABLE not in existing_tables(op.get_bind()):
        op.create_table(
            TABLE,
            sa.Column("digest", sa.String(length=64), nullable=False),
            sa.Column("user_id", sa.Integer(), nullable=False),
            sa.Column("role", sa.String(length=10), nullable=False),
            sa.Column("password_mark", sa.String(length=64), nullable=False),
            *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("begun_us", "used_us", "confirmed_us")),
            sa.PrimaryKeyConstraint("digest", name=f"pk_{TABLE}"),
            mysql_charset="utf8mb4", mysql_collate="utf8mb4_bin", mariadb_charset="utf8mb4", mariadb_collate="utf8mb4_bin",
        )


def downgrade() -> None:
    if TABLE in existing_tables(op.get_bind()):
        op.drop_table(TABLE)
