"""What was given to those who ask us. Part of the schema in tables.py."""

from __future__ import annotations

from sqlalchemy import Column, Integer, String

from database.tables import table

modbus_block = table(
    "modbus_block",
    Column("kind", String(16), primary_key=True),  # machine | tag
    Column("number", Integer, primary_key=True, autoincrement=False),  # of its block in the register map, from 0
    Column("name", String(255), nullable=False),  # id of the machine, full name of the tag
    clustered=True,
)
