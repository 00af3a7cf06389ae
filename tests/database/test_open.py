"""The door of the room: what cannot work is said in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from database.open import open_database
from domain.errors import ConfigError
from runtime.clock import SystemClock


async def test_a_data_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    folder = tmp_path / "file" / "data"
    with pytest.raises(ConfigError, match=f"{folder} cannot be made: Not a directory"):
        async with open_database(f"sqlite+aiosqlite:///{folder}/energy.db", folder, SystemClock()):
            pass
