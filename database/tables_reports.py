"""Templates of reports, their schedules, what came of each period, and what an issued report was made from."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Integer, String, Text

from database import tables
from database.binary import Binary

report_template = tables.table(  # one that a user made, or a shipped one that a user changed
    "report_template",
    Column("id", String(60), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("template_json", Text, nullable=False),
    Column("logo", Binary()),
)

report_workbook = tables.table(  # the customer's own workbook of a template
    "report_workbook",
    Column("template_id", String(60), primary_key=True),
    Column("facts_json", Text, nullable=False),  # file name, size, SHA-256, named cells
    Column("content", Binary(), nullable=False),
)

report_schedule = tables.table(
    "report_schedule",
    Column("id", Integer, primary_key=True),
    Column("template", String(60), nullable=False),
    Column("format", String(10), nullable=False),
    Column("delay_min", Integer, nullable=False),
    Column("enabled", Boolean(create_constraint=False), nullable=False),
    Column("folder", String(1000), nullable=False),
    Column("channel_id", Integer),
    Column("mail_to_json", Text, nullable=False),
    Column("since_us", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
)

report_run = tables.table(  # one row a period: that is what makes a report come once
    "report_run",
    Column("schedule_id", Integer, primary_key=True, autoincrement=False),
    Column("from_us", BigInteger, primary_key=True, autoincrement=False),
    Column("to_us", BigInteger, nullable=False),
    Column("state", String(10), nullable=False),  # waiting | done | failed
    Column("tries", Integer, nullable=False),
    Column("next_us", BigInteger, nullable=False),
    Column("error", Text, nullable=False),
    Column("report_id", Integer),
    Column("delivered_json", Text, nullable=False),  # "folder", "mail:<address>"
)

report_input = tables.table(  # what an issued report was made from
    "report_input",
    Column("report_id", Integer, primary_key=True, autoincrement=False),
    Column("template_version", Integer, nullable=False),
    Column("language", String(5), nullable=False),
    Column("schedule_id", Integer),
    Column("inputs_json", Text, nullable=False),  # the template as it was, and versions of the rules
)
