"""Lines to an MQTT broker."""

from __future__ import annotations

from typing import Final

from config.fields import Fields
from config.transports.fields import HOSTED, LOGIN, PORT, TIMES, Field, Transport, choice, flag, text, whole


def _together(fields: Fields) -> None:
    pair = [name for name in ("cert_file", "key_file") if fields.has(name)]
    if len(pair) == 1:
        fields.problem("", f"{pair[0]} stands alone", "cert_file and key_file together")
    elif pair and fields.values.get("tls") is not True:
        fields.problem("", "cert_file is given but not tls", "tls: true")


MQTT: Final = Transport(
    {
        **HOSTED,
        "port": Field(PORT, 1883),
        "topic": Field(text, required=True),
        "version": Field(choice("3.1.1", "5"), "3.1.1"),
        "tls": Field(flag, False),
        "ca_file": Field(text),
        "cert_file": Field(text),
        "key_file": Field(text),
        "qos": Field(whole(0, 2), 0),
        "client_id": Field(text),
        **LOGIN,
        **TIMES,
    },
    ("mqtt",),
    _together,
)
