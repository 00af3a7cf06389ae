"""The cube of energy: its cells and which days of it are stored."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from database.migrate import existing_tables

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

MYSQL: dict[str, Any] = {
    "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin", "mariadb_charset": "utf8mb4", "mariadb_collate": "utf8mb4_bin",
}


def upgrade() -> None:
    """Create what is not there: MariaDB cannot roll back a step that was killed in the middle."""
    there = existing_tables(op.get_bind())
    if "cube_cell" not in there:
        op.create_table(
            "cube_cell",
            sa.Column("machine_id", sa.String(64), nullable=False),
            sa.Column("from_us", sa.BigInteger(), autoincrement=False, nullable=False),
            sa.Column("state", sa.String(12), nullable=False),
            sa.Column("to_us", sa.BigInteger(), nullable=False),
            sa.Column("day", sa.Date(), nullable=False),
            sa.Column("hour", sa.SmallInteger(), nullable=False),
            sa.Column("shift", sa.String(64), nullable=False),
            sa.Column("shift_day", sa.Date(), nullable=False),
            sa.Column("crew", sa.String(64), nullable=False),
            sa.Column("in_break", sa.Boolean(create_constraint=False), nullable=False),
            sa.Column("energy_kwh", sa.Double()),
            sa.Column("uncertain_kwh", sa.Double(), nullable=False),
            sa.Column("duration_us", sa.BigInteger(), nullable=False),
            sa.Column("known_us", sa.BigInteger(), nullable=False),
            sa.PrimaryKeyConstraint("machine_id", "from_us", "state", name=op.f("pk_cube_cell")),
            sqlite_with_rowid=False, **MYSQL,
        )
    if "cube_day" not in there:
        op.create_table(
            "cube_day",
            sa.Column("machine_id", sa.String(64), nullable=False),
            sa.Column("day", sa.Date(), nullable=False),
            sa.Column("from_us", sa.BigInteger(), nullable=False),
            sa.Column("to_us", sa.BigInteger(), nullable=False),
            sa.Column("kept_us", sa.BigInteger(), nullable=False),
            sa.Column("rule", sa.String(24), nullable=False),
            sa.PrimaryKeyConstraint("machine_id", "day", name=op.f("pk_cube_day")),
            sqlite_with_rowid=False, **MYSQL,
        )


def downgrade() -> None:
    for name in ("cube_day", "cube_cell"):
        if name in existing_tables(op.get_bind()):
            op.drop_table(name)
