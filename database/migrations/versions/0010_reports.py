"""Templates of reports, schedules, runs, inputs of issued reports."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from database.migrate import existing_tables

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

BLOB = sa.LargeBinary().with_variant(mysql.LONGBLOB(), "mysql", "mariadb")
TABLES = ("report_template", "report_schedule", "report_run", "report_input")
_OPTIONS = {
    "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin", "mariadb_charset": "utf8mb4", "mariadb_collate": "utf8mb4_bin",
}


def _columns(table: str) -> list[sa.schema.SchemaItem]:
    if table == "report_template":
        return [
            sa.Column("id", sa.String(length=60), nullable=False),
            sa.Column("version", sa.Integer(), nullable=False),
            sa.Column("template_json", sa.Text(), nullable=False),
            sa.Column("logo", BLOB),
            sa.PrimaryKeyConstraint("id", name="pk_report_template"),
        ]
    if table == "report_schedule":
        return [
            sa.Column("id", sa.Integer(), nullable=False),
            sa.Column("template", sa.String(length=60), nullable=False),
            sa.Column("format", sa.String(length=10), nullable=False),
            sa.Column("delay_min", sa.Integer(), nullable=False),
            sa.Column("enabled", sa.Boolean(create_constraint=False), nullable=False),
            sa.Column("folder", sa.String(length=1000), nullable=False),
            sa.Column("channel_id", sa.Integer()),
            sa.Column("mail_to_json", sa.Text(), nullable=False),
            sa.Column("since_us", sa.BigInteger(), nullable=False),
            sa.Column("version", sa.Integer(), nullable=False),
            sa.PrimaryKeyConstraint("id", name="pk_report_schedule"),
        ]
    if table == "report_run":
        return [
            sa.Column("schedule_id", sa.Integer(), autoincrement=False, nullable=False),
            sa.Column("from_us", sa.BigInteger(), autoincrement=False, nullable=False),
            sa.Column("to_us", sa.BigInteger(), nullable=False),
            sa.Column("state", sa.String(length=10), nullable=False),
            sa.Column("tries", sa.Integer(), nullable=False),
            sa.Column("next_us", sa.BigInteger(), nullable=False),
            sa.Column("error", sa.Text(), nullable=False),
            sa.Column("report_id", sa.Integer()),
            sa.Column("delivered_json", sa.Text(), nullable=False),
            sa.PrimaryKeyConstraint("schedule_id", "from_us", name="pk_report_run"),
        ]
    return [
        sa.Column("report_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("template_version", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(length=5), nullable=False),
        sa.Column("schedule_id", sa.Integer()),
        sa.Column("inputs_json", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("report_id", name="pk_report_input"),
    ]


def upgrade() -> None:
    """Create what is not there: MariaDB cannot roll back a step that was killed in the middle."""
    present = existing_tables(op.get_bind())
    for table in TABLES:
        if table not in present:
            op.create_table(table, *_columns(table), **_OPTIONS)  # type: ignore[arg-type]


def downgrade() -> None:
    present = existing_tables(op.get_bind())
    for table in reversed(TABLES):
        if table in present:
            op.drop_table(table)
