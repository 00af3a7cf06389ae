"""Python's garbage collector in a process that must answer within milliseconds."""

from __future__ import annotations

import gc


def settle_memory() -> None:
    """Once everything is built: take what stays for good (modules, classes, templates) out of the collector's sight.

    A full collection walked some half a million of such objects each time and held the event loop for more than 100 ms.
    """
    gc.collect()
    gc.freeze()
