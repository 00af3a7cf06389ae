"""The schema, once, for SQLite, MariaDB/MySQL and PostgreSQL. Described for SQL readers in docs/database.md.

Times are UTC microseconds since 1970 as 64-bit integers: no server's time zone can bend them. Columns carry their unit.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Double,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.schema import SchemaItem

from database.binary import Binary

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Tiny = SmallInteger().with_variant(mysql.TINYINT(), "mysql", "mariadb")
Blob = Binary()
Long = Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
AutoId = BigInteger().with_variant(Integer(), "sqlite")  # SQLite numbers rows by itself only in an INTEGER key
_TEXT = {"charset": "utf8mb4", "collate": "utf8mb4_bin"}
_MYSQL: dict[str, Any] = {f"{name}_{option}": value for name in ("mysql", "mariadb") for option, value in _TEXT.items()}


def table(name: str, *parts: SchemaItem, clustered: bool = False) -> Table:
    """`clustered`: rows lie in the order of the primary key in SQLite too (InnoDB always does so)."""
    return Table(name, metadata, *parts, sqlite_with_rowid=not clustered, **_MYSQL)


# -- measurements ------------------------------------------------------------------------------------------------------------

sample = table(
    "sample",
    Column("tag_id", Integer, primary_key=True, autoincrement=False),
    Column("time_us", BigInteger, primary_key=True, autoincrement=False),
    Column("value", Double),  # canonical unit of the tag; NULL exactly when quality is bad (64 and above)
    Column("quality", Tiny, nullable=False),
    clustered=True,
)


def _rollup(name: str) -> Table:
    return table(
        name,
        Column("tag_id", Integer, primary_key=True, autoincrement=False),
        Column("time_us", BigInteger, primary_key=True, autoincrement=False),  # begin of the bucket
        Column("sample_count", Integer, nullable=False),
        Column("good_count", Integer, nullable=False),
        Column("min_value", Double),
        Column("max_value", Double),
        Column("mean_value", Double),  # time-weighted, over good samples
        Column("first_value", Double),
        Column("last_value", Double),
        Column("covered_us", BigInteger, nullable=False),
        Column("consumption", Double),  # counters: growth within the bucket, canonical unit
        Column("estimated", Double),  # the part of it that lies in a gap cut by the bucket's border
        clustered=True,
    )


rollup_1m, rollup_15m, rollup_1h, rollup_1d = (_rollup(f"rollup_{step}") for step in ("1m", "15m", "1h", "1d"))

rollup_dirty = table(  # buckets whose roll-up is older than their samples; written in the same transaction as the samples
    "rollup_dirty",
    Column("level", Tiny, primary_key=True, autoincrement=False),  # 0 1m, 1 15m, 2 1h, 3 1d
    Column("tag_id", Integer, primary_key=True, autoincrement=False),
    Column("bucket_us", BigInteger, primary_key=True, autoincrement=False),
    Column("mark", BigInteger, nullable=False),  # grows with every new reason; deleted only if it did not grow meanwhile
    clustered=True,
)

text_sample = table(
    "text_sample",
    Column("tag_id", Integer, primary_key=True, autoincrement=False),
    Column("time_us", BigInteger, primary_key=True, autoincrement=False),
    Column("text", Text, nullable=False),
    clustered=True,
)

tag_event = table(
    "tag_event",
    Column("id", AutoId, primary_key=True),
    Column("tag_id", Integer, nullable=False),
    Column("time_us", BigInteger, nullable=False),
    Column("kind", String(40), nullable=False),
    Column("detail", Text, nullable=False),
    UniqueConstraint("tag_id", "time_us", "kind"),
    Index("ix_tag_event_time_us", "time_us"),
)

quarantine = table(  # what the database refuses for good
    "quarantine",
    Column("id", AutoId, primary_key=True),
    Column("tag_id", BigInteger, nullable=False),
    Column("time_us", BigInteger, nullable=False),
    Column("value_text", String(64), nullable=False),
    Column("quality", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("noted_us", BigInteger, nullable=False),
    Column("kind", String(10), nullable=False, server_default="sample"),  # sample | text | event | message (broken, of Kafka)
)

book = table(  # one row: the counts of promise P2, committed together with the samples they count
    "book",
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("flush_number", BigInteger, nullable=False),
    Column("since_us", BigInteger, nullable=False),
    Column("read_count", BigInteger, nullable=False),
    Column("kept_count", BigInteger, nullable=False),
    Column("filtered_count", BigInteger, nullable=False),
    Column("rejected_json", Text, nullable=False),
    Column("delivered_count", BigInteger, nullable=False),
    Column("quarantined_count", BigInteger, nullable=False),
    Column("dropped_count", BigInteger, nullable=False),
    Column("journal_seq", BigInteger, nullable=False),  # last journal record that is in the tables
    Column("other_json", Text, nullable=False),  # books of other destinations
    Column("last_seen_us", BigInteger, nullable=False),  # newest believable wall clock, see retention
    Column("refused_other_count", BigInteger, nullable=False, server_default="0"),  # texts and events in quarantine, no samples
)

# -- plant -------------------------------------------------------------------------------------------------------------------

device = table(
    "device",
    Column("id", String(64), primary_key=True),
    Column("line", String(64), nullable=False),
    Column("profile", String(100), nullable=False),
    Column("address", Integer),
    Column("scan_s", Double, nullable=False),
    Column("enabled", Boolean(create_constraint=False), nullable=False),
    Column("active", Boolean(create_constraint=False), nullable=False),  # false: removed from the plant, history stays
)

tag = table(
    "tag",
    Column("id", Integer, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),  # "<device>.<point>"
    Column("device_id", String(64), nullable=False),
    Column("point", String(100), nullable=False),
    Column("quantity", String(40), nullable=False),
    Column("unit", String(20), nullable=False),
    Column("read_group", String(10), nullable=False),  # fast | slow | daily
    Column("interval_s", Double, nullable=False),
    Column("wrap_at", Double),
    Column("max_rate", Double),  # canonical unit per second
    Column("enum_json", Text),
    Column("active", Boolean(create_constraint=False), nullable=False),
    Index("ix_tag_device_id", "device_id"),
)

machine = table(
    "machine",
    Column("id", String(64), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("section", String(200), nullable=False),
    Column("meter", String(64)),
    Column("rated_kw", Double),
    Column("active", Boolean(create_constraint=False), nullable=False),
)

line = table(
    "line",
    Column("id", String(64), primary_key=True),
    Column("transport", String(40), nullable=False),
    Column("target", String(300), nullable=False),
    Column("enabled", Boolean(create_constraint=False), nullable=False),
    Column("active", Boolean(create_constraint=False), nullable=False),
)

plant_document = table(
    "plant_document",
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),
    Column("timezone", String(64), nullable=False),
    Column("document_json", Long, nullable=False),
)

secret = table(
    "secret",
    Column("name", String(200), primary_key=True),
    Column("sealed", Blob, nullable=False),  # nonce and AES-GCM text; the key lies outside the database
)

# -- meaning -----------------------------------------------------------------------------------------------------------------

machine_state = table(
    "machine_state",
    Column("machine_id", String(64), primary_key=True),
    Column("from_us", BigInteger, primary_key=True, autoincrement=False),
    Column("to_us", BigInteger),  # NULL while it runs
    Column("state", String(12), nullable=False),
    Column("energy_kwh", Double),
    Column("estimated_kwh", Double, nullable=False),
    Column("rule", String(16)),  # of state_rule; NULL: older than rules are kept
    clustered=True,
)

shift_energy = table(
    "shift_energy",
    Column("machine_id", String(64), primary_key=True),
    Column("day", Date, primary_key=True),  # of the site, the day the shift began
    Column("shift", String(64), primary_key=True),
    Column("window_from_us", BigInteger, nullable=False),
    Column("window_to_us", BigInteger, nullable=False),
    Column("from_us", BigInteger, nullable=False),
    Column("to_us", BigInteger, nullable=False),
    Column("energy_kwh", Double),
    Column("estimated_kwh", Double, nullable=False),
    Column("completeness", Double, nullable=False),  # 0..1
    Column("source", String(20), nullable=False),
    Column("running", Boolean(create_constraint=False), nullable=False),
    Column("by_state_json", Text, nullable=False),  # state -> [kWh, s]
    Column("label", String(100), nullable=False),
    Index("ix_shift_energy_day", "day"),
    clustered=True,
)

alert = table(
    "alert",
    Column("id", AutoId, primary_key=True),
    Column("key", String(250), nullable=False),
    Column("rule", String(40), nullable=False),
    Column("priority", String(10), nullable=False),
    Column("state", String(16), nullable=False),
    Column("machine_id", String(64)),
    Column("tag", String(200)),
    Column("device_id", String(64)),
    Column("value", Double),
    Column("limit_value", Double),
    Column("unit", String(20), nullable=False),
    Column("raised_us", BigInteger, nullable=False),
    Column("returned_us", BigInteger),
    Column("acknowledged_us", BigInteger),
    Column("acknowledged_by", String(100)),
    Column("note", Text),
    Column("detail", Text, nullable=False),
    Column("rule_id", String(64)),
    Column("rule_version", String(8), nullable=False, server_default=""),
    Column("message", Text),  # JSON: language -> the rule's own words
    Column("repeats", Integer, nullable=False, server_default="0"),
    Column("last_raised_us", BigInteger),
    Column("chattering", SmallInteger, nullable=False, server_default="0"),
    Column("hold", String(16)),  # shelved | suppressed | out_of_service
    Column("hold_since_us", BigInteger),
    Column("hold_until_us", BigInteger),
    Column("hold_by", String(100)),
    Column("hold_reason", Text),
    Column("cause", String(250)),  # alerts of one cause share it
    Column("escalation", Integer, nullable=False, server_default="0"),
    Column("changes", Integer, nullable=False, server_default="0"),  # number of its last transition
    Index("ix_alert_raised_us", "raised_us"),
    Index("ix_alert_state", "state"),
    Index("ix_alert_key", "key"),
)

alert_transition = table(
    "alert_transition",
    Column("alert_id", BigInteger, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("state", String(16), nullable=False),
    Column("time_us", BigInteger, nullable=False),
    Column("actor", String(100)),
    Column("action", String(16), nullable=False, server_default=""),  # domain.alert.Action; "" before it was recorded
    Column("note", Text),
    Column("reached", Text),  # JSON list: whom an escalation reaches
    Index("ix_alert_transition_time_us", "time_us"),
)

alert_hold = table(  # shelved and out-of-service conditions: they outlive the alert
    "alert_hold",
    Column("key", String(250), primary_key=True),  # of an alert; ending in ":" for all keys that begin so
    Column("kind", String(16), nullable=False),
    Column("since_us", BigInteger, nullable=False),
    Column("until_us", BigInteger),
    Column("actor", String(100)),
    Column("reason", Text, nullable=False),
)

# -- people ------------------------------------------------------------------------------------------------------------------

app_user = table(
    "app_user",
    Column("id", Integer, primary_key=True),
    Column("name", String(100), nullable=False),
    Column("name_folded", String(100), nullable=False, unique=True),
    Column("password_hash", String(300), nullable=False),
    Column("role", String(10), nullable=False),
    Column("enabled", Boolean(create_constraint=False), nullable=False),
    Column("full_name", String(200), nullable=False),
    Column("language", String(8)),
    Column("theme", String(8), nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("last_login_us", BigInteger),
)

api_key = table(
    "api_key",
    Column("id", Integer, primary_key=True),
    Column("name", String(100), nullable=False),
    Column("role", String(10), nullable=False),
    Column("prefix", String(16), nullable=False),
    Column("key_hash", String(128), nullable=False, unique=True),
    Column("created_us", BigInteger, nullable=False),
    Column("last_used_us", BigInteger),
    Column("expires_us", BigInteger),
    Column("revoked", Boolean(create_constraint=False), nullable=False),
)

audit = table(
    "audit",
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("time_us", BigInteger, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("source", String(200), nullable=False),
    Column("action", String(60), nullable=False),
    Column("subject", String(300), nullable=False),
    Column("old_json", Long),
    Column("new_json", Long),
    Column("result", String(20), nullable=False),
    Column("hmac", String(64), nullable=False),  # SHA-256 over the entry and its predecessor's hmac
)

report = table(
    "report",
    Column("id", Integer, primary_key=True),
    Column("template", String(60), nullable=False),
    Column("format", String(10), nullable=False),
    Column("from_us", BigInteger, nullable=False),
    Column("to_us", BigInteger, nullable=False),
    Column("issued_us", BigInteger, nullable=False),
    Column("issued_by", String(200), nullable=False),
    Column("file_name", String(300), nullable=False),
    Column("content", Blob, nullable=False),
)

meta = table(  # what the database knows about itself: its identity, zone of the day roll-ups
    "meta",
    Column("name", String(60), primary_key=True),
    Column("value", Text, nullable=False),
)

V_LATEST = """
CREATE VIEW v_latest AS
SELECT t.id AS tag_id, t.name AS tag, t.device_id AS device_id, t.quantity AS quantity, t.unit AS unit,
       s.time_us AS time_us, s.value AS value, s.quality AS quality
