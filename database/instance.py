"""One running instance a data folder: the second one refuses to start and says who holds it (P20)."""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from domain.errors import MonitorError


class AlreadyRunning(MonitorError):
    """Another instance works on this data folder."""


@contextlib.contextmanager
def hold_instance_lock(data_dir: Path) -> Iterator[None]:
    """Hold the folder until the context ends, or until the process dies: the system then lets go of it by itself.

    Commands beside a running product do not take it. Raises AlreadyRunning with pid, host and since when.
    """
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = data_dir / "instance.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(f"data folder {data_dir} is in use by {_holder(path)}; stop it first") from None
        since = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        os.ftruncate(descriptor, 0)
        os.write(descriptor, json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": since}).encode())
        yield
    finally:
        os.close(descriptor)  # the file stays: removing it would let a third process lock a name that is gone


def _holder(path: Path) -> str:
    try:
        held = json.loads(path.read_text())
        return f"process {held['pid']} on {held['host']} since {held['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
