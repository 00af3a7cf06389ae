"""Lines to an MTConnect agent (HTTP) or adapter (SHDR)."""

from __future__ import annotations

from typing import Final

from config.transports.fields import HOSTED, PORT, TIMES, Field, Transport, choice

MTCONNECT: Final = Transport(
    {**HOSTED, "port": Field(PORT, 5000), "endpoint": Field(choice("agent", "adapter"), "agent"), **TIMES}, ("mtconnect",)
)
