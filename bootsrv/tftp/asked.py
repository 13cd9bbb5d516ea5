"""What a source of files is told of a request."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The name as sent, the address that asks, and the address of this machine that was asked (both as written)."""

    name: str
    peer: str
    local: str
