"""TLS of a line to a broker: whom we trust, who we are, and what a refusal of the broker means."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable
from typing import Final

from domain.errors import ConfigError
from domain.plant import Line

log = logging.getLogger(__name__)
_ALERTS: Final = (
    ("CERTIFICATE_REQUIRED", "the broker wants a certificate of this program: set cert_file and key_file of the line"),
    ("ALERT_CERTIFICATE_EXPIRED", "the certificate in cert_file has expired"),
    ("ALERT_CERTIFICATE_REVOKED", "the certificate in cert_file has been revoked"),
    ("ALERT_UNKNOWN_CA", "the broker does not trust the certificate in cert_file"),
    ("ALERT_BAD_CERTIFICATE", "the broker does not trust the certificate in cert_file"),
    ("ALERT_CERTIFICATE_UNKNOWN", "the broker does not trust the certificate in cert_file"),
)


def context(line: Line) -> ssl.SSLContext | None:
    """None without `tls`. The broker's certificate is always checked: against the system's authorities, or the file the
    line names. With `cert_file` we show ours. Raises ConfigError, naming the file."""
    if not line.options.get("tls"):
        return None
    authority = line.options.get("ca_file")
    try:
        made = ssl.create_default_context(cafile=str(authority) if authority else None)
    except (OSError, ssl.SSLError) as exc:
        raise ConfigError(f"line {line.id}: ca_file {authority} cannot be read: {exc}") from exc
    if line.options.get("cert_file"):
        _show_ours(made, line)
    return made


def _show_ours(made: ssl.SSLContext, line: Line) -> None:
    certificate, key = str(line.options["cert_file"]), str(line.options.get("key_file") or "")
    for name, path in (("cert_file", certificate), ("key_file", key)):
        try:
            with open(path, "rb"):  # noqa: PTH123 - which of the two is not readable is not told by what follows
                pass
        except OSError as exc:
            raise ConfigError(f"line {line.id}: {name} {path} cannot be read: {exc.strerror or exc}") from exc
    try:
        made.load_cert_chain(certificate, key, password=lambda: b"")  # without the last the library asks on the terminal
    except ssl.SSLError as exc:
        if exc.reason == "KEY_VALUES_MISMATCH":
            raise ConfigError(f"line {line.id}: cert_file {certificate} and key_file {key} do not belong together") from exc
        pair = f"line {line.id}: cert_file {certificate} or key_file {key} cannot be used ({exc})"
        raise ConfigError(f"{pair}: expected a certificate and its key without passphrase, both PEM") from exc


class Heard(logging.Logger):
    """What the client's library only logs: with TLS 1.3 the broker refuses a certificate after the handshake, and all that an
    application is told is that the time is over. `refused` is called when that happens, in whatever thread."""

    def __init__(self) -> None:
        super().__init__("data_collection.mqtt.library", logging.WARNING)
        self.words: str | None = None  # what the broker did not like of our certificate
        self.refused: Callable[[], object] = lambda: None

    def handle(self, record: logging.LogRecord) -> None:
        """Look for an alert of TLS; all else is logged."""
        text = record.getMessage()
        found = next((words for alert, words in _ALERTS if alert in text), None)
        if found is None:
            log.handle(record)
            return
        self.words = found
        self.refused()
