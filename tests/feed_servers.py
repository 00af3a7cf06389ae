"""Real destinations of feeds for tests, each on a free port in a temporary folder: Debian's influxdb and victoria-metrics, and
Apache Kafka from Maven Central."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.mosquitto import PASSWORD, USER
from tests.ports import free_port
from tests.servers import Server, find_program, running_server


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

    def shell(self, database: str, statement: str) -> list[dict[str, Any]]:
        """The same by the `influx` shell."""
        done = subprocess.run(
            [find_program("influx"), "-host", "127.0.0.1", "-port", str(self.port), "-database", database, "-precision", "u",
             "-format", "json", "-execute", statement], capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip
        return [
            dict(zip(series["columns"], values, strict=True))
            for result in json.loads(done.stdout)["results"] for series in result.get("series", []) for values in series["values"]
        ]  # fmt: skip

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


KAFKA = "4.1.1"
_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>tests</groupId><artifactId>broker</artifactId><version>1</version><dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{kafka}</version></dependency>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>{kafka}</version></dependency>
<dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j2-impl</artifactId><version>2.24.3</version></dependency>
<dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-core</artifactId><version>2.24.3</version></dependency>
</dependencies></project>
"""


def _kafka_jars() -> Path:
    """Apache Kafka's jars from Maven Central, fetched once a machine; skips by name where that is not possible."""
    java, maven = find_program("java"), find_program("mvn")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "energy-monitoring-tests"
    jars = cache / f"kafka-{KAFKA}-tools"
    if jars.is_dir():
        return jars
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        Path(folder, "pom.xml").write_text(_POM.format(kafka=KAFKA))
        command = [maven, "-q", "-B", "dependency:copy-dependencies", f"-DoutputDirectory={folder}/lib"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=110)
        if done.returncode:
            reason = f"Apache Kafka cannot be fetched from Maven Central with {java}: {done.stdout[-300:]}"
            pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
        with contextlib.suppress(OSError):  # another process may have been first
            Path(folder, "lib").rename(jars)
    return jars


