"""Devices of a plant file: profile or points in place, line, address, options, and the secret from outside."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from config.fields import Fields
from config.plant_lines import CARRIES, read_id, report_secret
from config.plant_metering import read_metering
from config.problems import Path, Report, nearest
from config.profile_catalog import ProfileCatalog
from config.profile_checks import occupied
from config.profile_loader import read_points
from config.profile_parameters import apply_options, read_options
from config.profile_points import PointReader
from config.transports.fields import variable_name
from domain.plant import Device, Line
from domain.profile import Profile

IN_PLACE = "in-place"  # name of a profile that was written in the plant file
_HEX_PASSWORD = re.compile(r"hex:([0-9a-fA-F]{2}){6}\Z")
_RATIOS = {"ct_ratio", "vt_ratio"}


class DeviceReader:
    """`secrets`: what was set in the pages, device:<id> -> password; a variable that is set goes first."""

    def __init__(self, catalog: ProfileCatalog, environ: Mapping[str, str], secrets: Mapping[str, str]) -> None:
        self._catalog, self._environ, self._secrets = catalog, environ, secrets

    def read(self, fields: Fields, taken: dict[str, Path], lines: Mapping[str, Line]) -> Device | None:
        """One device; None when it has a problem."""
        before = len(fields.report.problems)
        device_id = read_id(fields, taken, "device")
        line = self._line(fields, lines)
        in_place = fields.has("points")
        profile = self._in_place(fields, line, device_id) if in_place else self._named(fields, line)
        scan_s = fields.number("scan_s", 1.0, low=0.05, high=3600)
        options: dict[str, object] = {}
        if profile is not None:
            options = read_options(profile, fields)
            self._warn_useless_ratios(fields, profile, options)
            profile = self._applied(fields, profile, options)
        enabled = fields.flag("enabled", True)
        metering = read_metering(fields)
        address = self._address(fields, line, profile)
        variable = variable_name(fields, "password_env", None, False)
        if isinstance(variable, str):
            options["password_env"] = variable
        report_secret(fields)
        password = self._password(fields, device_id, variable, profile)
        if profile is None:
            self._know_all(fields)
        fields.finish()
        if device_id is None or line is None or profile is None or scan_s is None or len(fields.report.problems) > before:
            return None
        return Device(device_id, line.id, profile, address, scan_s, options, password, enabled, in_place, metering)

    def _line(self, fields: Fields, lines: Mapping[str, Line]) -> Line | None:
        name = fields.text("line", required=True)
        if name is None or name in lines:
            return None if name is None else lines[name]
        document = fields.report.document
        listed = document.get("lines") if isinstance(document, Mapping) else None
        entries = listed if isinstance(listed, list) else []
        if not any(isinstance(entry, Mapping) and str(entry.get("id")) == name for entry in entries):
            known = nearest(name, lines) or tuple(lines)[:5]
            fields.problem("line", f"there is no line {name!r}", ", ".join(known) or "one of the section lines")
        return None  # a line with a problem of its own is in the report already

    def _named(self, fields: Fields, line: Line | None) -> Profile | None:
        name = fields.text("profile", required=True)
        if name is None:
            return None
        if name not in self._catalog:
            known = nearest(name, self._catalog.names()) or self._catalog.names()
            fields.problem("profile", f"there is no profile {name!r}", ", ".join(known))
            return None
        profile = self._catalog.get(name)
        if line is not None and profile.protocol not in CARRIES[line.transport]:
            suits = [transport for transport, protocols in CARRIES.items() if profile.protocol in protocols]
            fields.problem(
                "profile", f"{name} speaks {profile.protocol}, which line {line.id!r} ({line.transport}) does not carry",
                f"a line with transport {' or '.join(suits)}",
            )
        return profile

    def _in_place(self, fields: Fields, line: Line | None, device_id: str | None) -> Profile | None:
        if fields.has("profile"):
            fields.problem("profile", "stands beside points", "either profile or points")
        base = fields.whole("address_base", 0, low=0, high=1) or 0
        if line is None:
            return None
        usual = CARRIES[line.transport][0]
        protocol = "mercury" if usual == "modbus" and _is_mercury(fields.raw("points")) else usual  # both have points of meters
        if protocol not in CARRIES[line.transport]:
            fields.problem("points", "are Mercury points", "a line with transport serial or rtu-over-tcp")
            return None
        before = len(fields.report.problems)
        shared = ("word_order", "bytes_per_register") if protocol == "modbus" else ()
        order = {name: fields.raw(name) for name in shared if fields.has(name)}
        points = read_points(fields, PointReader(protocol, fields.report, defaults=order, address_base=base), 125)
        if len(fields.report.problems) > before:
            return None
        title = {"ru": device_id or "", "en": device_id or ""}
        return Profile(IN_PLACE, title, "", protocol, "plant file", "M", tuple(points))

    def _applied(self, fields: Fields, profile: Profile, options: Mapping[str, object]) -> Profile:
        if profile.name == IN_PLACE:  # was the default of its points already
            options = {name: value for name, value in options.items() if name != "word_order"}
        try:
            return apply_options(profile, options)
        except ValueError as exc:
            name = "order" if "order" in str(exc).split(":")[0] else "base_address" if "base_address" in options else ""
            fields.problem(name, str(exc))
            return profile

    def _address(self, fields: Fields, line: Line | None, profile: Profile | None) -> int | None:
        protocol = profile.protocol if profile is not None else None
        if protocol == "mercury":
            address = fields.whole("address", low=0, high=240, required=True)
            if address == 0:
                fields.report.warn(fields.at("address"), "every Mercury meter on the line answers to address 0")
            return address
        if protocol == "modbus":
            if line is not None and line.transport == "modbus-tcp":
                return fields.whole("address", 1, low=0, high=255)
            return fields.whole("address", low=1, high=247, required=True)
        if fields.has("address") and protocol is not None:
            return fields.whole("address", low=0, high=65535)
        return None

    def _password(self, fields: Fields, device_id: str | None, variable: object, profile: Profile | None) -> str | None:
        password = self._secrets.get(f"device:{device_id}")
        if isinstance(variable, str):
            if self._environ.get(variable):
                password = self._environ[variable]
            elif password is None:
                fields.report.warn(fields.at("password_env"), f"the environment variable {variable} is not set")
        if password is not None and profile is not None and profile.protocol == "mercury" and not _is_mercury_password(password):
            field = "password_env" if isinstance(variable, str) else "password"
            fields.problem(field, "the password does not fit a Mercury meter", "six characters, or hex: and twelve hex digits")
        return password

    def _warn_useless_ratios(self, fields: Fields, profile: Profile, options: Mapping[str, object]) -> None:
        if any(point.secondary for point in profile.points):
            return
        for name in sorted(_RATIOS & options.keys()):
            fields.report.warn(fields.at(name), f"has no effect: {profile.name} has no secondary values")

    def _know_all(self, fields: Fields) -> None:
        """Without a profile nobody can tell which options are right."""
        for name in list(fields.values):
            fields.raw(name)


def check_addresses(devices: Sequence[tuple[Device, Path]], report: Report) -> None:
    """Two devices of one line do not share an address; on Modbus they may be two views of one unit, on separate registers."""
    seen: dict[tuple[str, int], list[Device]] = {}
    for device, path in devices:
        if device.address is None or device.profile.protocol not in {"modbus", "mercury"}:
            continue
        for other in seen.setdefault((device.line, device.address), []):
            if not _share_a_unit(device, other):
                report.problem(
                    (*path, "address"), f"{device.address} on line {device.line!r} is the address of {other.id!r} too",
                    "one device an address (or, for one Modbus unit, other registers)",
                )
        seen[(device.line, device.address)].append(device)


def _share_a_unit(one: Device, other: Device) -> bool:
    if not one.enabled or not other.enabled:
        return True
    if one.profile.protocol != "modbus" or other.profile.protocol != "modbus":
        return False
    mine, theirs = occupied(one.profile.points), occupied(other.profile.points)
    return not any(taken & theirs.get(table, set()) for table, taken in mine.items())


def _is_mercury(points: object) -> bool:
    return isinstance(points, list) and any(isinstance(point, Mapping) and "query" in point for point in points)


def _is_mercury_password(password: str) -> bool:
    if password.startswith("hex:"):
        return _HEX_PASSWORD.match(password) is not None
    return len(password) == 6 and password.isascii()
