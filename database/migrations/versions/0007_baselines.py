"""The schema of baselines."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from database.migrate import existing_tables

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLES = ("baseline", "balance_run", "balance_finding")
LONG = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")


def upgrade() -> None:
    """Baselines, and what the balance doctor found."""
    _create(
        "baseline",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(length=220), nullable=False),
        sa.Column("period", sa.String(length=10), nullable=False),
        sa.Column("train_from_us", sa.BigInteger(), nullable=False),
        sa.Column("train_to_us", sa.BigInteger(), nullable=False),
        sa.Column("variables_json", sa.Text(), nullable=False),
        sa.Column("fit_json", LONG, nullable=False),
        sa.Column("r2", sa.Double(), nullable=False),
        sa.Column("cv_rmse", sa.Double(), nullable=False),
        sa.Column("holds", sa.Boolean(), nullable=False),
        sa.Column("rule_version", sa.Integer(), nullable=False),
        sa.Column("fitted_us", sa.BigInteger(), nullable=False),
        sa.Column("fitted_by", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_baseline"),
        sa.UniqueConstraint("name", "version", name="uq_baseline_name_version"),
    )
    _create(
        "balance_run",
        sa.Column("from_us", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("to_us", sa.BigInteger(), nullable=False),
        sa.Column("ran_us", sa.BigInteger(), nullable=False),
        sa.Column("rule_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("from_us", name="pk_balance_run"),
    )
    _create(
        "balance_finding",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_from_us", sa.BigInteger(), nullable=False),
        sa.Column("to_us", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("device_id", sa.String(length=64), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("figures_json", sa.Text(), nullable=False),
        sa.Column("words_json", sa.Text(), nullable=False),
        sa.Column("rule_version", sa.Integer(), nullable=False),
        sa.Column("found_us", sa.BigInteger(), nullable=False),
        sa.Column("since_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_balance_finding"),
    )
    if "ix_balance_finding_run_from_us" not in {i["name"] for i in sa.inspect(op.get_bind()).get_indexes("balance_finding")}:
        op.create_index("ix_balance_finding_run_from_us", "balance_finding", ["run_from_us"])


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
        )