class KafkaServer(Server):
    """Apache Kafka, one node of broker and controller (KRaft); batches of `message_bytes` at most.

    `port` is open to all; so is `far_port`, which tells clients that it is `way_port`: for a proxy of a test there. `secure_port` wants TLS (trust `ca_file`) and a login: USER and PASSWORD by SCRAM-SHA-512 or PLAIN.
    """

    name = "Kafka"

    def __init__(self, message_bytes: int = 200_000) -> None:
        self._jars, self._java = _kafka_jars(), find_program("java")
        super().__init__()
        self._as_user = []  # the jars lie in the home of whoever runs the tests
        self._controller, self.secure_port, self.far_port, self.way_port = (free_port() for _ in range(4))
        self.ca_file = self._certificate()
        properties = {
            "process.roles": "broker,controller", "node.id": "1", "controller.quorum.bootstrap.servers": f"127.0.0.1:{self._controller}",
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port},SECURE://127.0.0.1:{self.secure_port},CONTROLLER://127.0.0.1:{self._controller},"
                f"FAR://127.0.0.1:{self.far_port}",
            "advertised.listeners":
                f"PLAINTEXT://127.0.0.1:{self.port},SECURE://localhost:{self.secure_port},FAR://127.0.0.1:{self.way_port}",
            "controller.listener.names": "CONTROLLER", "log.dirs": f"{self.folder}/data",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,SECURE:SASL_SSL,CONTROLLER:PLAINTEXT,FAR:PLAINTEXT",
            "listener.name.secure.ssl.keystore.type": "PEM", "listener.name.secure.ssl.keystore.location": f"{self.folder}/broker.pem",
            "listener.name.secure.sasl.enabled.mechanisms": "SCRAM-SHA-512,PLAIN",
            "listener.name.secure.scram-sha-512.sasl.jaas.config": "org.apache.kafka.common.security.scram.ScramLoginModule required;",
            "listener.name.secure.plain.sasl.jaas.config":
                f'org.apache.kafka.common.security.plain.PlainLoginModule required user_{USER}="{PASSWORD}";',
            "offsets.topic.replication.factor": "1", "transaction.state.log.replication.factor": "1", "transaction.state.log.min.isr": "1",
            "share.coordinator.state.topic.replication.factor": "1", "share.coordinator.state.topic.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0", "offsets.topic.num.partitions": "1", "auto.create.topics.enable": "false",
            "message.max.bytes": str(message_bytes), "default.replication.factor": "1", "num.network.threads": "1", "num.io.threads": "2",
        }  # fmt: skip
        self._properties = self.folder / "server.properties"
        self._properties.write_text("\n".join(f"{name}={value}" for name, value in properties.items()))
        storage = ["kafka.tools.StorageTool", "format", "--standalone", "-t", "MkU3OEVBNTcwNTJENDM2Qg", "-c", str(self._properties)]
        storage += ["--add-scram", f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]"]
        self._must(*self._virtual_machine(), *storage)

    def _certificate(self) -> Path:
        """A certificate of localhost that signs itself; the broker's file holds the key before it."""
        key, certificate = self.folder / "broker.key", self.folder / "broker.crt"
        self._must(
            find_program("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
            "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate),
        )
        (self.folder / "broker.pem").write_text(key.read_text() + certificate.read_text())
        return certificate

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    def console_consumer(self, topic: str, messages: int) -> list[str]:
        """What kafka-console-consumer.sh prints of a topic from its beginning: a line a message, the key before a tab."""
        command = [*self._virtual_machine(), "org.apache.kafka.tools.consumer.ConsoleConsumer", "--bootstrap-server", self.bootstrap]
        command += ["--topic", topic, "--from-beginning", "--max-messages", str(messages), "--timeout-ms", "30000"]
        done = subprocess.run(
            [*command, "--property", "print.key=true"], capture_output=True, text=True, check=False, timeout=90,
            cwd=self.folder,
        )  # fmt: skip
        assert done.stdout, done.stderr[-2000:]
        return done.stdout.splitlines()

    def _virtual_machine(self) -> list[str]:
        return [self._java, "-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", "-cp", f"{self._jars}/*"]

    def _command(self) -> Sequence[str]:
        return [*self._virtual_machine(), "kafka.Kafka", str(self._properties)]

    def _answers(self) -> bool:
        return _listens(self.port)


def _listens(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="session")
def kafka_server() -> Iterator[KafkaServer]:
    """A running Apache Kafka."""
    with running_server(KafkaServer) as server:
        yield server


class KafkaNode(Server):
    """One of three nodes (broker and controller); every topic has three replicas and needs two of them to acknowledge."""

    name = "Kafka node"

    def __init__(self, number: int, controllers: Sequence[int]) -> None:
        self._jars, self._java = _kafka_jars(), find_program("java")
        super().__init__()
        self._as_user = []
        voters = ",".join(f"{n}@127.0.0.1:{port}" for n, port in enumerate(controllers, 1))
        properties = {
            "process.roles": "broker,controller", "node.id": str(number), "controller.quorum.voters": voters,
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{controllers[number - 1]}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{self.port}", "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT", "log.dirs": f"{self.folder}/data",
            "default.replication.factor": "3", "min.insync.replicas": "2", "offsets.topic.replication.factor": "3",
            "offsets.topic.num.partitions": "1", "group.initial.rebalance.delay.ms": "0", "auto.create.topics.enable": "false",
            "broker.session.timeout.ms": "3000", "broker.heartbeat.interval.ms": "500", "num.network.threads": "1",
            "num.io.threads": "2", "log.cleaner.dedupe.buffer.size": "8388608",  # else it takes 128 MB of the heap
        }  # fmt: skip
        self._properties = self.folder / "server.properties"
        self._properties.write_text("\n".join(f"{name}={value}" for name, value in properties.items()))
        storage = ["kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qg", "-c", str(self._properties)]
        self._must(*self._virtual_machine(), *storage)

    def _virtual_machine(self) -> list[str]:
        return [self._java, "-Xmx192m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", "-cp", f"{self._jars}/*"]

    def _command(self) -> Sequence[str]:
        return [*self._virtual_machine(), "kafka.Kafka", str(self._properties)]

    def _answers(self) -> bool:
        return _listens(self.port)

    def begin(self) -> None:
        """Start without waiting: a node alone does not answer."""
        self._process = self._popen(self._command())


class KafkaCluster:
    """Three nodes; one may be killed."""

    def __init__(self) -> None:
        controllers = [free_port() for _ in range(3)]
        self.nodes = [KafkaNode(number, controllers) for number in (1, 2, 3)]

    @property
    def bootstrap(self) -> str:
        return ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    def start(self) -> None:
        for node in self.nodes:
            node.begin()
        deadline = time.monotonic() + 90
        while not all(node._answers() for node in self.nodes):
            assert time.monotonic() < deadline, (self.nodes[0].folder / "server.log").read_text()[-2000:]
            time.sleep(0.1)

    def close(self) -> None:
        for node in self.nodes:
            node.close()


@pytest.fixture(scope="module")
def kafka_cluster() -> Iterator[KafkaCluster]:
    """Three running nodes of Apache Kafka."""
    cluster = KafkaCluster()
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.close()
