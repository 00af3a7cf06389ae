"""Lines of meters: Modbus TCP, byte streams behind a gateway, serial ports."""

from __future__ import annotations

from typing import Final

from config.transports.fields import BAUD, HOSTED, MODE, PORT, TIMES, Field, Transport, choice, text, whole

TCP: Final = Transport({**HOSTED, "port": Field(PORT, 502), **TIMES}, ("modbus",))
GATEWAY: Final = Transport({**HOSTED, "port": Field(PORT, 4001), "baud": BAUD, "mode": MODE, **TIMES}, ("modbus", "mercury"))
SERIAL: Final = Transport(
    {
        "device": Field(text, required=True),
        "baud": BAUD,
        "parity": Field(choice("N", "E", "O"), "N"),
        "stopbits": Field(whole(1, 2), 1),
        "bytesize": Field(whole(7, 8)),
        "mode": MODE,
        "timeout_s": TIMES["timeout_s"],
    },
    ("modbus", "mercury"),
)
