"""Episodes of control loops. Part of the schema in tables.py."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Integer, String

from database.tables import table

loop_episode = table(
    "loop_episode",
    Column("loop_id", String(64), primary_key=True),
    Column("from_us", BigInteger, primary_key=True, autoincrement=False),
    Column("to_us", BigInteger, nullable=False),
    Column("setpoint_before", Double, nullable=False),  # set points and steady_error in the unit of the process value
    Column("setpoint_after", Double, nullable=False),
    Column("iae", Double),  # unit*s
    Column("ise", Double),  # unit^2*s
    Column("itae", Double),  # unit*s^2
    Column("itse", Double),  # unit^2*s^2
    Column("completeness", Double, nullable=False),  # 0..1
    Column("output_variation", Double),  # unit of the output
    Column("rise_s", Double),
    Column("peak_s", Double),
    Column("overshoot", Double),  # share of the step
    Column("settling_s", Double),
    Column("steady_error", Double),
    Column("rule_version", Integer, nullable=False),
    clustered=True,
)
