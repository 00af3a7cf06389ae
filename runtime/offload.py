"""Heavy computing in a process of its own, started when it is needed and ended when it idles.

Libraries such as scipy or scikit-learn cost 100 MiB and more and hold the interpreter for seconds. They are imported only inside
the functions that run here, so the serving process stays small and its event loop free.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import ParamSpec, TypeVar

from domain.errors import MonitorError

P = ParamSpec("P")
R = TypeVar("R")

IDLE_S = 60.0
LONGEST_S = 600.0
NICE = 5


class OffloadFailed(MonitorError):
    """The worker ended or took too long; the work may be asked for again."""


class Offload:
    """One worker process; calls queue up. `close` ends it, and so does idling; the next call starts another."""

    def __init__(self, idle_s: float = IDLE_S, longest_s: float = LONGEST_S) -> None:
        self._idle_s, self._longest_s = idle_s, longest_s
        self._pool: ProcessPoolExecutor | None = None
        self._lock = asyncio.Lock()
        self._idle: asyncio.TimerHandle | None = None

    async def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """`function` (of a module, not a closure) over picklable arguments. What it raises is raised here.

        Raises OffloadFailed when the worker is killed (memory) or takes longer than the limit; then it is ended for good.
        """
        async with self._lock:
            if self._idle is not None:
                self._idle.cancel()
                self._idle = None
            pool = self._pool = self._pool or ProcessPoolExecutor(
                1, mp_context=multiprocessing.get_context("spawn"), initializer=_gently
            )
            try:
                async with asyncio.timeout(self._longest_s):
                    # on a thread: the first call starts the process, which would hold up the event loop
                    future = await asyncio.to_thread(pool.submit, _call, function, args, kwargs)
                    return await asyncio.wrap_future(future)
            except BrokenProcessPool as exc:
                self._end()
                raise OffloadFailed(f"{function.__name__}: the worker process ended") from exc
            except (TimeoutError, asyncio.CancelledError) as exc:
                self._end(kill=True)
                if isinstance(exc, TimeoutError):
                    raise OffloadFailed(f"{function.__name__}: took longer than {self._longest_s:g} s") from exc
                raise
            finally:
                if self._pool is not None:
                    self._idle = asyncio.get_running_loop().call_later(self._idle_s, self._end)

    @property
    def running(self) -> bool:
        """Is there a worker process?"""
        return self._pool is not None

    def close(self) -> None:
        """End the worker."""
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        self._end(kill=True)

    def _end(self, *, kill: bool = False) -> None:
        pool, self._pool = self._pool, None
        if pool is None:
            return
        processes = list((pool._processes or {}).values()) if kill else []
        pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.kill()


def _gently() -> None:
    """Acquisition comes first: the worker has the lower priority and one thread of linear algebra."""
    if hasattr(os, "nice"):
        os.nice(NICE)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")


def _call(function: Callable[..., R], args: tuple[object, ...], kwargs: dict[str, object]) -> R:
    return function(*args, **kwargs)
