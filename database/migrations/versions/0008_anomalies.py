"""The schema of findings and anomalies."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from database.migrate import existing_tables

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TABLES = ("anomaly_model", "detector_memory", "finding")
LONG = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")


def upgrade() -> None:
    """Create what is not there: MariaDB cannot roll back a step that was killed in the middle."""
    _create(
        "finding",
        sa.Column("rule", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("from_us", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("to_us", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("severity", sa.String(length=10), nullable=False),
        sa.Column("waste_kwh", sa.Double(), nullable=True),
        sa.Column("waste_cost", sa.Double(), nullable=True),
        sa.Column("evidence_json", LONG, nullable=False),
        sa.Column("contributions_json", sa.Text(), nullable=False),
        sa.Column("detail", sa.String(length=300), nullable=False),
        sa.PrimaryKeyConstraint("rule", "subject", "from_us", name="pk_finding"),
    )
    if "ix_finding_from_us" not in {index["name"] for index in sa.inspect(op.get_bind()).get_indexes("finding")}:
        op.create_index("ix_finding_from_us", "finding", ["from_us"])
    _create(
        "detector_memory",
        sa.Column("detector", sa.String(length=120), nullable=False),
        sa.Column("memory_json", LONG, nullable=False),
        sa.PrimaryKeyConstraint("detector", name="pk_detector_memory"),
    )
    _create(
        "anomaly_model",
        sa.Column("machine_id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("trained_us", sa.BigInteger(), nullable=False),
        sa.Column("from_us", sa.BigInteger(), nullable=False),
        sa.Column("to_us", sa.BigInteger(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("trained_by", sa.String(length=200), nullable=False),
        sa.Column("numbers_json", LONG, nullable=False),
        sa.PrimaryKeyConstraint("machine_id", "version", name="pk_anomaly_model"),
    )


def downgrade() -> None:
    there = existing_tables(op.get_bind())
    for name in TABLES:
        if name in there:
            op.drop_table(name)


def _create(name: str, *parts: sa.schema.SchemaItem) -> None:
    if name not in existing_tables(op.get_bind()):
        op.create_table(
            name, *parts,
            mysql_charset="utf8mb4", mysql_collate="utf8mb4_bin", mariadb_charset="utf8mb4", mariadb_collate="utf8mb4_bin",
        )  # fmt: skip
