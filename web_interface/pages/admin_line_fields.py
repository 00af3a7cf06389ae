"""The form of a line: which fields each transport has. A test holds these lists against what the plant file takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from domain.plant import Line
from web_interface.locale import t
from web_interface.pages.admin_form import Field, id_field

# Which protocols of profiles run on a transport.
CARRIES: Final[Mapping[str, tuple[str, ...]]] = {
    "modbus-tcp": ("modbus",),
    "rtu-over-tcp": ("modbus", "mercury"),
    "serial": ("modbus", "mercury"),
    "opcua": ("opcua",),
    "s7": ("s7",),
    "lsv2": ("lsv2",),
    "mqtt": ("mqtt",),
    "tcp-frames": ("tcp-frames",),
    "mtconnect": ("mtconnect",),
}
BAUDS: Final = (300, 600, 1200, 2400, 4800, 9600, 14400, 19200, 28800, 38400, 57600, 76800, 115200, 230400, 460800, 921600)
PORTS: Final[Mapping[str, int | None]] = {
    "modbus-tcp": 502, "rtu-over-tcp": 4001, "s7": 102, "lsv2": 19000, "mqtt": 1883, "tcp-frames": 5050,
    "mtconnect": 5000,
}  # fmt: skip
REMOVE: Final = "password_remove"
_LOGIN: Final = ("user", "password_env")
_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "modbus-tcp": ("host", "port", "timeout_s", "connect_timeout_s"),
    "rtu-over-tcp": ("host", "port", "baud", "mode", "timeout_s", "connect_timeout_s"),
    "serial": ("device", "baud", "parity", "stopbits", "bytesize", "mode", "timeout_s"),
    "opcua": (
        "url", "security", "message_mode", "sign_in", *_LOGIN, "updates", "publishing_s", "timeout_s", "connect_timeout_s",
    ),
    "s7": ("host", "port", "rack", "slot", "timeout_s", "connect_timeout_s"),
    "lsv2": ("host", "port", *_LOGIN, "timeout_s", "connect_timeout_s"),
    "mqtt": (
        "host", "port", "topic", "version", "tls", "ca_file", "cert_file", "key_file", "qos", "client_id", *_LOGIN, "timeout_s",
        "connect_timeout_s",
    ),
    "tcp-frames": (
        "host", "port", "length", "delimiter", "encoding", "separator", "transmit_s", "heartbeat_s", "peer_heartbeat_s",
        "verdicts", "verdict_deadline_s", "timeout_s", "connect_timeout_s",
    ),
    "mtconnect": (
        "host", "port", "endpoint", "timeout_s", "connect_timeout_s",
    ),
}
_SECURITIES = ("None", "Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss")


def names_of(transport: str) -> Sequence[str]:
    """Fields that a line of this transport has besides id, transport and enabled."""
    return _FIELDS[transport]


def line_fields(transport: str, lang: str, *, new: bool, stored: bool = False) -> Sequence[Field]:
    """The whole form of a line of `transport`. `stored`: a password was set in the page."""
    own: list[Field] = []
    for name in _FIELDS[transport]:
        own.append(_BUILD[name](name, lang, transport))
        if name == "password_env":
            own += _password(lang, stored=stored)
    return [*id_field(lang, new=new), *own, Field("enabled", "switch", t("admin.field.line_enabled", lang), default=True)]


def with_password(values: Mapping[str, object]) -> dict[str, object]:
    """What the form gave as the service takes it: a password that was typed, "" where it is to be removed, else none."""
    found = {name: value for name, value in values.items() if name != REMOVE}
    if values.get(REMOVE):
        found.setdefault("password", "")
    return found


def _password(lang: str, *, stored: bool) -> list[Field]:
    """What is typed is stored and never shown; what is stored can be changed or removed."""
    hint = t("admin.hint.line_password_set" if stored else "admin.hint.line_password", lang)
    fields = [Field("password", "secret", t("admin.field.password", lang), hint=hint)]
    if stored:
        fields.append(Field(REMOVE, "switch", t("admin.field.password_remove", lang), default=False))
    return fields


def transports(lang: str) -> Mapping[str, str]:
    """Transport -> its name, as the choice shows it."""
    return {name: t(f"admin.transport.{name}", lang) for name in _FIELDS}


def line_name(line: Line, lang: str) -> str:
    """For a choice: id, transport, where it leads."""
    return f"{line.id} · {t(f'transport.{line.transport}', lang)} · {line.target}"


def _label(name: str, lang: str) -> str:
    return t(f"admin.field.{name}", lang)


def _text(*, required: bool = False, default: str | None = None, hint: bool = False, mono: bool = True) -> Callable[..., Field]:
    def build(name: str, lang: str, _transport: str) -> Field:
        words = t(f"admin.hint.{name}", lang) if hint else ""
        return Field(name, "text", _label(name, lang), required=required, default=default, hint=words, mono=mono)

    return build


def _choice(options: Sequence[object], default: object, *, named: bool = False) -> Callable[..., Field]:
    def build(name: str, lang: str, _transport: str) -> Field:
        words = {value: t(f"admin.{name}.{value}", lang) if named else str(value) for value in options}
        return Field(name, "choice", _label(name, lang), options=words, default=default)

    return build


def _whole(default: int | None = None, *, unit: str = "") -> Callable[..., Field]:
    def build(name: str, lang: str, _transport: str) -> Field:
        return Field(name, "whole", _label(name, lang), default=default, unit=t(unit, lang) if unit else "")

    return build


def _seconds(name: str, lang: str, _transport: str) -> Field:
    return Field(name, "number", _label(name, lang), unit=t("unit.s", lang), hint=t("admin.hint.automatic", lang))


def _port(name: str, lang: str, transport: str) -> Field:
    default = PORTS[transport]
    return Field(name, "whole", _label(name, lang), default=default, required=default is None)


def _period(default: float) -> Callable[..., Field]:
    def build(name: str, lang: str, _transport: str) -> Field:
        hint = t(f"admin.hint.{name}", lang)
        return Field(name, "number", _label(name, lang), unit=t("unit.s", lang), default=default, hint=hint)

    return build


FRAME_TIMES: Final = {"transmit_s": 0.0, "heartbeat_s": 0.0, "peer_heartbeat_s": 0.0, "verdict_deadline_s": 0.1}
_BUILD: Final[Mapping[str, Callable[..., Field]]] = {
    "host": _text(required=True, hint=True),
    "port": _port,
    "baud": _choice(BAUDS, 9600),
    "mode": _choice(("rtu", "ascii"), "rtu", named=True),
    "device": _text(required=True, hint=True),
    "parity": _choice(("N", "E", "O"), "N", named=True),
    "stopbits": _choice((1, 2), 1),
    "bytesize": _choice((7, 8), None),
    "url": _text(required=True, hint=True),
    "security": _choice(_SECURITIES, "None"),
    "message_mode": _choice(("Sign", "SignAndEncrypt"), None),
    "user": _text(),
    "sign_in": _choice(("anonymous", "password", "certificate"), None, named=True),
    "updates": _choice(("subscribe", "poll"), "subscribe", named=True),
    "publishing_s": lambda name, lang, _transport: Field(
        name, "number", _label(name, lang), unit=t("unit.s", lang), hint=t("admin.hint.publishing_s", lang)
    ),
    "version": _choice(("3.1.1", "5"), "3.1.1"),
    "endpoint": _choice(("agent", "adapter"), "agent", named=True),
    "password_env": _text(hint=True),
    "rack": _whole(0),
    "slot": _whole(1),
    "topic": _text(required=True),
    "tls": lambda name, lang, _transport: Field(name, "switch", _label(name, lang), default=False),
    "ca_file": _text(hint=True),
    "cert_file": _text(hint=True),
    "key_file": _text(hint=True),
    "qos": _choice((0, 1, 2), 0),
    "client_id": _text(),
    "length": _whole(32, unit="admin.unit.bytes"),
    "separator": _text(default=";"),
    **{name: _period(default) for name, default in FRAME_TIMES.items()},
    "verdicts": lambda name, lang, _transport: Field(
        name, "switch", _label(name, lang), default=False, hint=t("admin.hint.verdicts", lang)
    ),
    "delimiter": _text(),
    "encoding": _text(default="utf-8"),
    "timeout_s": _seconds,
    "connect_timeout_s": _seconds,
}
