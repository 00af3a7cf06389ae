"""A real broker for tests: Mosquitto of Debian, with password, persistence and TLS, killed and started again on the same data."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.servers import Server, find_program, free_port

USER, PASSWORD = "shop", "geheim-7"


class Mosquitto(Server):
    """Listens on `port` (user and password) and, with certificates, on `tls_port`."""

    name = "Mosquitto"

    def __init__(self) -> None:
        self._program, make_password = find_program("mosquitto", "/usr/sbin"), find_program("mosquitto_passwd")
        super().__init__()
        self.tls_port = free_port()
        self._must(make_password, "-b", "-c", str(self.folder / "passwords"), USER, PASSWORD)
        self.ca_file = self._certificates()
        (self.folder / "mosquitto.conf").write_text(
            f"per_listener_settings false\nallow_anonymous false\npassword_file {self.folder}/passwords\n"
            f"persistence true\npersistence_location {self.folder}/\nautosave_interval 1\nautosave_on_changes false\n"
            "max_queued_messages 100000\nmax_inflight_messages 100\nlog_type error\nlog_type warning\n"
            f"listener {self.port} 127.0.0.1\n"
            f"listener {self.tls_port} 127.0.0.1\ncertfile {self.folder}/server.pem\nkeyfile {self.folder}/server.key\n"
        )

    def _certificates(self) -> Path:
        """Our own authority and a certificate of localhost signed by it."""
        openssl, at = find_program("openssl"), str(self.folder)
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        self._must(openssl, "req", "-x509", *key, "-days", "2", "-subj", "/CN=test ca", "-keyout", f"{at}/ca.key", "-out", f"{at}/ca.pem")
        self._must(openssl, "req", *key, "-subj", "/CN=localhost", "-keyout", f"{at}/server.key", "-out", f"{at}/server.csr")
        (self.folder / "ext").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        self._must(
            openssl, "x509", "-req", "-in", f"{at}/server.csr", "-CA", f"{at}/ca.pem", "-CAkey", f"{at}/ca.key", "-CAcreateserial",
            "-days", "2", "-extfile", f"{at}/ext", "-out", f"{at}/server.pem",
        )
        return self.folder / "ca.pem"

    def _command(self) -> Sequence[str]:
        return [self._program, "-c", str(self.folder / "mosquitto.conf")]

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def url(self, database: str) -> str:
        return f"mqtt://127.0.0.1:{self.port}/{database}"

    def _create(self, database: str) -> None:
        """A broker has no databases."""

    @property
    def log_text(self) -> str:
        return (self.folder / "server.log").read_text()


@pytest.fixture(scope="module")
def mosquitto() -> Iterator[Mosquitto]:
    """A running broker."""
    server = Mosquitto()
    try:
        server.start()
        yield server
    finally:
        server.close()


