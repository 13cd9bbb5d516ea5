"""A disk that takes its time: a small library, loaded before libc, makes each flush last 2 ms longer."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

MICROSECONDS = 2000


@contextlib.contextmanager
def slow_disk() -> Iterator[dict[str, str] | None]:
    """The environment in which flushes are slow, for as long as it is needed; None where there is no C compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)  # noqa: PTH101 - the database server's user reads it too
        library = Path(folder, "slow_disk.so")
        source = Path(__file__).with_suffix(".c")
        subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
        yield {"LD_PRELOAD": str(library), "FLUSH_MICROSECONDS": str(MICROSECONDS)}
