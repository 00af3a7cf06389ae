"""An end to a conversation that blocks a thread, however the far side drags it out.

A time-out of a socket begins anew with each byte: who sends one now and then would keep the thread, and the threads of the whole
program are few.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType


class Deadline:
    """After `seconds` the connection is shut down, and `passed` is true. Holds through TLS begun on the socket meanwhile."""

    def __init__(self, sock: socket.socket, seconds: float) -> None:
        self.passed = False
        self._same = sock.dup()  # the socket itself goes to whoever begins TLS on it; the connection stays this one
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True
        self._timer.start()

    def _cut(self) -> None:
        self.passed = True
        with contextlib.suppress(OSError):
            self._same.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """It came to an end by itself."""
        self._timer.cancel()
        self._timer.join()
        self._same.close()

    def __enter__(self) -> Deadline:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
