"""The cube of energy: what each machine used in each slot of time and state, and which days of it are stored."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Date, Double, SmallInteger, String

from database.tables import table

cube_cell = table(
    "cube_cell",
    Column("machine_id", String(64), primary_key=True),
    Column("from_us", BigInteger, primary_key=True, autoincrement=False),  # begin of the slot
    Column("state", String(12), primary_key=True),
    Column("to_us", BigInteger, nullable=False),
    Column("day", Date, nullable=False),  # of the site
    Column("hour", SmallInteger, nullable=False),  # of the site's wall clock
    Column("shift", String(64), nullable=False),  # '' between shifts
    Column("shift_day", Date, nullable=False),  # the day the shift began
    Column("crew", String(64), nullable=False),
    Column("in_break", Boolean(create_constraint=False), nullable=False),
    Column("energy_kwh", Double),  # NULL: not known
    Column("uncertain_kwh", Double, nullable=False),
    Column("duration_us", BigInteger, nullable=False),
    Column("known_us", BigInteger, nullable=False),
    clustered=True,
)

cube_day = table(  # cells of [from_us, kept_us) are stored, made under `rule`
    "cube_day",
    Column("machine_id", String(64), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("from_us", BigInteger, nullable=False),
    Column("to_us", BigInteger, nullable=False),
    Column("kept_us", BigInteger, nullable=False),
    Column("rule", String(24), nullable=False),
    clustered=True,
)
