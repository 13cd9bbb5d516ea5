"""How far something is that takes a while: a line on standard error that is written again and again, on terminals."""

import sys
import time
from types import TracebackType

import click

_EVERY_SECONDS = 0.2
_LEAST_SECONDS = 0.5


class Meter:
    """Call it with what is done and of how much; a context manager that takes its line away at the end."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._begun = self._shown = time.monotonic()
        self._is_seen = sys.stderr.isatty()
        self._wrote = False

    def __enter__(self) -> "Meter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._wrote:
            click.echo("\r\x1b[K", nl=False, err=True)

    def __call__(self, done: int, of: int | None) -> None:
        """Show it, if that was not done just now."""
        now = time.monotonic()
        due = now - self._shown >= _EVERY_SECONDS and now - self._begun >= _LEAST_SECONDS
        if self._is_seen and due:
            self._shown, self._wrote = now, True
            click.echo(f"\r\x1b[K{line(self._label, done, of, now - self._begun)}", nl=False, err=True)


def line(label: str, done: int, of: int | None, seconds: float) -> str:
    """How far it is, in words: percent, bytes, speed and what is left of the time."""
    from engine.sizes import shown_size

    speed = done / seconds if seconds > 0 else 0.0
    parts = [label]
    if of:
        parts.append(f"{min(100, 100 * done // of):3d}%")
    parts.append(shown_size(done) + (f" of {shown_size(of)}" if of else ""))
    parts.append(f"{shown_size(int(speed))}/s")
    if of and speed:
        left = max(0, int((of - done) / speed))
        parts.append(f"{left // 60}:{left % 60:02d} left")
    return "  ".join(parts)
