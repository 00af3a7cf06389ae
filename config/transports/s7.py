"""Lines to a Siemens S7 controller."""

from __future__ import annotations

from typing import Final

from config.transports.fields import HOSTED, PORT, TIMES, Field, Transport, whole

S7: Final = Transport(
    {**HOSTED, "port": Field(PORT, 102), "rack": Field(whole(0, 7), 0), "slot": Field(whole(0, 31), 1), **TIMES}, ("s7",)
)
