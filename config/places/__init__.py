"""Where points lie: one module a protocol reads the fields of its points. Modbus and Mercury are in profile_points."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from config.fields import Fields
from config.places import lsv2, mqtt, mtconnect, opcua, s7, tcp_frames
from domain.places import Place
from domain.profile import OtherPoint
from domain.quantity import Quantity

ReadPlace = Callable[[Fields, Quantity], Place | OtherPoint]
"""Reads the fields of one point that say where it lies. Each problem is reported with `fields.problem(name, ...)`; what is
returned then does not matter. Fields that are not asked for are reported as unknown."""

READERS: Final[Mapping[str, ReadPlace]] = {
    "opcua": opcua.read,
    "s7": s7.read,
    "lsv2": lsv2.read,
    "mqtt": mqtt.read,
    "tcp-frames": tcp_frames.read,
    "mtconnect": mtconnect.read,
}
