"""Ports for servers that tests start: never one that another process of tests, or an outgoing connection, may take meanwhile.

A port that is asked for by binding to 0 and given up again comes from the range that outgoing connections take theirs from: until
its server listens, and whenever that is restarted, anybody may have it.
"""

from __future__ import annotations

import functools
import itertools
import socket
from collections.abc import Iterator

HOST = "127.0.0.1"
FIRST, BLOCKS, BLOCK = 20_000, 120, 100  # below the ports of outgoing connections (from 32 768 on, here), above the shop's own


def free_port() -> int:
    """A TCP port of the loopback address that nobody listens on; of two processes none gets the other's."""
    return next(_ports())


@functools.cache
def _ports() -> Iterator[int]:
    """The free ones of this process's block, again and again: the one that was given longest ago comes first."""
    return (port for port in itertools.cycle(_own_block()) if _is_free(port))


def _own_block() -> range:
    """The first block that is nobody's. It is held by listening on its first port until this process ends."""
    for first in range(FIRST, FIRST + BLOCKS * BLOCK, BLOCK):
        held = socket.socket()
        try:
            held.bind((HOST, first))
            held.listen()
        except OSError:
            held.close()
            continue
        _held.append(held)
        return range(first + 1, first + BLOCK)
    raise RuntimeError(f"all {BLOCKS} blocks of ports from {FIRST} on are taken")


_held: list[socket.socket] = []


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True
