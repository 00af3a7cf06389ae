"""Pictures of inspected items."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from database.migrate import existing_tables

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

TABLE, INDEX = "inspection_picture", "ix_inspection_picture_closed"
BLOB = sa.LargeBinary().with_variant(mysql.LONGBLOB(), "mysql", "mariadb")


def upgrade() -> None:
    """Create what is not there: MariaDB cannot roll back a step that was killed in the middle."""
    if TABLE not in existing_tables(op.get_bind()):
        op.create_table(
            TABLE,
            sa.Column("device_id", sa.String(length=64), nullable=False),
            sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
            sa.Column("closed_us", sa.BigInteger(), nullable=False),
            *(sa.Column(name, sa.Integer(), nullable=False) for name in ("width", "height")),
            *(
                sa.Column(name, sa.Integer(), nullable=True)
                for name in ("region_x", "region_y", "region_width", "region_height")
            ),
            sa.Column("content", BLOB, nullable=False),
            sa.PrimaryKeyConstraint("device_id", "number", name=f"pk_{TABLE}"),
            mysql_charset="utf8mb4", mysql_collate="utf8mb4_bin", mariadb_charset="utf8mb4", mariadb_collate="utf8mb4_bin",
        )
    if INDEX not in {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(TABLE)}:
        op.create_index(INDEX, TABLE, ["closed_us"])


def downgrade() -> None:
    if TABLE in existing_tables(op.get_bind()):
        op.drop_table(TABLE)
