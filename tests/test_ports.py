"""The ports that tests give to their servers."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT
from tests.ports import BLOCK, free_port

OUTGOING = Path("/proc/sys/net/ipv4/ip_local_port_range")
ASK = "from tests.ports import free_port; print(*[free_port() for _ in range(150)], flush=True); input()"


def test_two_processes_never_get_the_same_port() -> None:
    def asking() -> subprocess.Popen[str]:
        return subprocess.Popen([sys.executable, "-c", ASK], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    with asking() as one, asking() as other:
        given = []
        for process in (one, other):
            assert process.stdout is not None
            given.append(set(process.stdout.readline().split()))
        one.communicate("\n")
        other.communicate("\n")
    assert all(given)
    assert not given[0] & given[1]


def test_no_outgoing_connection_takes_one() -> None:
    lowest = int(OUTGOING.read_text().split()[0]) if OUTGOING.exists() else 49_152
    assert max(free_port() for _ in range(2 * BLOCK)) < lowest


def test_a_port_that_is_listened_on_is_not_given() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", free_port()))
        server.listen()
        assert server.getsockname()[1] not in {free_port() for _ in range(2 * BLOCK)}
