"""The service manager's watchdog: READY=1 at start, WATCHDOG=1 only while the product makes progress (P19)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping

EXTEND_S = 10.0
LONGEST_START_S = 7200.0  # of an upgrade with its backup; a start that takes longer hangs

log = logging.getLogger(__name__)


class Notifier:
    """Speaks sd_notify(3) on $NOTIFY_SOCKET; without that socket it does nothing."""

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        environ = os.environ if environ is None else environ
        self._address = environ.get("NOTIFY_SOCKET", "")
        usec = environ.get("WATCHDOG_USEC", "")
        self.watchdog_s = int(usec) / 1e6 if usec.isdigit() else None

    def send(self, message: str) -> None:
        """Send e.g. "READY=1"; a missing service manager is no error."""
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                sock.sendto(message.encode(), address)
        except OSError as exc:
            log.warning("service manager not reached: %s", exc)

    @contextlib.asynccontextmanager
    async def starting(self, extend_s: float = EXTEND_S) -> AsyncIterator[None]:
        """Ask for time while starting: killed at TimeoutStartSec, the backup before an upgrade would begin anew each time."""

        async def extend() -> None:
            for _ in range(int(LONGEST_START_S / extend_s)):
                self.send(f"EXTEND_TIMEOUT_USEC={round(3e6 * extend_s)}")
                await asyncio.sleep(extend_s)

        asking = asyncio.create_task(extend(), name="start-time")
        try:
            yield
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    async def run(self, alive: Callable[[], bool]) -> None:
        """Feed the watchdog at half its period while `alive()`; return at once when there is none."""
        if self.watchdog_s is None:
            return
        while True:
            if alive():
                self.send("WATCHDOG=1")
            else:
                log.error("watchdog not fed: no progress")
            await asyncio.sleep(self.watchdog_s / 2)
