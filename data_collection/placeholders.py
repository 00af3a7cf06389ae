"""Names in braces in a profile's places: {plc} is the parameter `plc` of the device, else of its profile. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from domain.errors import ConfigError
from domain.plant import Device

_NAME = re.compile(r"\{([a-z][a-z0-9_]{0,39})\}")


def parameters_of(device: Device) -> Mapping[str, object]:
    """The profile's parameters as the device has them, its address and id among them."""
    return {"address": device.address, "device": device.id, **device.profile.parameters, **device.options}


def filled(text: str, device: Device) -> str:
    """The text with the device's parameters in place of their names. Raises ConfigError for one that has no value."""
    known = parameters_of(device)

    def value(match: re.Match[str]) -> str:
        found = known.get(match[1])
        if found is None or found == "":
            raise ConfigError(f"device {device.id}: {match[1]} is missing, which {text!r} of its profile needs")
        return str(found)

    return _NAME.sub(value, text)
