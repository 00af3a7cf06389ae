"""Tables of findings, of the detectors' memory and of anomaly models."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Index, Integer, String, Text

from database.tables import Long, table

finding = table(
    "finding",
    Column("rule", String(40), primary_key=True),
    Column("subject", String(64), primary_key=True),  # a machine's id or "site"
    Column("from_us", BigInteger, primary_key=True, autoincrement=False),
    Column("to_us", BigInteger),  # NULL while it lasts
    Column("version", Integer, nullable=False),  # of the rule that found it
    Column("severity", String(10), nullable=False),
    Column("waste_kwh", Double),
    Column("waste_cost", Double),  # in the site's currency, at the tariff of the time
    Column("evidence_json", Long, nullable=False),  # [[name, value, unit, limit], ...]
    Column("contributions_json", Text, nullable=False),  # [[tag, share], ...]
    Column("detail", String(300), nullable=False),
    Index("ix_finding_from_us", "from_us"),
)

detector_memory = table(  # what the detectors need to go on after a restart
    "detector_memory",
    Column("detector", String(120), primary_key=True),
    Column("memory_json", Long, nullable=False),
)

anomaly_model = table(
    "anomaly_model",
    Column("machine_id", String(64), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("trained_us", BigInteger, nullable=False),
    Column("from_us", BigInteger, nullable=False),
    Column("to_us", BigInteger, nullable=False),
    Column("row_count", Integer, nullable=False),
    Column("trained_by", String(200), nullable=False),
    Column("numbers_json", Long, nullable=False),
)
