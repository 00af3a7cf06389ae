"""Lines to an MQTT broker."""

from __future__ import annotations

from typing import Final

from config.transports.fields import HOSTED, LOGIN, PORT, TIMES, Field, Transport, choice, flag, text, whole

MQTT: Final = Transport(
    {
        **HOSTED,
        "port": Field(PORT, 1883),
        "topic": Field(text, required=True),
        "version": Field(choice("3.1.1", "5"), "3.1.1"),
        "tls": Field(flag, False),
        "ca_file": Field(text),
        "qos": Field(whole(0, 2), 0),
        "client_id": Field(text),
        **LOGIN,
        **TIMES,
    },
    ("mqtt",),
)
