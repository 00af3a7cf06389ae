"""A server of the C library snap7 (python-snap7 1.4.1), run by itself: an S7 controller of another maker than the one of the simulator.

Argument: JSON {port, pdu, clients}. It says {"ready": true} on standard output, then does what each line of standard input says:
{"cpu": 4} puts the CPU into STOP, {"cpu": 8} into RUN. It ends with its input.
"""

from __future__ import annotations

import ctypes
import json
import struct
import sys
from importlib import import_module
from typing import Any

Server: Any = import_module("snap7.server").Server  # of the release in PYTHONPATH, not of the one that is type-checked
types: Any = import_module("snap7.types")




def areas() -> list[tuple[int, int, bytes]]:
    """The same memory as tests/data_collection/s7 has at its other server."""
    block = bytearray(64)
    struct.pack_into(">fid", block, 0, 50.5, -123_456, 1e9 + 0.125)
    block[16] = 0x20
    marker = bytearray(16)
    marker[10] = 8
    return [
        (types.srvAreaDB, 1, bytes(block)), (types.srvAreaDB, 2, b"\x10\x05SHAFT".ljust(18, b"\0")),
        (types.srvAreaDB, 3, struct.pack(">100f", *range(100))), (types.srvAreaMK, 0, bytes(marker)),
        (types.srvAreaPE, 0, struct.pack(">h", -300)), (types.srvAreaPA, 0, b"\0\xc8"),
    ]  # fmt: skip


def main() -> None:
    wanted = json.loads(sys.argv[1])
    server = Server(log=False)
    if wanted.get("pdu"):
        server.set_param(types.PDURequest, wanted["pdu"])
    if wanted.get("clients"):
        server.set_param(types.MaxClients, wanted["clients"])
    kept = []
    for area, number, data in areas():
        memory = (ctypes.c_uint8 * len(data)).from_buffer_copy(data)
        kept.append(memory)
        server.register_area(area, number, memory)
    server.start_to("127.0.0.1", wanted["port"])
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        server.set_cpu_status(json.loads(line)["cpu"])
        print(json.dumps({"done": True}), flush=True)


main()
