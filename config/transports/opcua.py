"""Lines to an OPC UA server."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from config.fields import Fields, shown
from config.transports.fields import LOGIN, TIMES, Field, Transport, choice, number

POLICIES: Final = ("None", "Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss")
MODES: Final = ("Sign", "SignAndEncrypt")


def url(fields: Fields, name: str, default: object, required: bool) -> object:
    """opc.tcp://host:port/path without a password in it."""
    value = fields.text(name, required=required, longest=1000)
    if value is None:
        return default
    try:
        parts = urlsplit(value)
        good = parts.scheme == "opc.tcp" and bool(parts.hostname) and (parts.port or 4840) > 0 and parts.password is None
    except ValueError:
        good = False
    if not good:
        fields.problem(name, f"is {shown(value)}", "opc.tcp://host:port, without password")
        return None
    return value


def _together(fields: Fields) -> None:
    if fields.values.get("security") in (None, "None") and fields.has("message_mode"):
        fields.problem("message_mode", "has no meaning without security", "a security policy, or no message_mode")


OPCUA: Final = Transport(
    {
        "url": Field(url, required=True),
        "security": Field(choice(*POLICIES), "None"),
        "message_mode": Field(choice(*MODES)),
        **LOGIN,
        "sign_in": Field(choice("anonymous", "password", "certificate")),
        "publishing_s": Field(number(0.05, 60)),
        "updates": Field(choice("subscribe", "poll"), "subscribe"),
        **TIMES,
    },
    ("opcua",),
    _together,
)
