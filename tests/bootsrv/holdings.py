"""What a process holds, to see whether it holds more and more."""

import asyncio
import ctypes
import gc
from pathlib import Path

Held = tuple[float, int, int]
"""Resident memory (MB), descriptors, tasks."""


def descriptors() -> int:
    """Open files and sockets of this process."""
    return len(list(Path("/proc/self/fd").iterdir()))


def holdings() -> Held:
    """Of this process, now; in its event loop."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what is free already goes back first: it is held by nobody
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * 4096 / 1e6, descriptors(), len(asyncio.all_tasks())
