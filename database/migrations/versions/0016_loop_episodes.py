"""Episodes of control loops."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from database.migrate import existing_tables

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

TABLE = "loop_episode"
FIGURES = (
    "iae", "ise", "itae", "itse", "output_variation", "rise_s", "peak_s", "overshoot", "settling_s", "steady_error",
)  # fmt: skip


def upgrade() -> None:
    """Create what is not there: MariaDB cannot roll back a step that was killed in the middle."""
    if TABLE in existing_tables(op.get_bind()):
        return
    op.create_table(
        TABLE,
        sa.Column("loop_id", sa.String(length=64), nullable=False),
        sa.Column("from_us", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("to_us", sa.BigInteger(), nullable=False),
        sa.Column("setpoint_before", sa.Double(), nullable=False),
        sa.Column("setpoint_after", sa.Double(), nullable=False),
        *(sa.Column(name, sa.Double(), nullable=True) for name in FIGURES),
        sa.Column("completeness", sa.Double(), nullable=False),
        sa.Column("rule_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("loop_id", "from_us", name=f"pk_{TABLE}"),
        sqlite_with_rowid=False,
        mysql_charset="utf8mb4", mysql_collate="utf8mb4_bin", mariadb_charset="utf8mb4", mariadb_collate="utf8mb4_bin",
    )


def downgrade() -> None:
    if TABLE in existing_tables(op.get_bind()):
        op.drop_table(TABLE)
