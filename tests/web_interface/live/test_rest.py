"""A long pass rests in proportion to its work; a short one does not."""

from __future__ import annotations

import pytest

from web_interface.rest import AT_ONCE_S, LONGEST_S, SHARE, Rest


async def test_the_work_beyond_a_moment_takes_its_share_of_the_time_only() -> None:
    now_s, rested = 0.0, list[float]()

    async def sleep(seconds: float) -> None:
        nonlocal now_s
        now_s += seconds
        rested.append(seconds)

    rest = Rest(lambda: now_s, sleep)
    for _ in range(300):
        now_s += 0.01
        await rest.breathe()
    assert set(rested[: round(AT_ONCE_S / 0.01) - 1]) == {0}
    worked = 300 * 0.01
    assert worked / (worked + sum(rested)) == pytest.approx(SHARE, rel=0.05)


async def test_one_slow_step_is_not_followed_by_a_long_rest() -> None:
    rested, times = list[float](), iter([0.0, 60.0, 60.0])

    async def sleep(seconds: float) -> None:
        rested.append(seconds)

    await Rest(lambda: next(times), sleep).breathe()
    assert rested == [LONGEST_S]
