"""Lines of a plant file: which fields each transport has, what each field may hold, and where two lines would collide."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from config.fields import Fields, shown
from config.problems import Path, Report
from domain.plant import Line

BAUDS: Final = (300, 600, 1200, 2400, 4800, 9600, 14400, 19200, 28800, 38400, 57600, 76800, 115200, 230400, 460800, 921600)
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z")
_HOST = re.compile(r"[A-Za-z0-9._:-]{1,253}\Z")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}\Z")
Check = Callable[[Fields, str, object, bool], object]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a transport: its check, its default, whether it must be there."""

    check: Check
    default: object = None
    required: bool = False


def host(fields: Fields, name: str, default: object, required: bool) -> object:
    """Name or address of a computer, without port and scheme."""
    value = fields.text(name, required=required, longest=253)
    if value is not None and not _HOST.match(value):
        fields.problem(name, f"is {shown(value)}", "a host name or an address, without port")
        return None
    return default if value is None else value


def variable_name(fields: Fields, name: str, default: object, required: bool) -> object:
    """Name of an environment variable that holds a secret."""
    value = fields.text(name, required=required)
    if value is not None and not _VARIABLE.match(value):
        fields.problem(name, "is not the name of an environment variable", "a name such as M1_PASSWORD; the secret itself never")
        return None
    return default if value is None else value


def _text(fields: Fields, name: str, default: object, required: bool) -> object:
    return fields.text(name, str(default) if default is not None else None, required=required, longest=1000)


def _flag(fields: Fields, name: str, default: object, required: bool) -> object:
    return fields.flag(name, bool(default)) if fields.has(name) or default is not None else None


def _url(fields: Fields, name: str, default: object, required: bool) -> object:
    value = fields.text(name, required=required, longest=1000)
    if value is None:
        return default
    try:
        parts = urlsplit(value)
        good = parts.scheme == "opc.tcp" and bool(parts.hostname) and (parts.port or 4840) > 0 and parts.password is None
    except ValueError:
        good = False
    if not good:
        fields.problem(name, f"is {shown(value)}", "opc.tcp://host:port, without password")
        return None
    return value


def _whole(low: int, high: int, allowed: Sequence[int] = ()) -> Check:
    def check(fields: Fields, name: str, default: object, required: bool) -> object:
        start = default if isinstance(default, int) else None
        return fields.whole(name, start, low=low, high=high, required=required, allowed=allowed)

    return check


def _number(low: float, high: float) -> Check:
    def check(fields: Fields, name: str, default: object, required: bool) -> object:
        start = default if isinstance(default, int | float) else None
        return fields.number(name, start, low=low, high=high, required=required)

    return check


def _choice(*words: str) -> Check:
    def check(fields: Fields, name: str, default: object, required: bool) -> object:
        return fields.choice(name, words, default if isinstance(default, str) else None, required=required)

    return check


_PORT = _whole(1, 65535)
_BAUD = Field(_whole(300, 921600, BAUDS), 9600)
_TIMES = {"timeout_s": Field(_number(0.05, 60)), "connect_timeout_s": Field(_number(0.1, 60))}
_HOSTED = {"host": Field(host, required=True)}
_LOGIN = {"user": Field(_text), "password_env": Field(variable_name)}
_MODE = Field(_choice("rtu", "ascii"), "rtu")

