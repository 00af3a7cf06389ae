"""The parts of a screen on the wall. What each takes stands at the head of its .js file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from web_interface.components.base import Data, Part


class WallPower(Part, component="wall_power.js"):
    """Power now in the largest figures of the screen, over its curve."""


class WallMachines(Part, component="wall_machines.js"):
    """Tiles of machines, as large as fits; more than fit come by turns."""

    def tile_changes(self, new: Mapping[str, Any]) -> Data:
        """Changes for a Feed: only tiles that differ while the machines are the same, else all of them."""
        old = self._data["tiles"]
        if new is self._taken or [tile["id"] for tile in old] != [tile["id"] for tile in new["tiles"]]:
            return self.change(new)
        changed = {
            after["id"]: {key: value for key, value in after.items() if before[key] != value}
            for before, after in zip(old, new["tiles"], strict=True)
            if before != after
        }
        changes = {key: value for key, value in self.change(new).items() if key != "tiles"}
        return changes | ({"tiles_changed": changed} if changed else {})


class WallAlerts(Part, component="wall_alerts.js"):
    """The most urgent alert always, the others below it by turns."""


class WallTools(Part, component="wall_tools.js"):
    """Full screen and leave; Esc leaves too. Both fade while nothing points."""
