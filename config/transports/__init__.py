"""Transports of lines: one module each says which fields a line of it has and which profiles run on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from config.transports.fields import Transport
from config.transports.lsv2 import LSV2
from config.transports.modbus import GATEWAY, SERIAL, TCP
from config.transports.mqtt import MQTT
from config.transports.mtconnect import MTCONNECT
from config.transports.opcua import OPCUA
from config.transports.s7 import S7
from config.transports.tcp_frames import TCP_FRAMES

TRANSPORTS: Final[Mapping[str, Transport]] = {
    "modbus-tcp": TCP,
    "rtu-over-tcp": GATEWAY,
    "serial": SERIAL,
    "opcua": OPCUA,
    "s7": S7,
    "lsv2": LSV2,
    "mqtt": MQTT,
    "tcp-frames": TCP_FRAMES,
    "mtconnect": MTCONNECT,
}
