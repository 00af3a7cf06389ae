"""Operators' notes on machines. Part of the schema in tables.py."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, String

from database.tables import AutoId, table

machine_note = table(
    "machine_note",
    Column("id", AutoId, primary_key=True),
    Column("machine_id", String(64), nullable=False),
    Column("time_us", BigInteger, nullable=False),  # what it is about
    Column("text", String(500), nullable=False),
    Column("author", String(200), nullable=False),
    Column("written_us", BigInteger, nullable=False),
    Index("ix_machine_note_machine", "machine_id", "time_us"),
)
