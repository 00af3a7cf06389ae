"""Saved views of trends. Part of the schema in tables.py."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Integer, String, Text, UniqueConstraint

from database.tables import table

trend_view = table(
    "trend_view",
    Column("id", Integer, primary_key=True),
    Column("name", String(100), nullable=False),
    Column("owner", String(200), nullable=False),  # user's name
    Column("shared", Boolean(create_constraint=False), nullable=False),
    Column("address", Text, nullable=False),  # what stands behind "?" of the page's address
    Column("version", Integer, nullable=False),  # counts the savings: who saves over another's is told
    Column("changed_us", BigInteger, nullable=False),
    Column("changed_by", String(200), nullable=False),
    UniqueConstraint("owner", "name"),
)
