"""Namespaces, and the names of companion specifications that nodes bear here as plain nodes.

OPC 40001-1 (Machinery basic building blocks) names a machine's state and operation mode, OPC 34100 (Energy consumption
management) its measured values. Their type definitions are not served: names and values are.
"""

from __future__ import annotations

from typing import Final

from domain.state import MachineState

PLANT: Final = "urn:energy-monitoring:plant"
MACHINERY: Final = "http://opcfoundation.org/UA/Machinery/"
ENERGY: Final = "http://opcfoundation.org/UA/ECM/"

OWN, MACHINERY_INDEX, ENERGY_INDEX = 2, 3, 4
"""Indexes of the three, always the same: 0 is OPC UA's own, 1 the server's."""

ITEM_STATE: Final = {
    MachineState.OFF: "NotAvailable", MachineState.IDLE: "NotExecuting", MachineState.PRODUCTION: "Executing",
    MachineState.ALARM: "OutOfService",
}  # fmt: skip
OPERATION_MODE: Final = {MachineState.PRODUCTION: "Processing"}

MEASURED: Final = {
    # point of the meter -> browse name, unit, factor from the canonical unit
    "active_power": ("AcActivePowerTotal", "W", 1000.0),
    "energy_import": ("AcActiveEnergyTotalImportHp", "Wh", 1000.0),
    "energy_export": ("AcActiveEnergyTotalExportHp", "Wh", 1000.0),
}
