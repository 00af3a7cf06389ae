"""One look at the program's status, in one language, at one moment: what the parts of the status page share."""

from __future__ import annotations

from typing import Any

from domain.health import DeviceStatus
from domain.plant import machine_of_device
from web_interface.format import Format
from web_interface.locale import t
from web_interface.services import Services

Rows = list[dict[str, Any]]
TONES = {
    "online": ("check_circle", "quiet"),
    "partial": ("error", "alarm"),
    "down": ("error", "alarm"),
    "offline": ("error", "alarm"),
    "disabled": ("pause_circle", "quiet"),
    "waiting": ("schedule", "quiet"),
    "running": ("check_circle", "quiet"),
    "restarting": ("error", "alarm"),
    "failed": ("error", "alarm"),
    "done": ("check_circle", "quiet"),
    "loading": ("schedule", "quiet"),
    "broken": ("error", "alarm"),
}


class StatusLook:
    """What is looked at, and the cells that more than one part draws."""

    def __init__(self, services: Services, fmt: Format, now_us: int) -> None:
        self.status, self.plant, self.fmt, self.now_us = services.status, services.plant.plant, fmt, now_us
        self.cameras = services.inspection.cameras
        self.served = [one for one in (services.modbus.status(), services.opcua_server.status()) if one is not None]
        self._machines = machine_of_device(self.plant)
        self._profiles = {d.id: d.profile.title.get(fmt.lang) or d.profile.name for d in self.plant.devices}

    def t(self, key: str, /, **values: object) -> str:
        """The text of `key`."""
        return t(key, self.fmt.lang, **values)

    def profile_of(self, device: DeviceStatus) -> str:
        """Title of its profile; the profile's name once the device is gone from the plant."""
        return self._profiles.get(device.device_id, device.profile)

    def machine_of(self, device_id: str) -> str:
        """Its name; the device's id where it serves none."""
        wanted = self._machines.get(device_id)
        return next((m.name for m in self.plant.machines if m.id == wanted), device_id)

    def bytes(self, count: int) -> str:
        """`count` in the unit that fits."""
        for name, size in (("TB", 1e12), ("GB", 1e9)):
            if count >= size:
                return self.fmt.significant(count / size, 3, 1) + "\u00a0" + self.t(f"unit.{name}")
        return self.fmt.number(count / 1e6, 0) + "\u00a0" + self.t("unit.MB")

    def column(self, key: str, align: str = "left", **more: Any) -> dict[str, Any]:
        """Head of a column named `status.col.<key>`."""
        return {"key": key, "name": self.t(f"status.col.{key}"), "align": align, **more}

    def state(self, state: str, since_us: int) -> dict[str, Any]:
        """Sign and word of a state; how long already, where something is wrong."""
        name, tone = TONES.get(state, ("error", "alarm"))
        words = self.t(f"status.state.{state}")
        if tone == "alarm":
            words += ", " + self.fmt.duration((self.now_us - since_us) / 1e6)
        return {"text": words, "icon": name, "tone": tone, "bold": tone == "alarm"}
