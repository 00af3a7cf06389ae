"""The databases that every test of this room runs on."""

from __future__ import annotations

from tests.servers import database_server, database_url, empty_database_url, mariadb, postgresql, sqlite_like

__all__ = ["database_server", "database_url", "empty_database_url", "mariadb", "postgresql", "sqlite_like"]
