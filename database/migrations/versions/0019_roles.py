"""What the roles of one installation share: positions of the ingesters, leases."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from database.migrate import existing_tables

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create what is not there: MariaDB cannot roll back a step that was killed in the middle."""
    there = existing_tables(op.get_bind())
    if "ingest_position" not in there:
        op.create_table(
            "ingest_position",
            sa.Column("topic", sa.String(length=200), nullable=False),
            sa.Column("partition_number", sa.Integer(), autoincrement=False, nullable=False),
            *(
                sa.Column(name, sa.BigInteger(), nullable=False)
                for name in ("next_offset", "delivered_count", "refused_count", "rejected_count", "committed_us")
            ),
            sa.PrimaryKeyConstraint("topic", "partition_number", name="pk_ingest_position"),
            mysql_charset="utf8mb4", mysql_collate="utf8mb4_bin", mariadb_charset="utf8mb4", mariadb_collate="utf8mb4_bin",
        )
    if "role_lease" not in there:
        op.create_table(
            "role_lease",
            sa.Column("name", sa.String(length=100), nullable=False),
            sa.Column("holder", sa.String(length=200), nullable=False),
            sa.Column("until_us", sa.BigInteger(), nullable=False),
            sa.PrimaryKeyConstraint("name", name="pk_role_lease"),
            mysql_charset="utf8mb4", mysql_collate="utf8mb4_bin", mariadb_charset="utf8mb4", mariadb_collate="utf8mb4_bin",
        )


def downgrade() -> None:
    there = existing_tables(op.get_bind())
    for table in ("role_lease", "ingest_position"):
        if table in there:
            op.drop_table(table)
