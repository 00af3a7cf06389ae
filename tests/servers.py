"""Real database servers for tests, from Debian's packages, each on a free port with its data in a temporary folder.

One server a test session, a fresh database a test. Without CI=true a test is skipped by name when the packages are missing.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import pytest

from tests.ports import free_port

START_S = 40.0
_numbers = itertools.count(1)


def find_program(name: str, *folders: str) -> str:
    """Path of a program; skips the test by name (fails with CI=true) when it is not installed."""
    elsewhere = (str(path) for folder in folders for path in sorted(Path("/").glob(f"{folder.lstrip('/')}/{name}")))
    path = shutil.which(name) or next(elsewhere, None)
    if path is not None:
        return path
    if os.environ.get("CI") == "true":
        pytest.fail(f"{name} is not installed, but CI needs it")
    pytest.skip(f"{name} is not installed on this machine")


class Server:
    """A server process that can be killed and started again on the same data."""

    name = "server"
    _in_order = signal.SIGTERM

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="em-"))
        self.folder.chmod(0o755)
        self.port = free_port()
        self._as_user: list[str] = []
        if os.geteuid() == 0:  # both refuse to run as root
            shutil.chown(self.folder, "nobody", "nogroup")
            self._as_user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
        self._process: subprocess.Popen[bytes] | None = None
        self._log = (self.folder / "server.log").open("ab")

    def start(self) -> None:
        """Start and wait until it answers."""
        deadline = time.monotonic() + START_S
        while True:
            self._process = self._popen(self._command())
            while self._process.poll() is None:
                if self._answers():
                    return
                if time.monotonic() > deadline:
                    raise AssertionError(f"{self.name} does not answer: {(self.folder / 'server.log').read_text()[-2000:]}")
                time.sleep(0.05)
            if time.monotonic() > deadline:
                raise AssertionError(f"{self.name} does not start: {(self.folder / 'server.log').read_text()[-2000:]}")
            time.sleep(0.2)  # after kill -9 its children may still hold the data

    def kill(self) -> None:
        """As a power cut would, as far as the process goes."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """In good order, without waiting for its clients."""
        self._end(self._in_order)

    def close(self) -> None:
        if self._process is not None:
            self._end(signal.SIGKILL)
        self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def new_url(self) -> str:
        """URL of a fresh, empty database."""
        name = f"t{os.getpid()}_{next(_numbers)}"
        self._create(name)
        return self.url(name)

    def url(self, database: str) -> str:
        raise NotImplementedError

    def _command(self) -> Sequence[str]:
        raise NotImplementedError

    def _answers(self) -> bool:
        raise NotImplementedError

    def _create(self, database: str) -> None:
        raise NotImplementedError

    def _popen(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*self._as_user, *command], stdout=self._log, stderr=self._log, cwd=self.folder, start_new_session=True
        )

    def _run(self, *command: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run([*self._as_user, *command], capture_output=True, check=False, cwd=self.folder, timeout=60)

    def _must(self, *command: str) -> None:
        done = self._run(*command)
        assert done.returncode == 0, f"{command[0]}: {done.stderr.decode()[-1000:]}"

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(how)
            process.wait(30)


class MariaDB(Server):
    name = "MariaDB"

    def __init__(self) -> None:
        install = find_program("mariadb-install-db")
        self._server, self._client = find_program("mariadbd", "/usr/sbin"), find_program("mariadb")
        super().__init__()
        self._socket = str(self.folder / "s")
        self._must(
            install, "--no-defaults", f"--datadir={self.folder / 'data'}", "--auth-root-authentication-method=normal",
            "--skip-test-db",
        )

    def _command(self) -> Sequence[str]:
        return [
            self._server, "--no-defaults", f"--datadir={self.folder / 'data'}", f"--socket={self._socket}", f"--port={self.port}",
            "--bind-address=127.0.0.1", "--innodb-buffer-pool-size=32M", "--innodb-log-file-size=16M", "--performance-schema=OFF",
        ]

    def _answers(self) -> bool:
        return self._run(self._client, "--no-defaults", "-uroot", f"-S{self._socket}", "-e", "select 1").returncode == 0

    def _create(self, database: str) -> None:
        self._must(self._client, "--no-defaults", "-uroot", f"-S{self._socket}", "-e", f"create database {database}")

    def url(self, database: str) -> str:
        return f"mysql+aiomysql://root@127.0.0.1:{self.port}/{database}"


class PostgreSQL(Server):
    name = "PostgreSQL"
    _in_order = signal.SIGINT  # SIGTERM lets each client stay for as long as it likes

    def __init__(self) -> None:
        places = "/usr/lib/postgresql/*/bin"
        initdb, self._server = find_program("initdb", places), find_program("postgres", places)
        self._client = find_program("psql", places)
        super().__init__()
        self._must(initdb, "-D", str(self.folder / "data"), "-A", "trust", "-U", "em", "-E", "UTF8", "--no-locale")

    def _command(self) -> Sequence[str]:
        return [
            self._server, "-D", str(self.folder / "data"), "-p", str(self.port), "-k", str(self.folder), "-h", "127.0.0.1",
            "-c", "shared_buffers=32MB",
        ]

    def _answers(self) -> bool:
        return self._sql("postgres", "select 1").returncode == 0

    def _create(self, database: str) -> None:
        done = self._sql("postgres", f"create database {database}")
        assert done.returncode == 0, done.stderr.decode()

    def _sql(self, database: str, statement: str) -> subprocess.CompletedProcess[bytes]:
        return self._run(self._client, "-h", "127.0.0.1", "-p", str(self.port), "-U", "em", "-d", database, "-c", statement)

    def url(self, database: str) -> str:
        return f"postgresql+asyncpg://em@127.0.0.1:{self.port}/{database}"


_S = TypeVar("_S", bound=Server)


@contextlib.contextmanager
def running_server(kind: Callable[[], _S]) -> Iterator[_S]:
    """One of that kind, started; gone with its data afterwards."""
    server = kind()
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Server]:
    """A running MariaDB."""
    with running_server(MariaDB) as server:
        yield server


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A running PostgreSQL."""
    with running_server(PostgreSQL) as server:
        yield server


SERVERS = [pytest.param(name, marks=pytest.mark.server) for name in ("mariadb", "postgresql")]


@pytest.fixture(params=["sqlite", *SERVERS])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty database, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'energy.db'}"
    server: Server = request.getfixturevalue(request.param)
    return server.new_url()


@pytest.fixture(params=SERVERS)
def database_server(request: pytest.FixtureRequest) -> Server:
    """Each running server in turn, for tests that kill it."""
    server: Server = request.getfixturevalue(request.param)
    return server
