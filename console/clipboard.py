"""Copying over any number of SSH hops: OSC 52 asks the terminal itself to take a text.

Terminals and multiplexers drop a request that is too long, in silence; a hundred thousand characters in base64 is the
limit met most often. So what is longer is cut to its end, at a line, and that is said.
"""

from typing import NamedTuple

MOST = 64 * 1024
"""How many bytes (UTF-8) are copied at most."""


class Copy(NamedTuple):
    """A text fit to be copied; `lines` is how many it has, `of` how many were asked for."""

    text: str
    lines: int
    of: int

    @property
    def said(self) -> str:
        """What to tell the person."""
        whole = "1 line" if self.of == 1 else f"{self.of:,} lines"
        if self.lines < self.of:
            return f"copied the last {self.lines:,} of {whole}: a terminal takes no more than {MOST // 1024} KiB"
        return f"copied {whole}"


def copy(text: str, most: int = MOST) -> Copy:
    """The end of a text that fits, from the beginning of a line on."""
    of = text.count("\n") + (not text.endswith("\n"))
    data = text.encode()
    if len(data) <= most:
        return Copy(text, of, of)
    rest = data[-most:]
    at = rest.find(b"\n", 0, -1)
    kept = rest[at + 1 :].decode(errors="ignore")
    return Copy(kept, kept.count("\n") + (not kept.endswith("\n")), of)
