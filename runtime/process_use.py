"""What the process takes of the machine."""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def cpu_seconds() -> float:
    """Processor time of all threads since the start, s."""
    return time.process_time()


def memory_bytes() -> int:
    """Resident now; where the system does not tell, the most there ever was."""
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE_BYTES
    except (OSError, ValueError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
