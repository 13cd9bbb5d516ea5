"""Foreign text in iPXE scripts: words, lines and URLs that say no more than they should.

The rules of iPXE's parser are told in `bootsrv.ipxe`.
"""

import re
import textwrap
import unicodedata
from urllib.parse import quote

FILES_PATH = "/files/"

COLUMNS = 78
"""Width of a message: an 80 column console, with room so that no firmware wraps it."""

MESSAGE_LINES = 2
BRAND = "PureBoot: "

WHOLE_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")

_NOTHING = "${nothing}"  # a setting that nobody sets: expands to no text at all
_URL_CHARACTERS = "%:/?#[]@!$&'()*+,;=-._~"
_PATH_CHARACTERS = "/!'()*+,;=-._~"


def say(message: str) -> list[str]:
    """`echo` lines for the machine's screen, each with the brand in front: firmware screens are full of other text."""
    width = COLUMNS - len(BRAND)
    text = plain(message)
    if len(text) <= width:  # as most are; to wrap costs more than the rest of the script
        wrapped = [text] if text else []
    else:
        wrapped = textwrap.wrap(text, width, max_lines=MESSAGE_LINES, placeholder=" ...")
    return [line("echo", BRAND.strip(), *map(word, each.split())) for each in wrapped]


def plain(message: str) -> str:
    """A message in ASCII, with nothing that iPXE would expand; it may still end the command."""
    if not message.isascii():
        message = unicodedata.normalize("NFKD", message).encode("ascii", "ignore").decode()
    return " ".join(split(message))


def title(message: str) -> str:
    """A message as words of a command."""
    return " ".join(map(word, plain(message).split()))


def arguments(text: str, *, own_initrd: bool = True) -> list[str]:
    """The words of a command line; without those that name an initrd, where that is not its own to say."""
    return [word(each) for each in split(text) if own_initrd or not each.startswith("initrd=")]


def split(text: str) -> list[str]:
    """The words of foreign text, in printable ASCII and without anything that iPXE would expand."""
    printable = " ".join(text.split())
    if not (printable.isascii() and printable.isprintable()):
        printable = "".join(char for char in printable if " " <= char <= "~")
    return re.sub(r"\$+\{", "{", printable).split()


def word(text: str) -> str:
    """Keep a word from ending the command or from starting a comment."""
    return _NOTHING + text if text in ("||", "&&", ";") or text.startswith("#") else text


def line(*words: str) -> str:
    """A line of words; one that would swallow the next does not."""
    joined = " ".join(words)
    return joined + _NOTHING if joined.endswith("\\") else joined


def file_url(base: str, name: str) -> str:
    """Where a boot file is: a whole URL as it is, a name below the files of the server at `base`."""
    if WHOLE_URL.match(name):
        return url(name)
    return f"{base}{FILES_PATH}{quote(name.lstrip('/'), safe=_PATH_CHARACTERS)}"


def base_url(server_url: str) -> str:
    """The server's URL without a slash at its end."""
    return url(server_url.rstrip("/"))


def url(text: str) -> str:
    """A URL as it is, but for characters that have no place in one: they are written as %XX."""
    return quote(text, safe=_URL_CHARACTERS)
