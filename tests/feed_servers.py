"""Real destinations of feeds for tests: Debian's influxdb and victoria-metrics, each on a free port in a temporary folder."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from tests.servers import Server, find_program, free_port, running_server


class InfluxServer(Server):
    """InfluxDB 1.x; made without a database."""

    name = "InfluxDB"

    def __init__(self) -> None:
        self._program = find_program("influxd", "/usr/bin", "/usr/sbin")
        super().__init__()
        self._rpc = free_port()
        self._config = self.folder / "influxdb.conf"
        self._config.write_text(
            f"""
reporting-disabled = true
bind-address = "127.0.0.1:{self._rpc}"
[meta]
  dir = "{self.folder}/meta"
[data]
  dir = "{self.folder}/data"
  wal-dir = "{self.folder}/wal"
  query-log-enabled = false
[http]
  bind-address = "127.0.0.1:{self.port}"
  log-enabled = false
  max-body-size = 300000
[monitor]
  store-enabled = false
"""
        )

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def query(self, database: str, statement: str) -> list[dict[str, Any]]:
        """All rows of all series as dictionaries with their tags; times in microseconds."""
        parameters = urllib.parse.urlencode({"db": database, "q": statement, "epoch": "u"})
        answer = json.loads(_get(f"{self.base}/query?{parameters}", post=not statement.lower().startswith(("select", "show"))))
        rows = []
        for result in answer["results"]:
            assert "error" not in result, result
            for series in result.get("series", []):
                for values in series["values"]:
                    rows.append({**series.get("tags", {}), **dict(zip(series["columns"], values, strict=True))})
        return rows

    def _command(self) -> Sequence[str]:
        return [self._program, "-config", str(self._config)]

    def _answers(self) -> bool:
        return _responds(f"{self.base}/ping")


class VictoriaServer(Server):
    """VictoriaMetrics, one node."""

    name = "VictoriaMetrics"

    def __init__(self) -> None:
        self._program = find_program("victoria-metrics", "/usr/bin", "/usr/sbin")
        super().__init__()

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def export(self, match: str) -> list[dict[str, Any]]:
        """Series with their labels, values and times in milliseconds; what was written is shown first."""
        _get(f"{self.base}/internal/force_flush")
        lines = _get(f"{self.base}/api/v1/export?{urllib.parse.urlencode({'match[]': match})}").splitlines()
        return [json.loads(line) for line in lines]

    def _command(self) -> Sequence[str]:
        return [
            self._program, f"-storageDataPath={self.folder / 'data'}", f"-httpListenAddr=127.0.0.1:{self.port}",
            "-retentionPeriod=100y", "-memory.allowedBytes=67108864", "-search.disableCache",
        ]  # fmt: skip

    def _answers(self) -> bool:
        return _responds(f"{self.base}/health")


def _get(url: str, *, post: bool = False) -> str:
    request = urllib.request.Request(url, method="POST" if post else "GET")
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(answer.read().decode())


def _responds(url: str) -> bool:
    try:
        _get(url)
    except (urllib.error.URLError, OSError):
        return False
    return True


@pytest.fixture(scope="session")
def influx_server() -> Iterator[InfluxServer]:
    """A running InfluxDB 1.x."""
    with running_server(InfluxServer) as server:
        yield server


@pytest.fixture(scope="session")
def victoria_server() -> Iterator[VictoriaServer]:
    """A running VictoriaMetrics."""
    with running_server(VictoriaServer) as server:
        yield server
