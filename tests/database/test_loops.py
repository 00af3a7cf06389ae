"""Episodes of control loops."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from domain.loop import LoopEpisode, LoopErrors
from tests.conftest import FakeClock
from tests.database.test_repositories import opened

T = 1_795_084_920_000_000
ERRORS = LoopErrors(12.5, 30.0, 100.0, None, 0.98, 44.0)
EPISODE = LoopEpisode("oven", T, T + 600, 100.0, 150.0, ERRORS, 30.0, 60.0, 0.0, None, -0.25, 1)


async def test_episodes_are_kept_once_and_found_by_their_begin(
    database_url: str, tmp_path: Path, fake_clock: FakeClock
) -> None:
    async with opened(database_url, tmp_path, fake_clock) as database:
        assert await database.loops.last_episode_us("oven") is None
        later = dataclasses.replace(EPISODE, from_us=T + 600, to_us=T + 1200, overshoot=0.2)
        await database.loops.save_episodes([EPISODE, later, dataclasses.replace(EPISODE, loop_id="bath")])
        await database.loops.save_episodes([dataclasses.replace(EPISODE, settling_s=55.0)])
        assert await database.loops.episodes("oven", T, T + 601) == [dataclasses.replace(EPISODE, settling_s=55.0), later]
        assert await database.loops.episodes("oven", T + 1, T + 600) == []
        assert await database.loops.last_episode_us("oven") == T + 1200
