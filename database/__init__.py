"""Keeping: schema, migrations, the sample writer with its journal, roll-ups, retention, repositories. The only room with SQL."""

from database.instance import AlreadyRunning, hold_instance_lock
from database.open import Database, open_database

__all__ = ["AlreadyRunning", "Database", "hold_instance_lock", "open_database"]
