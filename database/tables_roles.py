"""What the roles of one installation share through the database. Part of the schema in tables.py."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, String

from database.tables import table

ingest_position = table(  # how far each partition is in the tables; moves in the transaction of the samples themselves
    "ingest_position",
    Column("topic", String(200), primary_key=True),
    Column("partition_number", Integer, primary_key=True, autoincrement=False),
    Column("next_offset", BigInteger, nullable=False),  # of the first message that is not in the tables
    Column("delivered_count", BigInteger, nullable=False),  # samples
    Column("refused_count", BigInteger, nullable=False),  # in quarantine: samples, texts, events, messages
    Column("rejected_count", BigInteger, nullable=False),  # samples of tags that nobody has registered
    Column("committed_us", BigInteger, nullable=False),
)

role_lease = table(  # work that only one process may do at a time
    "role_lease",
    Column("name", String(100), primary_key=True),
    Column("holder", String(200), nullable=False),
    Column("until_us", BigInteger, nullable=False),
)
