"""The floor plan: its picture and the places of machines on it. Part of the schema in tables.py."""

from __future__ import annotations

from sqlalchemy import Column, Double, Integer, String

from database import tables
from database.binary import Binary

floor_plan = tables.table(  # one row
    "floor_plan",
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
    Column("media_type", String(40)),
    Column("width", Integer),  # pixels
    Column("height", Integer),
    Column("digest", String(64)),
    Column("picture", Binary()),
)

floor_place = tables.table(
    "floor_place",
    Column("machine_id", String(64), primary_key=True),
    Column("x_percent", Double, nullable=False),
    Column("y_percent", Double, nullable=False),
)
