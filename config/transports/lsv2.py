"""Lines to a Heidenhain control (LSV2)."""

from __future__ import annotations

from typing import Final

from config.transports.fields import HOSTED, LOGIN, PORT, TIMES, Field, Transport

LSV2: Final = Transport({**HOSTED, "port": Field(PORT, 19000), **LOGIN, **TIMES}, ("lsv2",))
