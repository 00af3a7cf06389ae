"""The process that one message goes out from through the library apprise.

The library makes its own connections, follows redirects and reads whole answers. A process of its own is where all of that can be
bounded: each address is judged at the moment it is connected to, whichever part of the library does it, in whichever thread; no
answer is longer than 64 KiB, nothing is written, no other program is begun; whoever waits for it ends it when its time is over.

Run as `python -m notifications.senders.apprise_process`: a request on standard input, then `{"ready": true}` on standard output
once the library is loaded, then the outcome: `{"sent": true}` or `{"kind": ..., "detail": ..., "permanent": ...}`.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from collections.abc import Sequence
from typing import IO, Any
from weakref import WeakKeyDictionary

from domain.notification import DeliveryFailed
from notifications.http_post import LONGEST_ANSWER
from notifications.targets import Network, judge, networks_of

MEMORY_BYTES = 512 * 1024 * 1024
_CONNECTS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_BEGINS = frozenset({"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty", "pty.spawn"})


class Bounded(OSError):
    """To the library it is a connection that fails."""


class Bounds:
    """What this process may do once `set_up`; it cannot be taken back. `broken`: the first that was refused."""

    def __init__(self, allowed: Sequence[Network]) -> None:
        self._allowed = allowed
        self.broken: DeliveryFailed | None = None

    def set_up(self) -> None:
        sys.addaudithook(self._look)
        self._bound_answers()
        with contextlib.suppress(ImportError, ValueError, OSError):
            import resource  # noqa: PLC0415 - only where the system has it

            resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))

    def _look(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in _CONNECTS:
            self._judge(arguments[1])
        elif event in _BEGINS:
            self._refuse(DeliveryFailed("address", "a program of this machine itself", permanent=True))
        elif event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            self._refuse(DeliveryFailed("address", "a file of this machine itself", permanent=True))

    def _judge(self, address: Any) -> None:
        """A name is not resolved a second time behind the judge: what is connected to is an address."""
        try:
            host = address[0] if isinstance(address, tuple) else ""
            judge(str(host), self._allowed)
        except ValueError:
            self._refuse(DeliveryFailed("address", "not an address of the network", permanent=True))
        except DeliveryFailed as exc:
            self._refuse(exc)

    def _refuse(self, reason: DeliveryFailed) -> None:
        self.broken = self.broken or reason
        raise Bounded(str(reason))

    def _bound_answers(self) -> None:
        """What is read of one connection as a stream, as HTTP and SMTP do, in the clear or through TLS."""
        read, counted = socket.SocketIO.readinto, WeakKeyDictionary[socket.SocketIO, int]()

        def bounded(stream: socket.SocketIO, buffer: Any) -> int | None:
            count = read(stream, buffer)
            so_far = counted[stream] = counted.get(stream, 0) + (count or 0)
            if so_far > LONGEST_ANSWER:
                self._refuse(DeliveryFailed("refused", f"it answers more than {LONGEST_ANSWER // 1024} KiB"))
            return count

        socket.SocketIO.readinto = bounded  # type: ignore[method-assign, assignment]


def main() -> int:
    """One message. Exit code 0 whatever became of it: the outcome stands on standard output."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what the library prints is no outcome
    request = json.loads(sys.stdin.readline())
    sys.dont_write_bytecode = True
    import apprise  # noqa: PLC0415 - heavy, and not before the request is read

    bounds = Bounds(networks_of(request["allow"]))
    service = apprise.Apprise.instantiate(request["url"], suppress_exceptions=True)
    _answer(answers, {"ready": True})
    bounds.set_up()
    if service is None:
        _answer(answers, {"kind": "other", "detail": "the service URL is not understood", "permanent": True})
        return 0
    kind = apprise.NotifyType.FAILURE if request["critical"] else apprise.NotifyType.WARNING
    sent = bool(service.notify(title=request["title"], body=request["body"], notify_type=kind))
    failed = bounds.broken or DeliveryFailed("refused", f"{request['url'].partition(':')[0]} did not take the message")
    _answer(answers, {"sent": True} if sent else {"kind": failed.kind, "detail": failed.detail, "permanent": failed.permanent})
    return 0


def _answer(answers: IO[str], told: dict[str, Any]) -> None:
    answers.write(json.dumps(told) + "\n")
    answers.flush()


if __name__ == "__main__":
    sys.exit(main())
