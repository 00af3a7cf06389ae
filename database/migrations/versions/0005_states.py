"""The schema of states: the rule of each interval, what rules say, re-computing of the past."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from database.migrate import existing_tables

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLES = ("state_recompute", "state_rule")


def upgrade() -> None:
    """Create what is not there: MariaDB cannot roll back a step that was killed in the middle."""
    if "rule" not in _columns():
        op.add_column("machine_state", sa.Column("rule", sa.String(length=16), nullable=True))
    _create(
        "state_rule",
        sa.Column("machine_id", sa.String(length=64), nullable=False),
        sa.Column("rule", sa.String(length=16), nullable=False),
        sa.Column("idle_above_kw", sa.Double(), nullable=True),
        sa.Column("production_above_kw", sa.Double(), nullable=True),
        sa.Column("min_dwell_s", sa.Double(), nullable=True),
        sa.Column("hysteresis_kw", sa.Double(), nullable=True),
        sa.Column("control_json", sa.Text(), nullable=False),
        sa.Column("since_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("machine_id", "rule", name="pk_state_rule"),
    )
    _create(
        "state_recompute",
        sa.Column("machine_id", sa.String(length=64), nullable=False),
        sa.Column("rule", sa.String(length=16), nullable=False),
        sa.Column("from_us", sa.BigInteger(), nullable=False),
        sa.Column("to_us", sa.BigInteger(), nullable=False),
        sa.Column("done_us", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("started_us", sa.BigInteger(), nullable=False),
        sa.Column("ended_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("machine_id", name="pk_state_recompute"),
    )


def downgrade() -> None:
    there = existing_tables(op.get_bind())
    for name in TABLES:
        if name in there:
            op.drop_table(name)
    if "rule" in _columns():
        op.drop_column("machine_state", "rule")


def _columns() -> set[str]:
    return {str(column["name"]) for column in sa.inspect(op.get_bind()).get_columns("machine_state")}


def _create(name: str, *parts: sa.schema.SchemaItem) -> None:
    if name not in existing_tables(op.get_bind()):
        op.create_table(
            name, *parts, mysql_charset="utf8mb4", mysql_collate="utf8mb4_bin", mariadb_charset="utf8mb4",
            mariadb_collate="utf8mb4_bin",
        )  # fmt: skip
