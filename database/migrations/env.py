"""Alembic's entry. The connection is handed over by database.migrate; there is no offline mode."""

from __future__ import annotations

from alembic import context

from database.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection, target_metadata=metadata, render_as_batch=connection.dialect.name == "sqlite", compare_type=True
)
with context.begin_transaction():
    context.run_migrations()
