"""What a process holds, to see whether it holds more and more."""

import asyncio
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
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * 4096 / 1e6, descriptors(), len(asyncio.all_tasks())
