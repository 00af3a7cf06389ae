"""Tables of state rules: which borders and signals made which states, and the re-computing of the past under new ones."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, String, Text

from database.tables import table

state_rule = table(  # what a rule of machine_state.rule says
    "state_rule",
    Column("machine_id", String(64), primary_key=True),
    Column("rule", String(16), primary_key=True),
    Column("idle_above_kw", Double),
    Column("production_above_kw", Double),
    Column("min_dwell_s", Double),
    Column("hysteresis_kw", Double),
    Column("control_json", Text, nullable=False),  # signals of the control; {} without
    Column("since_us", BigInteger, nullable=False),  # in force since; the newest is the present one
)

state_recompute = table(  # the last re-computing of each machine's past
    "state_recompute",
    Column("machine_id", String(64), primary_key=True),
    Column("rule", String(16), nullable=False),
    Column("from_us", BigInteger, nullable=False),
    Column("to_us", BigInteger, nullable=False),
    Column("done_us", BigInteger, nullable=False),  # states of [from_us, done_us) are those of the rule
    Column("status", String(12), nullable=False),  # running | done | cancelled
    Column("started_us", BigInteger, nullable=False),
    Column("ended_us", BigInteger),
)
