"""What a refused entry is, and the count of those that are no samples."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def _columns() -> dict[str, sa.Column[object]]:
    return {
        "quarantine": sa.Column("kind", sa.String(length=10), nullable=False, server_default="sample"),
        "book": sa.Column("refused_other_count", sa.BigInteger(), nullable=False, server_default="0"),
    }


def upgrade() -> None:
    """Add what is not there: MariaDB cannot roll back a step that was killed in the middle."""
    for table, column in _columns().items():
        if column.name not in _names(table):
            op.add_column(table, column)


def downgrade() -> None:
    for table, column in _columns().items():
        if column.name in _names(table):
            op.drop_column(table, str(column.name))


def _names(table: str) -> set[str]:
    return {str(column["name"]) for column in sa.inspect(op.get_bind()).get_columns(table)}
