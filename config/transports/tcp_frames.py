"""Lines to a TCP server that sends frames of its own kind."""

from __future__ import annotations

from typing import Final

from config.fields import Fields
from config.transports.fields import HOSTED, PORT, TIMES, Field, Transport, flag, number, text, whole

LENGTH: Final = 32  # bytes of a frame where nothing else is said


def _length(fields: Fields, name: str, default: object, required: bool) -> object:
    """Bytes of a frame; none where a delimiter ends it."""
    return whole(1, 65536)(fields, name, None if fields.has("delimiter") else default, required)


def _together(fields: Fields) -> None:
    if fields.has("length") and fields.has("delimiter"):
        fields.problem("", "how a frame ends is not clear", "either length (bytes) or delimiter")


TCP_FRAMES: Final = Transport(
    {
        **HOSTED,
        "port": Field(PORT, 5050),
        "length": Field(_length, LENGTH),
        "delimiter": Field(text),
        "encoding": Field(text, "utf-8"),
        "separator": Field(text, ";"),
        "transmit_s": Field(number(0, 3600), 0.0),
        "heartbeat_s": Field(number(0, 3600), 0.0),
        "peer_heartbeat_s": Field(number(0, 3600), 0.0),
        "verdicts": Field(flag, False),
        "verdict_deadline_s": Field(number(0.005, 60), 0.1),
        **TIMES,
    },
    ("tcp-frames",),
    _together,
)
