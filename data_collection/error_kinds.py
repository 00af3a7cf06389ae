"""Every kind of error that a poll can end with: what the counts of devices are kept by, and what pages have words for."""

from __future__ import annotations

from domain.errors import DeviceError

INTERNAL = "internal"  # a fault of our own, not of the device


def error_kinds() -> frozenset[str]:
    """Of the errors that drivers may raise, and our own faults."""
    found, waiting = {INTERNAL}, [DeviceError]
    while waiting:
        error = waiting.pop()
        found.add(error.kind)
        waiting += error.__subclasses__()
    return frozenset(found)
