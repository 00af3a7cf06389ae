"""Errors, named by what the caller should do."""

from __future__ import annotations


class MonitorError(Exception):
    """Root of everything this product raises on purpose."""


class ConfigError(MonitorError):
    """Wrong settings, plant file or profile: names place and expectation; the caller refuses to run or to take it over."""


class DeviceError(MonitorError):
    """Something between us and a field device."""

    kind = "error"


class LineDown(DeviceError):
    """The line (port, socket) is not there: all its devices turn bad; reconnect with back-off."""

    kind = "line_down"


class DeviceUnreachable(DeviceError):
    """No answer in time: bad readings, back off that device."""

    kind = "timeout"


class DeviceRefused(DeviceError):
    """Answered with an error code: that point is bad, the others go on."""

    kind = "refused"


class DecodeError(DeviceError):
    """Bytes that make no sense (CRC, length, foreign address): that read is bad, the bytes go to the log."""

    kind = "decode"


class AccessDenied(DeviceError):
    """The device refuses the password or the level: do not retry with other passwords; tell the user."""

    kind = "access"


class StorageError(MonitorError):
    """The database or journal cannot take it now: keep the batch, retry, raise the alarm."""


class NotFound(MonitorError):
    """No such tag, machine, device, alert ...; `near` lists the closest existing names."""

    def __init__(self, what: str, name: str, near: tuple[str, ...] = ()) -> None:
        super().__init__(f"{what} {name!r} does not exist" + (f"; nearest: {', '.join(near)}" if near else ""))
        self.what, self.name, self.near = what, name, near


class Conflict(MonitorError):
    """The thing changed meanwhile or already exists."""


class Forbidden(MonitorError):
    """The actor's role does not allow it; the refusal is in the audit."""
