"""Servers of the transports beside Modbus and Mercury. Each module is imported with the first line that needs it."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Final

from domain.plant import Line

if TYPE_CHECKING:
    from simulator.serve import Simulation

Serve = Callable[["Simulation", Sequence[Line], bool], AbstractAsyncContextManager[Mapping[str, Line]]]
"""(simulation, the lines of the transport, take free ports of this computer) -> the lines with the addresses really taken, by id,
while inside. `simulation.devices` has the devices with what they show (`values()`, canonical units) and their `faults`.
Raises ConfigError (see `simulator.serve.cannot_serve`) when an address cannot be served here."""

MODULES: Final[Mapping[str, str]] = {
    "opcua": "simulator.opcua",
    "s7": "simulator.s7",
    "lsv2": "simulator.lsv2",
    "mqtt": "simulator.mqtt",
    "tcp-frames": "simulator.tcp_frames",
    "mtconnect": "simulator.mtconnect",
}
"""Each has `serve`, as `Serve` says."""


def simulated(transport: str) -> bool:
    """Can lines of this transport be served?"""
    return transport in MODULES and importlib.util.find_spec(MODULES[transport]) is not None


def server_of(transport: str) -> Serve:
    """How lines of this transport are served."""
    serve: Serve = importlib.import_module(MODULES[transport]).serve
    return serve
