"""An OPC UA server in a process of its own, cheap enough to tell 5 000 changes a second: `python -m benchmarks.opcua_source ITEMS MOMENTS`.

Prints its port, runs until its input ends. asyncua's server does sessions, browsing and subscriptions, and tells the first values; the
changes after that are not written item by item (that alone takes 0.3 ms each) but put into the publish responses as bytes: each item
changes once a second, at one of so many moments of it, and has that moment as its source time.
"""

from __future__ import annotations

import asyncio
import logging
import struct
import sys
import time
from typing import Any

import numpy as np
from asyncua import Server, ua
from asyncua.server.internal_subscription import InternalSubscription

from tests.ports import free_port

URI = "urn:benchmark"
PERIOD_US = 1_000_000
_EPOCH_US = 11_644_473_600_000_000  # from 1601 to 1970
_ITEM = np.dtype([("handle", "<u4"), ("mask", "u1"), ("kind", "u1"), ("value", "<f8"), ("time", "<i8")])
_TYPE = ua.NodeId(ua.ObjectIds.DataChangeNotification_Encoding_DefaultBinary)


class Changes:
    """What changes of the items of one subscription: item k of n at the moment k/n of each second, cut to one of `moments`; its value
    counts the seconds."""

    def __init__(self, handles: list[int], moments: int) -> None:
        self._handles = np.array(handles, dtype="<u4")
        self._phase = np.arange(len(handles)) * moments // max(1, len(handles)) * (PERIOD_US // moments)
        self._told_us = time.time_ns() // 1000

    def encoded(self) -> ua.ExtensionObject | None:
        """All since the last time; None when there is nothing."""
        now_us = time.time_ns() // 1000
        last = (now_us - self._phase) // PERIOD_US  # number of the second in which each changed last
        at_us = last * PERIOD_US + self._phase
        new = at_us > self._told_us
        self._told_us = now_us
        count = int(new.sum())
        if not count:
            return None
        items = np.empty(count, dtype=_ITEM)
        items["handle"], items["mask"], items["kind"] = self._handles[new], 0x05, 11  # value and source time; a Double
        items["value"], items["time"] = last[new] % 1_000_000, (at_us[new] + _EPOCH_US) * 10
        return ua.ExtensionObject(TypeId=_TYPE, Body=struct.pack("<i", count) + items.tobytes() + struct.pack("<i", -1))


def _hasten(moments: int) -> None:
    """Subscriptions of clients tell `Changes` as soon as their first values are told."""
    changes: dict[int, Changes] = {}
    pop, has = InternalSubscription._pop_triggered_datachanges, InternalSubscription.has_published_results

    def pop_triggered(self: Any, result: Any) -> None:
        pop(self, result)
        items = self.monitored_item_srv._monitored_items.values()
        if self.pub_request_callback is None or not items:
            return
        known = changes.get(id(self))
        if known is None or len(known._handles) != len(items):
            known = changes[id(self)] = Changes([item.client_handle for item in items], moments)
        body = known.encoded()
        if body is not None:
            result.NotificationMessage.NotificationData.append(body)

    def has_published(self: Any) -> bool:
        return bool(has(self) or (self.pub_request_callback is not None and self.monitored_item_srv._monitored_items))

    InternalSubscription._pop_triggered_datachanges = pop_triggered
    InternalSubscription.has_published_results = has_published


async def _serve(items: int, moments: int) -> None:
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)
    server = Server()
    await server.init()
    port = free_port()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    index = await server.register_namespace(URI)
    for n in range(items):
        if n % 100 == 0:  # a folder's list of children is searched at each addition
            folder = await server.nodes.objects.add_folder(index, f"Values {n}")
        await folder.add_variable(ua.NodeId(f"v{n}", index), ua.QualifiedName(f"v{n}", index), 0.0)
    _hasten(moments)
    async with server:
        print(port, flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), int(sys.argv[2])))
