"""Foreign text in iPXE scripts: words, lines and URLs that say no more than they should.

The rules of iPXE's parser are told in `bootsrv.ipxe`.
"""

import textwrap
from functools import lru_cache
from urllib.parse import quote

from bootsrv import words
from bootsrv.words import WHOLE_URL, sentence

FILES_PATH = "/files/"

COLUMNS = 78
"""Width of a message: an 80 column console, with room so that no firmware wraps it."""

MESSAGE_LINES = 2
BRAND = "PureBoot: "

_NOTHING = "${nothing}"  # a setting that nobody sets: expands to no text at all
_URL_CHARACTERS = "%:/?#[]@!$&'()*+,;=-._~"
_PATH_CHARACTERS = "/!'()*+,;=-._~"


@lru_cache(maxsize=1024)  # a machine that stays and asks all night is told the same thing often
def say(message: str) -> tuple[str, ...]:
    """`echo` lines for the machine's screen, each with the brand in front: firmware screens are full of other text."""
    width = COLUMNS - len(BRAND)
    text = sentence(message)
    if len(text) <= width:  # as most are; to wrap costs more than the rest of the script
        wrapped = [text] if text else []
    else:
        wrapped = textwrap.wrap(text, width, max_lines=MESSAGE_LINES, placeholder=" ...")
    return tuple(line("echo", BRAND.strip(), *map(word, each.split())) for each in wrapped)


def title(message: str) -> str:
    """A message as words of a command."""
    return " ".join(map(word, sentence(message).split()))


def arguments(text: str, *, own_initrd: bool = True) -> list[str]:
    """The words of a command line; without those that name an initrd, where that is not its own to say."""
    return [word(each) for each in words.arguments(text, own_initrd=own_initrd)]


def word(text: str) -> str:
    """Keep a word from ending the command or from starting a comment."""
    return _NOTHING + text if text in ("||", "&&", ";") or text.startswith("#") else text


def line(*parts: str) -> str:
    """A line of words; one that would swallow the next does not."""
    joined = " ".join(parts)
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
