"""The first schema.

Written out, not taken from database.tables: what a release created must stay the same when the tables move on.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from database.migrate import existing_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

V_LATEST = """
CREATE VIEW v_latest AS
SELECT t.id AS tag_id, t.name AS tag, t.device_id AS device_id, t.quantity AS quantity, t.unit AS unit,
       s.time_us AS time_us, s.value AS value, s.quality AS quality
FROM tag t JOIN sample s
  ON s.tag_id = t.id AND s.time_us = (SELECT MAX(l.time_us) FROM sample l WHERE l.tag_id = t.id)
"""
TABLES = (
    "alert", "alert_transition", "api_key", "app_user", "audit", "book", "device", "line",
    "machine", "machine_state", "meta", "plant_document", "quarantine", "report", "rollup_15m", "rollup_1d",
    "rollup_1h", "rollup_1m", "rollup_dirty", "sample", "secret", "shift_energy", "tag", "tag_event",
    "text_sample",
)

TINY = sa.SmallInteger().with_variant(mysql.TINYINT(), "mysql", "mariadb")
LONG = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
BLOB = sa.LargeBinary().with_variant(mysql.LONGBLOB(), "mysql", "mariadb")
AUTO_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create what is not there: MariaDB cannot roll back a step that was killed in the middle."""
    _create_from_alert()
    _create_from_app_user()
    _create_from_device()
    _create_from_plant_document()
    _create_from_rollup_1d()
    _create_from_rollup_dirty()
    _create_from_tag()
    if "v_latest" not in existing_tables(op.get_bind()):
        op.execute(V_LATEST)


def downgrade() -> None:
    there = existing_tables(op.get_bind())
    if "v_latest" in there:
        op.execute("DROP VIEW v_latest")
    for name in TABLES:
        if name in there:
            op.drop_table(name)


def _create(name: str, *parts: sa.schema.SchemaItem, clustered: bool = False) -> None:
    if name not in existing_tables(op.get_bind()):
        op.create_table(
            name, *parts, sqlite_with_rowid=not clustered,
            mysql_charset="utf8mb4", mysql_collate="utf8mb4_bin", mariadb_charset="utf8mb4", mariadb_collate="utf8mb4_bin",
        )


def _index(name: str, table: str, columns: list[str]) -> None:
    if name not in {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(table)}:
        op.create_index(name, table, columns)