FROM tag t JOIN sample s
  ON s.tag_id = t.id AND s.time_us = (SELECT MAX(l.time_us) FROM sample l WHERE l.tag_id = t.id)
"""
"""The newest sample of each tag; found by the clustered key, so it stays quick however much history there is."""

# Tables of other parts stand in modules of their own on the same metadata, imported here so that the migrations know them.
from database import tables_anomalies as tables_anomalies  # noqa: E402
from database import tables_baselines as tables_baselines  # noqa: E402
from database import tables_calendar as tables_calendar  # noqa: E402
from database import tables_efficiency as tables_efficiency  # noqa: E402
from database import tables_figures as tables_figures  # noqa: E402
from database import tables_floor as tables_floor  # noqa: E402
from database import tables_inspection as tables_inspection  # noqa: E402
from database import tables_loops as tables_loops  # noqa: E402
from database import tables_notes as tables_notes  # noqa: E402
from database import tables_notifications as tables_notifications  # noqa: E402
from database import tables_plant_versions as tables_plant_versions  # noqa: E402
from database import tables_reports as tables_reports  # noqa: E402
from database import tables_roles as tables_roles  # noqa: E402
from database import tables_served as tables_served  # noqa: E402
from database import tables_sessions as tables_sessions  # noqa: E402
from database import tables_states as tables_states  # noqa: E402
from database import tables_trends as tables_trends  # noqa: E402
