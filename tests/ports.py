"""Ports of loopback: one that nobody has, and one that somebody has."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def taken(kind: int = socket.SOCK_STREAM) -> Iterator[int]:
    """A port that somebody listens on; `kind` is the socket's."""
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            other.listen(1)
        yield int(other.getsockname()[1])


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    """A port that nothing listens on just now."""
    with taken(kind) as port:
        return port
