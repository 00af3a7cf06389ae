"""The floor plan: its picture and the places of machines on it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from database.migrate import existing_tables

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

BLOB = sa.LargeBinary().with_variant(mysql.LONGBLOB(), "mysql", "mariadb")
PLAN, PLACE = "floor_plan", "floor_place"
_OPTIONS = {
    "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin", "mariadb_charset": "utf8mb4", "mariadb_collate": "utf8mb4_bin",
}


def upgrade() -> None:
    """Create what is not there: MariaDB cannot roll back a step that was killed in the middle."""
    there = existing_tables(op.get_bind())
    if PLAN not in there:
        op.create_table(
            PLAN,
            sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
            sa.Column("version", sa.Integer(), nullable=False),
            sa.Column("media_type", sa.String(length=40)),
            sa.Column("width", sa.Integer()),
            sa.Column("height", sa.Integer()),
            sa.Column("digest", sa.String(length=64)),
            sa.Column("picture", BLOB),
            sa.PrimaryKeyConstraint("id", name=f"pk_{PLAN}"),
            **_OPTIONS,  # type: ignore[arg-type]
        )
    if PLACE not in there:
        op.create_table(
            PLACE,
            sa.Column("machine_id", sa.String(length=64), nullable=False),
            sa.Column("x_percent", sa.Double(), nullable=False),
            sa.Column("y_percent", sa.Double(), nullable=False),
            sa.PrimaryKeyConstraint("machine_id", name=f"pk_{PLACE}"),
            **_OPTIONS,  # type: ignore[arg-type]
        )


def downgrade() -> None:
    there = existing_tables(op.get_bind())
    for table in (PLACE, PLAN):
        if table in there:
            op.drop_table(table)
