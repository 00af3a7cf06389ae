"""The floor plan on every database."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.errors import Conflict
from domain.floor import LARGEST_BYTES, FloorPicture, FloorPlan, Place
from tests.conftest import FakeClock
from tests.database.test_repositories import opened

PICTURE = FloorPicture("image/png", 1600, 900, "ab" * 32)


async def test_places_and_picture_come_back_and_versions_are_checked(
    database_url: str, tmp_path: Path, fake_clock: FakeClock
) -> None:
    places = {"lathe": Place(12.34, 0.0), "mill": Place(100.0, 56.78)}
    async with opened(database_url, tmp_path, fake_clock) as database:
        floor = database.floor
        assert await floor.plan() == FloorPlan()
        assert await floor.picture() is None
        assert await floor.save_places(places, 0) == 1
        content = bytes(range(256)) * (LARGEST_BYTES // 256)
        assert await floor.save_picture(PICTURE, content, 1) == 2
        assert await floor.plan() == FloorPlan(2, places, PICTURE)
        assert await floor.picture() == (PICTURE, content)
        with pytest.raises(Conflict):
            await floor.save_places({}, 1)
        with pytest.raises(Conflict):
            await floor.save_picture(None, None, 1)
        assert await floor.plan() == FloorPlan(2, places, PICTURE)
        assert await floor.save_picture(None, None, 2) == 3
        assert await floor.picture() is None
        assert await floor.save_places({"mill": Place(1.0, 2.0)}, 3) == 4
        assert await floor.plan() == FloorPlan(4, {"mill": Place(1.0, 2.0)}, None)
