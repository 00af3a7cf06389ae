"""Blocks of the Modbus server's register map."""

from __future__ import annotations

from pathlib import Path

from domain.served import Block
from tests.conftest import FakeClock
from tests.database.test_repositories import opened


async def test_a_block_is_given_once_and_never_to_another(database_url: str, tmp_path: Path, fake_clock: FakeClock) -> None:
    async with opened(database_url, tmp_path, fake_clock) as database:
        assert await database.blocks.load() == []
        await database.blocks.add([Block("tag", 0, "m1.x"), Block("machine", 0, "lathe-1"), Block("tag", 1, "печь.T")])
        await database.blocks.add([Block("tag", 1, "other")])
        assert await database.blocks.load() == [Block("machine", 0, "lathe-1"), Block("tag", 0, "m1.x"), Block("tag", 1, "печь.T")]
