"""How Kafka is reached, the same for producers and consumers."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass
from typing import Any

from data_transfer.targets import OwnPorts, judged_addresses


@dataclass(frozen=True, slots=True)
class KafkaOptions:
    """`bootstrap`: host:port, several separated by commas. `sasl` with `user`: plain | scram-sha-256 | scram-sha-512.

    `partitions` and `replication` (None: 3, or as many as there are brokers) of topics that are made here.
    `roles`: the topics by which they tell and ask each other too.
    """

    bootstrap: str
    topic_prefix: str = "energy"
    user: str | None = None
    password: str | None = None
    sasl: str = "scram-sha-512"
    tls: bool = False
    ca_file: str | None = None
    compression: str = "gzip"
    partitions: int = 6
    replication: int | None = None
    own_ports: OwnPorts = frozenset()
    roles: bool = False

    @property
    def samples(self) -> str:
        return f"{self.topic_prefix}.samples"

    @property
    def events(self) -> str:
        return f"{self.topic_prefix}.events"

    @property
    def aligned(self) -> str:
        """Frames of alignments."""
        return f"{self.topic_prefix}.aligned"

    @property
    def status(self) -> str:
        """What the roles tell of themselves."""
        return f"{self.topic_prefix}.status"

    @property
    def commands(self) -> str:
        """What the roles ask each other, and the answers."""
        return f"{self.topic_prefix}.commands"

    @property
    def topics(self) -> tuple[str, ...]:
        """Those that are made when they are missing."""
        return (self.samples, self.events, self.aligned, *([self.status, self.commands] if self.roles else []))


def connection(options: KafkaOptions) -> dict[str, Any]:
    """Arguments of every client of the library."""
    protocol = ("SASL_" if options.user is not None else "") + ("SSL" if options.tls else "PLAINTEXT")
    found: dict[str, Any] = {
        "bootstrap_servers": [part.strip() for part in options.bootstrap.split(",")], "security_protocol": protocol,
    }  # fmt: skip
    if options.tls:
        found["ssl_context"] = ssl.create_default_context(cafile=options.ca_file)
    if options.user is not None:
        found |= {
            "sasl_mechanism": options.sasl.upper(), "sasl_plain_username": options.user,
            "sasl_plain_password": options.password or "",
        }  # fmt: skip
    return found


async def judge_brokers(options: KafkaOptions) -> None:
    """Raises DestinationAway for addresses that no feed may go to."""
    for part in options.bootstrap.split(","):
        host, _, port = part.strip().rpartition(":")
        await judged_addresses(host.strip("[]"), int(port), options.own_ports)


_BOOTSTRAP = re.compile(r"\('([^']+)', (\d+)")  # of the library's list of brokers


def plain(exc: BaseException) -> str:
    """What went wrong, in one line."""
    if isinstance(exc, TimeoutError):
        return "the brokers do not answer in time"
    name = type(exc).__name__
    text = str(exc).removeprefix(f"{name}: ")  # aiokafka begins with the name itself
    if text.startswith("Unable to bootstrap from"):
        asked = ",".join(f"{host}:{port}" for host, port in _BOOTSTRAP.findall(text))
        return f"no broker answers at {asked}"
    return f"{name}: {text}" if text and text != name else name
