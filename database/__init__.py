"""Schema, migrations, sample writer with its journal, roll-ups, repositories. The only room with SQL."""
