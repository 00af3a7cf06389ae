"""A real broker for tests: Mosquitto of Debian, with password, persistence and TLS, killed and started again on the same data."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.servers import Server, find_program

USER, PASSWORD = "shop", "geheim-7"
_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


class Mosquitto(Server):
    """Listens on `port` (user and password), with a certificate on `tls_port`, and on `mutual_port`, where clients need one too: that of
    `client` (certificate, key) is good, that of `stranger` signed by nobody the broker trusts."""

    name = "Mosquitto"

    def __init__(self, setting: str = "") -> None:
        """`setting`: a further line of its configuration."""
        self._program, make_password = find_program("mosquitto", "/usr/sbin"), find_program("mosquitto_passwd")
        super().__init__()
        self.tls_port, self.mutual_port = free_port(), free_port()
        self._must(make_password, "-b", "-c", str(self.folder / "passwords"), USER, PASSWORD)
        self.ca_file = self._certificates()
        self.client, self.stranger = self._signed("client"), self._stranger()
        (self.folder / "mosquitto.conf").write_text(
            f"per_listener_settings false\nallow_anonymous false\npassword_file {self.folder}/passwords\n"
            f"persistence true\npersistence_location {self.folder}/\nautosave_interval 1\nautosave_on_changes false\n"
            f"max_queued_messages 100000\nmax_inflight_messages 100\nlog_type error\nlog_type warning\n{setting}\n"
            f"listener {self.port} 127.0.0.1\n"
            f"listener {self.tls_port} 127.0.0.1\ncertfile {self.folder}/server.pem\nkeyfile {self.folder}/server.key\n"
            f"listener {self.mutual_port} 127.0.0.1\ncertfile {self.folder}/server.pem\nkeyfile {self.folder}/server.key\n"
            f"cafile {self.ca_file}\nrequire_certificate true\n"
        )

    def _certificates(self) -> Path:
        """Our own authority and a certificate of localhost signed by it."""
        at = self.folder
        self._openssl("req", "-x509", *_KEY, "-days", "2", "-subj", "/CN=test ca", "-keyout", f"{at}/ca.key", "-out", f"{at}/ca.pem")
        (at / "ext").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        self._signed("server", "localhost")
        return at / "ca.pem"

    def _signed(self, name: str, subject: str = "") -> tuple[Path, Path]:
        """Certificate and key, signed by our authority."""
        at = self.folder
        self._openssl("req", *_KEY, "-subj", f"/CN={subject or name}", "-keyout", f"{at}/{name}.key", "-out", f"{at}/{name}.csr")
        self._openssl(
            "x509", "-req", "-in", f"{at}/{name}.csr", "-CA", f"{at}/ca.pem", "-CAkey", f"{at}/ca.key", "-CAcreateserial",
            "-days", "2", "-extfile", f"{at}/ext", "-out", f"{at}/{name}.pem",
        )  # fmt: skip
        return at / f"{name}.pem", at / f"{name}.key"

    def _stranger(self) -> tuple[Path, Path]:
        certificate, key = self.folder / "stranger.pem", self.folder / "stranger.key"
        self._openssl("req", "-x509", *_KEY, "-days", "2", "-subj", "/CN=stranger", "-keyout", str(key), "-out", str(certificate))
        return certificate, key

    def _openssl(self, *arguments: str) -> None:
        self._must(find_program("openssl"), *arguments)

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