TRANSPORTS: Final[Mapping[str, Mapping[str, Field]]] = {
    "modbus-tcp": {**_HOSTED, "port": Field(_PORT, 502), **_TIMES},
    "rtu-over-tcp": {**_HOSTED, "port": Field(_PORT, 4001), "baud": _BAUD, "mode": _MODE, **_TIMES},
    "serial": {
        "device": Field(_text, required=True),
        "baud": _BAUD,
        "parity": Field(_choice("N", "E", "O"), "N"),
        "stopbits": Field(_whole(1, 2), 1),
        "bytesize": Field(_whole(7, 8)),
        "mode": _MODE,
        "timeout_s": _TIMES["timeout_s"],
    },
    "opcua": {
        "url": Field(_url, required=True),
        "security": Field(_choice("None", "Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss"), "None"),
        "message_mode": Field(_choice("Sign", "SignAndEncrypt")),
        **_LOGIN, **_TIMES,
    },
    "s7": {**_HOSTED, "port": Field(_PORT, 102), "rack": Field(_whole(0, 7), 0), "slot": Field(_whole(0, 31), 1), **_TIMES},
    "lsv2": {**_HOSTED, "port": Field(_PORT, 19000), **_LOGIN, **_TIMES},
    "mqtt": {
        **_HOSTED, "port": Field(_PORT, 1883), "topic": Field(_text, required=True), "tls": Field(_flag, False),
        "qos": Field(_whole(0, 2), 0), "client_id": Field(_text), **_LOGIN, **_TIMES,
    },
    "tcp-frames": {
        **_HOSTED, "port": Field(_PORT, required=True), "length": Field(_whole(1, 65536)), "delimiter": Field(_text),
        "encoding": Field(_text, "utf-8"), **_TIMES,
    },
}
# protocols of profiles that run on each transport
CARRIES: Final[Mapping[str, tuple[str, ...]]] = {
    "modbus-tcp": ("modbus",),
    "rtu-over-tcp": ("modbus", "mercury"),
    "serial": ("modbus", "mercury"),
    **{name: (name,) for name in ("opcua", "s7", "lsv2", "mqtt", "tcp-frames")},
}


def read_id(fields: Fields, taken: dict[str, Path], what: str) -> str | None:
    """The entry's id, checked to be new (case apart)."""
    value = fields.text("id", required=True)
    if value is None:
        return None
    if not ID.match(value):
        fields.problem("id", f"is {shown(value)}", "letters a to z, digits, - and _, at most 64")
        return None
    first = taken.get(value.lower())
    if first is not None:
        line = fields.report.line(first)
        where = "" if line is None else f" (first in line {line})"
        fields.problem("id", f"the {what} {value!r} stands twice{where}", "each id once")
        return None
    taken[value.lower()] = fields.path
    return value


def read_line(fields: Fields, taken: dict[str, Path]) -> Line | None:
    """One line with the defaults of its transport; None when its id or transport is unusable."""
    line_id = read_id(fields, taken, "line")
    transport = fields.choice("transport", TRANSPORTS, required=True)
    enabled = fields.flag("enabled", True)
    if transport is None:
        return None
    specs = TRANSPORTS[transport]
    options = {}
    for name, spec in specs.items():
        value = spec.check(fields, name, spec.default, spec.required)
        if value is not None:
            options[name] = value
    _frame_end(transport, fields)
    report_secret(fields)
    _report_foreign(fields, transport, specs)
    fields.finish()
    return None if line_id is None else Line(line_id, transport, options, enabled)


def _frame_end(transport: str, fields: Fields) -> None:
    if transport == "tcp-frames" and fields.has("length") == fields.has("delimiter"):
        fields.problem("", "how a frame ends is not clear", "either length (bytes) or delimiter")


def report_secret(fields: Fields) -> None:
    """A password in the file is refused; it is not among the known fields that an error lists."""
    if "password" in fields.values:
        fields.raw("password")
        fields.problem("password", "a secret does not belong in the plant file", "password_env: NAME_OF_A_VARIABLE")


def _report_foreign(fields: Fields, transport: str, specs: Mapping[str, Field]) -> None:
    """Fields of other transports get a clearer message than "unknown"."""
    for name in list(fields.values):
        others = [other for other, known in TRANSPORTS.items() if name in known]
        if name not in specs and others:
            fields.raw(name)
            fields.problem(name, f"is no field of {transport}", f"no {name} (it belongs to {', '.join(others)})")


def check_targets(lines: Sequence[tuple[Line, Path]], report: Report) -> None:
    """Two lines to one port or gateway mix their bytes; two Modbus TCP connections to one server only take up its places."""
    seen: dict[tuple[str, object, object], Line] = {}
    for line, path in lines:
        options = line.options
        key = (
            ("serial", options.get("device"), None) if line.transport == "serial"
            else ("url", options.get("url"), None) if line.transport == "opcua"
            else ("tcp", str(options.get("host", "")).lower(), options.get("port"))
        )
        other = seen.setdefault(key, line)
        if other is line or not (line.enabled and other.enabled):
            continue
        if "serial" in {line.transport, other.transport} or "rtu-over-tcp" in {line.transport, other.transport}:
            report.problem(path, f"leads to {line.target} as line {other.id!r} does", "one line for one serial port or gateway")
        elif line.transport != "mqtt":
            report.warn(path, f"opens a second connection to {line.target}, as line {other.id!r} does")
