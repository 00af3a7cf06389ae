"""Where a point of an OPC UA server lies."""

from __future__ import annotations

import re
from typing import Final

from config.fields import Fields, shown
from domain.places.opcua import OpcUaPlace
from domain.quantity import Kind, Quantity

_NODE: Final = re.compile(r"(?:ns=(?P<ns>\d{1,5});)?(?P<kind>[isgb])=(?P<id>.+)\Z", re.DOTALL)
_GUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
NODE_EXAMPLE: Final = "a node id such as ns=2;s=/Channel/State/progStatus or ns=3;i=1001, or a path such as /2:Machine/2:State"


def is_node(value: str) -> bool:
    """Is it a node id or a path of browse names?"""
    if value.startswith("/"):
        return len(value) > 1 and "//" not in value
    match = _NODE.match(value)
    if match is None or (match["ns"] is not None and int(match["ns"]) > 65535):
        return False
    if match["kind"] == "i":
        return match["id"].isdigit() and int(match["id"]) < 2**32
    return match["kind"] != "g" or _GUID.match(match["id"]) is not None


def read(fields: Fields, quantity: Quantity) -> OpcUaPlace:
    """The place of one point. Placeholders such as {plc} stand for parameters of the profile."""
    node = fields.text("node", required=True, longest=1000) or ""
    if node and "{" not in node and not is_node(node):
        fields.problem("node", f"is {shown(node)}", NODE_EXAMPLE)
    namespace = fields.text("namespace", longest=1000)
    deadband = fields.number("deadband", above=0)
    percent = fields.number("deadband_percent", above=0, high=100)
    for name, value in (("deadband", deadband), ("deadband_percent", percent)):
        if value is not None and quantity.kind is Kind.TEXT:
            fields.problem(name, "has no meaning for a text")
    if deadband is not None and percent is not None:
        fields.problem("deadband", "stands beside deadband_percent", "either")
    return OpcUaPlace(
        node, namespace, fields.whole("index", low=0, high=65535), deadband, percent,
        fields.number("sampling_s", low=0, high=3600), fields.whole("queue", 10, low=1, high=10_000) or 10,
    )
