"""Tables of energy baselines and of what the balance doctor found. Described in docs/database.md."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.dialects import mysql

from database.tables import table

Long = Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")

baseline = table(  # never changed after it was stored: another fit is another version
    "baseline",
    Column("id", Integer, primary_key=True),
    Column("name", String(100), nullable=False),
    Column("version", Integer, nullable=False),
    Column("subject", String(220), nullable=False),  # machine id, section:<name>, site
    Column("period", String(10), nullable=False),
    Column("train_from_us", BigInteger, nullable=False),
    Column("train_to_us", BigInteger, nullable=False),
    Column("variables_json", Text, nullable=False),
    Column("fit_json", Long, nullable=False),  # coefficients, covariance, ranges, reasons
    Column("r2", Double, nullable=False),
    Column("cv_rmse", Double, nullable=False),
    Column("holds", Boolean, nullable=False),
    Column("rule_version", Integer, nullable=False),
    Column("fitted_us", BigInteger, nullable=False),
    Column("fitted_by", String(200), nullable=False),
    UniqueConstraint("name", "version"),
)

balance_run = table(
    "balance_run",
    Column("from_us", BigInteger, primary_key=True, autoincrement=False),
    Column("to_us", BigInteger, nullable=False),
    Column("ran_us", BigInteger, nullable=False),
    Column("rule_version", Integer, nullable=False),
)

balance_finding = table(
    "balance_finding",
    Column("id", Integer, primary_key=True),
    Column("run_from_us", BigInteger, nullable=False),  # balance_run.from_us
    Column("to_us", BigInteger, nullable=False),
    Column("kind", String(30), nullable=False),
    Column("device_id", String(64), nullable=False),
    Column("confidence", Double, nullable=False),
    Column("figures_json", Text, nullable=False),
    Column("words_json", Text, nullable=False),
    Column("rule_version", Integer, nullable=False),
    Column("found_us", BigInteger, nullable=False),
    Column("since_us", BigInteger, nullable=False),
    Index("ix_balance_finding_run_from_us", "run_from_us"),
)
