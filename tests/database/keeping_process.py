"""A program that keeps samples until it is killed, and tells on its output what was acknowledged."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from database.open import open_database
from runtime.clock import SystemClock
from tests.database.samples import batch


async def main(url: str, folder: str, first: int) -> None:
    async with open_database(url, Path(folder), SystemClock(), flush_s=0.02, commit_s=0.05) as database:
        keeper = database.writer
        await keeper._open()  # what an earlier run left counts too
        before = keeper.books().kept
        running = asyncio.create_task(keeper.run())
        number, told = first, first
        print("ready", flush=True)
        while not running.done():
            for _ in range(5):
                keeper.put(batch(number))
                number += 1
            await asyncio.sleep(0.002)
            kept = first + (keeper.books().kept - before) // 10
            if kept > told:
                told = kept
                print(told, flush=True)
        await running


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
