"""Sessions of people, so that another process can go on with them. Part of the schema in tables.py."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, String

from database.tables import table

web_session = table(  # not in backups: what was signed out since would be signed in again
    "web_session",
    Column("digest", String(64), primary_key=True),  # SHA-256 of the id; the id itself is nowhere but in the browser
    Column("user_id", Integer, nullable=False),
    Column("role", String(10), nullable=False),  # at log-in
    Column("password_mark", String(64), nullable=False),
    Column("begun_us", BigInteger, nullable=False),
    Column("used_us", BigInteger, nullable=False),
    Column("confirmed_us", BigInteger, nullable=False),  # when whoever has the session last said that it goes on
)
