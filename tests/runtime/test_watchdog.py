"""What the service manager is told."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

from runtime.watchdog import Notifier


async def test_a_long_start_asks_for_time_again_and_again_until_it_is_over(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        manager.setblocking(False)
        notifier = Notifier({"NOTIFY_SOCKET": address})
        loop = asyncio.get_running_loop()
        async with notifier.starting(extend_s=0.01):
            told = [(await loop.sock_recv(manager, 100)).decode() for _ in range(3)]
        assert told == ["EXTEND_TIMEOUT_USEC=30000"] * 3
        notifier.send("READY=1")
        rest = []
        while not rest or rest[-1] != "READY=1":
            rest.append((await loop.sock_recv(manager, 100)).decode())
        assert set(rest[:-1]) <= {"EXTEND_TIMEOUT_USEC=30000"}
        await asyncio.sleep(0.05)
        manager.setblocking(False)
        try:
            late = manager.recv(100)
        except BlockingIOError:
            late = b""
        assert late == b"", "a start that is over asks for nothing more"
