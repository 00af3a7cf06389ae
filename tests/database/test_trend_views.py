"""Saved views of trends on every database."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from database.open import open_database
from domain.errors import Conflict
from domain.trend_view import TrendView
from tests.conftest import FakeClock

VIEW = TrendView(0, "Печь и компрессор", "Анна", False, "tag=m1.active_power&period=7d", 1, 1_763_548_800_000_000, "Анна")


async def test_a_view_comes_back_and_is_replaced_only_over_the_version_that_was_seen(
    database_url: str, tmp_path: Path, fake_clock: FakeClock
) -> None:
    async with open_database(database_url, tmp_path / "data", fake_clock) as database:
        views = database.trend_views
        first = await views.create(VIEW)
        assert await views.get(first.id) == first == dataclasses.replace(VIEW, id=first.id)
        second = dataclasses.replace(first, shared=True, version=2, address="tag=x", changed_by="boris")
        assert await views.replace(second, 1) is True
        assert await views.replace(dataclasses.replace(first, version=2), 1) is False
        assert await views.all() == [second]
        await views.delete(first.id)
        assert (await views.get(first.id), await views.replace(second, 2)) == (None, False)


async def test_an_owner_has_a_name_once(database_url: str, tmp_path: Path, fake_clock: FakeClock) -> None:
    async with open_database(database_url, tmp_path / "data", fake_clock) as database:
        views = database.trend_views
        await views.create(VIEW)
        other = await views.create(dataclasses.replace(VIEW, name="b"))
        await views.create(dataclasses.replace(VIEW, owner="boris"))
        with pytest.raises(Conflict, match="another name"):
            await views.create(VIEW)
        with pytest.raises(Conflict, match="another name"):
            await views.replace(dataclasses.replace(other, name=VIEW.name), 1)
        assert [view.name for view in await views.all()] == ["b", VIEW.name, VIEW.name]
