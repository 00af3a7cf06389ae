"""Tables of energy figures: hourly prices, the idle ledger of settled days, notes on idling."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Date, Double, Index, Integer, String

from database.tables import AutoId, table

hour_price = table(
    "hour_price",
    Column("price_table", String(60), primary_key=True),
    Column("time_us", BigInteger, primary_key=True, autoincrement=False),  # begin of the hour
    Column("price_per_kwh", Double, nullable=False),  # currency of the site
)

idle_interval = table(
    "idle_interval",
    Column("machine_id", String(64), primary_key=True),
    Column("from_us", BigInteger, primary_key=True, autoincrement=False),
    Column("to_us", BigInteger, nullable=False),
    Column("day", Date, nullable=False),  # of the site, by its begin
    Column("reason", String(20), nullable=False),  # left_on | outside | waiting | break | warm_up
    Column("shift", String(64), nullable=False),  # running or last shift
    Column("shift_day", Date, nullable=False),  # the day that shift began
    Column("energy_kwh", Double),
    Column("estimated_kwh", Double, nullable=False),
    Column("rule_version", Integer, nullable=False),
    Index("ix_idle_interval_day", "day"),
)

idle_day = table(  # which days are settled, and under which rules, shifts and thresholds
    "idle_day",
    Column("machine_id", String(64), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("basis", String(64), nullable=False),
    Column("known_s", Double, nullable=False),  # time of the day with a known state
)

idle_note = table(
    "idle_note",
    Column("id", AutoId, primary_key=True),
    Column("machine_id", String(64), nullable=False),
    Column("from_us", BigInteger, nullable=False),
    Column("to_us", BigInteger, nullable=False),
    Column("text", String(500), nullable=False),
    Column("author", String(200), nullable=False),
    Column("written_us", BigInteger, nullable=False),
    Index("ix_idle_note_from_us", "from_us"),
)
