"""Programs of other makers that tests need, fetched once a machine into the cache of whoever runs them."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest


def cannot(reason: str) -> NoReturn:
    """Skips by name; with CI=true fails."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def fetched(name: str, lock: Path, fetch: Callable[[Path], None]) -> Path:
    """The folder that `fetch` filled for this lock file; a second process waits instead of fetching it all once more."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "energy-monitoring-tests"
    cache.mkdir(parents=True, exist_ok=True)
    home = cache / f"{name}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:16]}"
    with (cache / f"{name}.lock").open("w") as door:
        fcntl.flock(door, fcntl.LOCK_EX)
        if not home.is_dir():
            with tempfile.TemporaryDirectory(dir=cache) as folder:
                fetch(Path(folder))
                Path(folder).rename(home)
                Path(folder).mkdir()  # what the context takes away
    return home
