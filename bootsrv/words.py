"""Foreign text for the configurations of loaders: one line, printable ASCII, nothing that a loader would expand."""

import re
import unicodedata
from collections.abc import Iterable

from engine.core.boot import BootKind, Serve

WHOLE_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def words(text: str) -> list[str]:
    """The words of a text; control characters and what is not ASCII are left out, `${` loses its `$`.

    Without the `$` no loader expands it, and no template that was forgotten reaches a kernel.
    """
    printable = " ".join(text.split())
    if not (printable.isascii() and printable.isprintable()):
        printable = "".join(char for char in printable if " " <= char <= "~")
    return re.sub(r"\$+\{", "{", printable).split()


def sentence(text: str) -> str:
    """A message for a firmware's screen: as `words`, with accents taken off instead of letters."""
    return " ".join(words(text if text.isascii() else unicodedata.normalize("NFKD", text)))


def arguments(cmdline: str, *, own_initrd: bool) -> list[str]:
    """The words of a kernel's command line; without `initrd=` where the loader hands the initrd over itself."""
    return [word for word in words(cmdline) if own_initrd or not word.startswith("initrd=")]


def awkward(names: Iterable[str], forbidden: str) -> str | None:
    """The first of some file names that has a character a loader cannot be told: one of `forbidden`, a control
    character or one beyond ASCII.
    """
    return next((name for name in names if any(not "!" <= char <= "~" or char in forbidden for char in name)), None)


def only_ipxe(serve: Serve) -> str | None:
    """What of a boot step no other loader than iPXE can do; None if any can boot it."""
    if serve.kind is not BootKind.KERNEL:
        return serve.kind.value
    if serve.agent is not None:
        return "the agent in the initrd"
    return "verify" if serve.verify else None
