"""A customer's own workbook as template of a report."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from database.migrate import existing_tables

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

BLOB = sa.LargeBinary().with_variant(mysql.LONGBLOB(), "mysql", "mariadb")
TABLE = "report_workbook"
_OPTIONS = {
    "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin", "mariadb_charset": "utf8mb4", "mariadb_collate": "utf8mb4_bin",
}


def upgrade() -> None:
    """Create what is not there: MariaDB cannot roll back a step that was killed in the middle."""
    if TABLE not in existing_tables(op.get_bind()):
        op.create_table(
            TABLE,
            sa.Column("template_id", sa.String(length=60), nullable=False),
            sa.Column("facts_json", sa.Text(), nullable=False),
            sa.Column("content", BLOB, nullable=False),
            sa.PrimaryKeyConstraint("template_id", name=f"pk_{TABLE}"),
            **_OPTIONS,  # type: ignore[arg-type]
        )


def downgrade() -> None:
    if TABLE in existing_tables(op.get_bind()):
        op.drop_table(TABLE)
