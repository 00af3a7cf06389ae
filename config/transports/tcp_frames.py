"""Lines to a TCP server that sends frames of its own kind."""

from __future__ import annotations

from typing import Final

from config.fields import Fields
from config.transports.fields import HOSTED, PORT, TIMES, Field, Transport, text, whole


def _together(fields: Fields) -> None:
    if fields.has("length") == fields.has("delimiter"):
        fields.problem("", "how a frame ends is not clear", "either length (bytes) or delimiter")


TCP_FRAMES: Final = Transport(
    {
        **HOSTED,
        "port": Field(PORT, required=True),
        "length": Field(whole(1, 65536)),
        "delimiter": Field(text),
        "encoding": Field(text, "utf-8"),
        **TIMES,
    },
    ("tcp-frames",),
    _together,
)