def _create_from_alert() -> None:
    _create(
        "alert",
        sa.Column("id", AUTO_ID, nullable=False),
        sa.Column("key", sa.String(length=250), nullable=False),
        sa.Column("rule", sa.String(length=40), nullable=False),
        sa.Column("priority", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("machine_id", sa.String(length=64), nullable=True),
        sa.Column("tag", sa.String(length=200), nullable=True),
        sa.Column("device_id", sa.String(length=64), nullable=True),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("limit_value", sa.Double(), nullable=True),
        sa.Column("unit", sa.String(length=20), nullable=False),
        sa.Column("raised_us", sa.BigInteger(), nullable=False),
        sa.Column("returned_us", sa.BigInteger(), nullable=True),
        sa.Column("acknowledged_us", sa.BigInteger(), nullable=True),
        sa.Column("acknowledged_by", sa.String(length=100), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_alert"),
    )
    _index("ix_alert_raised_us", "alert", ["raised_us"])
    _index("ix_alert_state", "alert", ["state"])
    _create(
        "alert_transition",
        sa.Column("alert_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("time_us", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=100), nullable=True),
        sa.PrimaryKeyConstraint("alert_id", "number", name="pk_alert_transition"),
    )
    _create(
        "api_key",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("role", sa.String(length=10), nullable=False),
        sa.Column("prefix", sa.String(length=16), nullable=False),
        sa.Column("key_hash", sa.String(length=128), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("last_used_us", sa.BigInteger(), nullable=True),
        sa.Column("expires_us", sa.BigInteger(), nullable=True),
        sa.Column("revoked", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_api_key"),
        sa.UniqueConstraint("key_hash", name="uq_api_key_key_hash"),
    )


def _create_from_app_user() -> None:
    _create(
        "app_user",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("name_folded", sa.String(length=100), nullable=False),
        sa.Column("password_hash", sa.String(length=300), nullable=False),
        sa.Column("role", sa.String(length=10), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("full_name", sa.String(length=200), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=True),
        sa.Column("theme", sa.String(length=8), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("last_login_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_app_user"),
        sa.UniqueConstraint("name_folded", name="uq_app_user_name_folded"),
    )
    _create(
        "audit",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("time_us", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("action", sa.String(length=60), nullable=False),
        sa.Column("subject", sa.String(length=300), nullable=False),
        sa.Column("old_json", LONG, nullable=True),
        sa.Column("new_json", LONG, nullable=True),
        sa.Column("result", sa.String(length=20), nullable=False),
        sa.Column("hmac", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_audit"),
    )
    _create(
        "book",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("flush_number", sa.BigInteger(), nullable=False),
        sa.Column("since_us", sa.BigInteger(), nullable=False),
        sa.Column("read_count", sa.BigInteger(), nullable=False),
        sa.Column("kept_count", sa.BigInteger(), nullable=False),
        sa.Column("filtered_count", sa.BigInteger(), nullable=False),
        sa.Column("rejected_json", sa.Text(), nullable=False),
        sa.Column("delivered_count", sa.BigInteger(), nullable=False),
        sa.Column("quarantined_count", sa.BigInteger(), nullable=False),
        sa.Column("dropped_count", sa.BigInteger(), nullable=False),
        sa.Column("journal_seq", sa.BigInteger(), nullable=False),
        sa.Column("other_json", sa.Text(), nullable=False),
        sa.Column("last_seen_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_book"),
    )


def _create_from_device() -> None:
    _create(
        "device",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("line", sa.String(length=64), nullable=False),
        sa.Column("profile", sa.String(length=100), nullable=False),
        sa.Column("address", sa.Integer(), nullable=True),
        sa.Column("scan_s", sa.Double(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_device"),
    )
    _create(
        "line",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("transport", sa.String(length=40), nullable=False),
        sa.Column("target", sa.String(length=300), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_line"),
    )
    _create(
        "machine",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("section", sa.String(length=200), nullable=False),
        sa.Column("meter", sa.String(length=64), nullable=True),
        sa.Column("rated_kw", sa.Double(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_machine"),
    )
    _create(
        "machine_state",
        sa.Column("machine_id", sa.String(length=64), nullable=False),
        sa.Column("from_us", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("to_us", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("energy_kwh", sa.Double(), nullable=True),
        sa.Column("estimated_kwh", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("machine_id", "from_us", name="pk_machine_state"),
        clustered=True,
    )
    _create(
        "meta",
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_meta"),
    )


def _create_from_plant_document() -> None:
    _create(
        "plant_document",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("document_json", LONG, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_plant_document"),
    )
    _create(
        "quarantine",
        sa.Column("id", AUTO_ID, nullable=False),
        sa.Column("tag_id", sa.BigInteger(), nullable=False),
        sa.Column("time_us", sa.BigInteger(), nullable=False),
        sa.Column("value_text", sa.String(length=64), nullable=False),
        sa.Column("quality", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("noted_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_quarantine"),
    )
    _create(
        "report",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("template", sa.String(length=60), nullable=False),
        sa.Column("format", sa.String(length=10), nullable=False),
        sa.Column("from_us", sa.BigInteger(), nullable=False),
        sa.Column("to_us", sa.BigInteger(), nullable=False),
        sa.Column("issued_us", sa.BigInteger(), nullable=False),
        sa.Column("issued_by", sa.String(length=200), nullable=False),
        sa.Column("file_name", sa.String(length=300), nullable=False),
        sa.Column("content", BLOB, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_report"),
    )
    _create(
        "rollup_15m",
        sa.Column("tag_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("time_us", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sample_count", sa.Integer(), nullable=False),
        sa.Column("good_count", sa.Integer(), nullable=False),
        sa.Column("min_value", sa.Double(), nullable=True),
        sa.Column("max_value", sa.Double(), nullable=True),
        sa.Column("mean_value", sa.Double(), nullable=True),
        sa.Column("first_value", sa.Double(), nullable=True),
        sa.Column("last_value", sa.Double(), nullable=True),
        sa.Column("covered_us", sa.BigInteger(), nullable=False),
        sa.Column("consumption", sa.Double(), nullable=True),
        sa.Column("estimated", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("tag_id", "time_us", name="pk_rollup_15m"),
        clustered=True,
    )


def _create_from_rollup_1d() -> None:
    _create(
        "rollup_1d",
        sa.Column("tag_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("time_us", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sample_count", sa.Integer(), nullable=False),
        sa.Column("good_count", sa.Integer(), nullable=False),
        sa.Column("min_value", sa.Double(), nullable=True),
        sa.Column("max_value", sa.Double(), nullable=True),
        sa.Column("mean_value", sa.Double(), nullable=True),
        sa.Column("first_value", sa.Double(), nullable=True),
        sa.Column("last_value", sa.Double(), nullable=True),
        sa.Column("covered_us", sa.BigInteger(), nullable=False),
        sa.Column("consumption", sa.Double(), nullable=True),
        sa.Column("estimated", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("tag_id", "time_us", name="pk_rollup_1d"),
        clustered=True,
    )
    _create(
        "rollup_1h",
        sa.Column("tag_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("time_us", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sample_count", sa.Integer(), nullable=False),
        sa.Column("good_count", sa.Integer(), nullable=False),
        sa.Column("min_value", sa.Double(), nullable=True),
        sa.Column("max_value", sa.Double(), nullable=True),
        sa.Column("mean_value", sa.Double(), nullable=True),
        sa.Column("first_value", sa.Double(), nullable=True),
        sa.Column("last_value", sa.Double(), nullable=True),
        sa.Column("covered_us", sa.BigInteger(), nullable=False),
        sa.Column("consumption", sa.Double(), nullable=True),
        sa.Column("estimated", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("tag_id", "time_us", name="pk_rollup_1h"),
        clustered=True,
    )
    _create(
        "rollup_1m",
        sa.Column("tag_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("time_us", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sample_count", sa.Integer(), nullable=False),
        sa.Column("good_count", sa.Integer(), nullable=False),
        sa.Column("min_value", sa.Double(), nullable=True),
        sa.Column("max_value", sa.Double(), nullable=True),
        sa.Column("mean_value", sa.Double(), nullable=True),
        sa.Column("first_value", sa.Double(), nullable=True),
        sa.Column("last_value", sa.Double(), nullable=True),
        sa.Column("covered_us", sa.BigInteger(), nullable=False),
        sa.Column("consumption", sa.Double(), nullable=True),
        sa.Column("estimated", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("tag_id", "time_us", name="pk_rollup_1m"),
        clustered=True,
    )


def _create_from_rollup_dirty() -> None:
    _create(
        "rollup_dirty",
        sa.Column("level", TINY, autoincrement=False, nullable=False),
        sa.Column("tag_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("bucket_us", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("mark", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("level", "tag_id", "bucket_us", name="pk_rollup_dirty"),
        clustered=True,
    )
    _create(
        "sample",
        sa.Column("tag_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("time_us", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("quality", TINY, nullable=False),
        sa.PrimaryKeyConstraint("tag_id", "time_us", name="pk_sample"),
        clustered=True,
    )
    _create(
        "secret",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("sealed", BLOB, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_secret"),
    )
    _create(
        "shift_energy",
        sa.Column("machine_id", sa.String(length=64), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("shift", sa.String(length=64), nullable=False),
        sa.Column("window_from_us", sa.BigInteger(), nullable=False),
        sa.Column("window_to_us", sa.BigInteger(), nullable=False),
        sa.Column("from_us", sa.BigInteger(), nullable=False),
        sa.Column("to_us", sa.BigInteger(), nullable=False),
        sa.Column("energy_kwh", sa.Double(), nullable=True),
        sa.Column("estimated_kwh", sa.Double(), nullable=False),
        sa.Column("completeness", sa.Double(), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("running", sa.Boolean(), nullable=False),
        sa.Column("by_state_json", sa.Text(), nullable=False),
        sa.Column("label", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("machine_id", "day", "shift", name="pk_shift_energy"),
        clustered=True,
    )
    _index("ix_shift_energy_day", "shift_energy", ["day"])


def _create_from_tag() -> None:
    _create(
        "tag",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("device_id", sa.String(length=64), nullable=False),
        sa.Column("point", sa.String(length=100), nullable=False),
        sa.Column("quantity", sa.String(length=40), nullable=False),
        sa.Column("unit", sa.String(length=20), nullable=False),
        sa.Column("read_group", sa.String(length=10), nullable=False),
        sa.Column("interval_s", sa.Double(), nullable=False),
        sa.Column("wrap_at", sa.Double(), nullable=True),
        sa.Column("max_rate", sa.Double(), nullable=True),
        sa.Column("enum_json", sa.Text(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tag"),
        sa.UniqueConstraint("name", name="uq_tag_name"),
    )
    _index("ix_tag_device_id", "tag", ["device_id"])
    _create(
        "tag_event",
        sa.Column("id", AUTO_ID, nullable=False),
        sa.Column("tag_id", sa.Integer(), nullable=False),
        sa.Column("time_us", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tag_event"),
        sa.UniqueConstraint("tag_id", "time_us", "kind", name="uq_tag_event_tag_id_time_us_kind"),
    )
    _index("ix_tag_event_time_us", "tag_event", ["time_us"])
    _create(
        "text_sample",
        sa.Column("tag_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("time_us", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tag_id", "time_us", name="pk_text_sample"),
        clustered=True,
    )
