"""Heavy work in a process of its own: results, errors, a killed worker, an end when idle."""

from __future__ import annotations

import os
import signal
import time

import pytest

from runtime.offload import Offload, OffloadFailed
from tests.conftest import eventually


def whose(number: int) -> tuple[int, int]:
    return number * 2, os.getpid()


def refuse() -> None:
    raise ValueError("no such thing")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def hang() -> None:
    time.sleep(60)


async def test_it_runs_elsewhere_and_answers_here() -> None:
    offload = Offload()
    try:
        doubled, pid = await offload.run(whose, 21)
        assert doubled == 42
        assert pid != os.getpid()
        assert (await offload.run(whose, 1))[1] == pid  # one worker, kept
        with pytest.raises(ValueError, match="no such thing"):
            await offload.run(refuse)
    finally:
        offload.close()
    assert not offload.running


async def test_a_killed_worker_is_told_and_replaced() -> None:
    offload = Offload()
    try:
        with pytest.raises(OffloadFailed, match="ended"):
            await offload.run(die)
        assert (await offload.run(whose, 2))[0] == 4
    finally:
        offload.close()


async def test_what_takes_too_long_is_ended() -> None:
    offload = Offload(longest_s=0.5)
    try:
        with pytest.raises(OffloadFailed, match="longer"):
            await offload.run(hang)
        assert not offload.running
    finally:
        offload.close()


async def test_an_idle_worker_is_ended() -> None:
    offload = Offload(idle_s=0.05)
    await offload.run(whose, 1)
    await eventually(lambda: not offload.running)
