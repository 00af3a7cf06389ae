"""Lines of a plant file: which fields each transport has, what each field may hold, and where two lines would collide."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from config.fields import Fields, shown
from config.problems import Path, Report
from config.transports import TRANSPORTS
from config.transports.fields import Field
from domain.plant import Line

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z")
# protocols of profiles that run on each transport
CARRIES: Final[Mapping[str, tuple[str, ...]]] = {name: transport.carries for name, transport in TRANSPORTS.items()}


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


def read_line(
    fields: Fields, taken: dict[str, Path], environ: Mapping[str, str] | None = None, secrets: Mapping[str, str] | None = None
) -> Line | None:
    """One line with the defaults of its transport; None when its id or transport is unusable.

    Its password is what the variable named by `password_env` holds in `environ`, else what was set in the pages (`secrets`).
    """
    line_id = read_id(fields, taken, "line")
    transport = fields.choice("transport", TRANSPORTS, required=True)
    enabled = fields.flag("enabled", True)
    if transport is None:
        return None
    specs = TRANSPORTS[transport].fields
    options = {}
    for name, spec in specs.items():
        value = spec.check(fields, name, spec.default, spec.required)
        if value is not None:
            options[name] = value
    TRANSPORTS[transport].together(fields)
    report_secret(fields)
    _report_foreign(fields, transport, specs)
    fields.finish()
    if line_id is None:
        return None
    variable = options.get("password_env")
    password = (environ or {}).get(str(variable)) or (secrets or {}).get(f"line:{line_id}")
    return Line(line_id, transport, options, enabled, password)


def report_secret(fields: Fields) -> None:
    """A password in the file is refused; it is not among the known fields that an error lists."""
    if "password" in fields.values:
        fields.raw("password")
        fields.problem("password", "a secret does not belong in the plant file", "password_env: NAME_OF_A_VARIABLE")


def _report_foreign(fields: Fields, transport: str, specs: Mapping[str, Field]) -> None:
    """Fields of other transports get a clearer message than "unknown"."""
    for name in list(fields.values):
        others = [other for other, known in TRANSPORTS.items() if name in known.fields]
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
