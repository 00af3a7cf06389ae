"""Inspected items and the quality models that judge them. Part of the schema in tables.py."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Index, Integer, SmallInteger, String

from database.tables import Blob, Long, table

inspection_item = table(
    "inspection_item",
    Column("device_id", String(64), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("opened_us", BigInteger, nullable=False),
    Column("closed_us", BigInteger, nullable=False),
    Column("features", Long, nullable=False),  # JSON: name -> value, canonical unit of its tag
    Column("outcome", String(16), nullable=False),
    Column("score", Double, nullable=False),
    Column("reasons", Long, nullable=False),  # JSON: a list of texts
    Column("model", String(100), nullable=False),
    Column("written_back", SmallInteger),
    Column("label", String(16), nullable=False),
    Index("ix_inspection_item_closed", "closed_us"),
)
inspection_picture = table(
    "inspection_picture",
    Column("device_id", String(64), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),  # of its item
    Column("closed_us", BigInteger, nullable=False),
    Column("width", Integer, nullable=False),  # px
    Column("height", Integer, nullable=False),
    Column("region_x", Integer),  # where it deviates most, px; NULL: nowhere
    Column("region_y", Integer),
    Column("region_width", Integer),
    Column("region_height", Integer),
    Column("content", Blob, nullable=False),  # JPEG
    Index("ix_inspection_picture_closed", "closed_us"),
)
quality_model = table(
    "quality_model",
    Column("device_id", String(64), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False),
    Column("document", Long, nullable=False),  # JSON, see analysis.inspection.models
    Column("items", Integer, nullable=False),
    Column("made_us", BigInteger, nullable=False),
    Column("author", String(200), nullable=False),
    Column("active", SmallInteger, nullable=False),
)
