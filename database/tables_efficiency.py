"""Efficiency cards of shifts as they were settled. Part of the schema in tables.py."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Date, Double, Index, Integer, String

from database import tables

efficiency_value = tables.table(
    "efficiency_value",
    Column("machine_id", String(64), primary_key=True),
    Column("day", Date, primary_key=True),  # of the site, the day the shift began
    Column("shift", String(64), primary_key=True),
    Column("window_from_us", BigInteger, nullable=False),
    Column("window_to_us", BigInteger, nullable=False),
    Column("card", String(16), nullable=False),
    Column("version", Integer, nullable=False),  # of the card's definition
    Column("value", Double),  # numerator / denominator; NULL with a reason
    Column("numerator_kwh", Double, nullable=False),
    Column("denominator_kwh", Double, nullable=False),
    Column("completeness", Double, nullable=False),  # 0..1
    Column("estimated_share", Double, nullable=False),  # 0..1 of the energy
    Column("complete", Boolean(create_constraint=False), nullable=False),
    Column("reason", String(60)),
    Index("ix_efficiency_value_day", "day"),
    clustered=True,
)
