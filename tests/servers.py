"""Real database servers for tests, from Debian's packages, each on a free port with its data in a temporary folder.

One server a test session, a fresh database a test. Without CI=true a test is skipped by name when the packages are missing.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest

from database.engine import Store
from database.migrate import upgrade
from tests.ports import free_port

START_S = 40.0
ROOM_BYTES = 4 << 30
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


def memory_folder() -> Path | None:
    """A file system in memory with room for data of tests: nothing there waits for a disk, and all survives kill -9 as on one."""
    shm = Path("/dev/shm")
    return shm if shm.is_dir() and os.access(shm, os.W_OK) and shutil.disk_usage(shm).free >= ROOM_BYTES else None


class Server:
    """A server process that can be killed and started again on the same data."""

    name = "server"
    _in_order = signal.SIGTERM
    _in_memory = False

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="em-", dir=memory_folder() if self._in_memory else None))
        self.folder.chmod(0o755)
        self.port = free_port()
        self._as_user: list[str] = []
        if os.geteuid() == 0:  # both refuse to run as root
            shutil.chown(self.folder, "nobody", "nogroup")
            self._as_user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
        self._process: subprocess.Popen[bytes] | None = None
        self._like: str | None = None
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

    def new_url(self, *, empty: bool = False) -> str:
        """URL of a fresh database: with the schema of this program, which is made once a server, or `empty`."""
        name = f"t{os.getpid()}_{next(_numbers)}"
        if empty:
            self._create(name)
        else:
            self._create_like(self._like or self._make_like(), name)
        return self.url(name)

    def _make_like(self) -> str:
        made = f"t{os.getpid()}_like"
        self._create(made)
        bring_schema(self.url(made))
        self._like = made
        return made

    def url(self, database: str) -> str:
        raise NotImplementedError

    def _command(self) -> Sequence[str]:
        raise NotImplementedError

    def _answers(self) -> bool:
        raise NotImplementedError

    def _create(self, database: str) -> None:
        raise NotImplementedError

    def _create_like(self, made: str, database: str) -> None:
        """With the tables of `made`."""
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
    _in_memory = True

    def __init__(self) -> None:
        install = find_program("mariadb-install-db")
        self._server, self._client = find_program("mariadbd", "/usr/sbin"), find_program("mariadb")
        self._dump = find_program("mariadb-dump")
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

    def _create_like(self, made: str, database: str) -> None:
        self._create(database)
        dump = self.folder / f"{made}.sql"
        root = ("--no-defaults", "-uroot", f"-S{self._socket}")
        if not dump.exists():
            self._must(self._dump, *root, "--skip-comments", f"--result-file={dump}", made)
        self._must(self._client, *root, database, "-e", f"source {dump}")

    def url(self, database: str) -> str:
        return f"mysql+aiomysql://root@127.0.0.1:{self.port}/{database}"


class PostgreSQL(Server):
    name = "PostgreSQL"
    _in_memory = True
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

    def _create_like(self, made: str, database: str) -> None:
        done = self._sql("postgres", f"create database {database} template {made}")
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


def bring_schema(url: str) -> None:
    """All migrations on an empty database; in a thread of its own, since the caller may be in a loop."""

    async def work() -> None:
        store = Store(url)
        try:
            await store.prepare()
            await upgrade(store)
        finally:
            await store.close()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, work()).result()


@pytest.fixture(scope="session")
def sqlite_like(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the schema and nothing else."""
    made = tmp_path_factory.mktemp("like") / "energy.db"
    bring_schema(f"sqlite+aiosqlite:///{made}")
    return made


@pytest.fixture(params=["sqlite", *SERVERS])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a database of each kind in turn, with the schema of this program and nothing in it."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_like"), tmp_path / "energy.db")
        return f"sqlite+aiosqlite:///{tmp_path / 'energy.db'}"
    server: Server = request.getfixturevalue(request.param)
    return server.new_url()


@pytest.fixture(params=["sqlite", *SERVERS])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a database without any table, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'energy.db'}"
    server: Server = request.getfixturevalue(request.param)
    return server.new_url(empty=True)


@pytest.fixture(params=SERVERS)
def database_server(request: pytest.FixtureRequest) -> Server:
    """Each running server in turn, for tests that kill it."""
    server: Server = request.getfixturevalue(request.param)
    return server
