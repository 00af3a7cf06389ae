"""Kept versions of the plant's document. Part of the schema in tables.py."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, String

from database.tables import Long, table

plant_version = table(
    "plant_version",
    Column("number", BigInteger, primary_key=True, autoincrement=False),  # as plant_document.version was
    Column("time_us", BigInteger, nullable=False),
    Column("author", String(200), nullable=False),
    Column("source", String(200), nullable=False),
    Column("action", String(60), nullable=False),  # as in the audit
    Column("subject", String(300), nullable=False),
    Column("document_json", Long, nullable=False),
)
