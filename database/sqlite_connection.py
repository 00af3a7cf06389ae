"""aiosqlite's connection, made to end once.

When a query is cancelled, SQLAlchemy closes its connection in a task of its own; when that is cancelled too (a stop does so) it
stops the connection's thread. The close then went on, asked the thread that was gone to stop again, and waited for ever: the
process never ended.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from functools import partial

import aiosqlite

ROWS_A_FETCH = 64  # aiosqlite's own default


class EndsOnce(aiosqlite.Connection):
    """A second stop() asks nothing of the thread and leaves nothing to wait for."""

    _stopped = False

    def stop(self) -> asyncio.Future[None] | None:
        """The future of the thread's end; None when it was asked before."""
        if self._stopped:
            return None
        self._stopped = True
        return super().stop()


def connecting(file: str, timeout_s: float) -> Callable[[], Awaitable[aiosqlite.Connection]]:
    """What the engine calls for each new connection."""

    async def connect() -> aiosqlite.Connection:
        open_file = partial(sqlite3.connect, file, timeout=timeout_s, check_same_thread=False)
        connection = EndsOnce(open_file, ROWS_A_FETCH)
        connection._thread.daemon = True  # as SQLAlchemy does: a hung query must not hold the process at its end
        return await connection

    return connect
