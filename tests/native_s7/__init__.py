"""An S7 server of another maker for the tests: the C library snap7 as python-snap7 1.4.1 carries it (the product's release has none).

The package is fetched once a machine into the cache of whoever runs the tests and runs in a process of its own. Where it cannot be
fetched or run, a test is skipped by name; with CI=true it fails.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fetched import cannot, fetched

HERE = Path(__file__).resolve().parent
FETCH_S = 110.0


@pytest.fixture(scope="session")
def native_s7() -> NativeS7:
    """The library, ready to serve."""
    return NativeS7(fetched("native-s7", HERE / "requirements.txt", _fetch))


def _fetch(folder: Path) -> None:
    command = [
        sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:",
        "--require-hashes", "--target", str(folder), "-r", str(HERE / "requirements.txt"),
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=FETCH_S)
    except subprocess.TimeoutExpired:
        cannot(f"python-snap7 1.4.1 cannot be fetched within {FETCH_S:.0f} s")
    if done.returncode:
        cannot(f"python-snap7 1.4.1 cannot be fetched: {done.stderr[-300:]}")


@dataclass(frozen=True, slots=True)
class NativeS7:
    """Runs server.py of this folder with the library in `packages`."""

    packages: Path

    @contextlib.contextmanager
    def serve(self, port: int, **options: int) -> Iterator[NativeServer]:
        """`pdu`, `clients`: the most that it grants. Killed at the end."""
        environment = {**os.environ, "PYTHONPATH": str(self.packages)}
        command = [sys.executable, str(HERE / "server.py"), json.dumps({"port": port, **options})]
        process = subprocess.Popen(command, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            server = NativeServer(process)
            server.wait("ready")
            yield server
        finally:
            process.kill()
            process.communicate(timeout=30)


@dataclass(slots=True)
class NativeServer:
    """A running server.py."""

    process: subprocess.Popen[str]

    def cpu(self, *, running: bool) -> None:
        """The operator turns the switch."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"cpu": 8 if running else 4}) + "\n")
        self.process.stdin.flush()
        self.wait("done")

    def wait(self, wanted: str) -> None:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line and wanted == "ready":
            cannot("the library snap7 does not run here")
        assert json.loads(line).get(wanted), line
