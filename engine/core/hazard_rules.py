"""What breaks a text, for each family of types: the rules of `engine.core.hazards` for values of one line."""

import json
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from xml.parsers import expat

CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class Family(Enum):
    """Texts that are broken in the same ways."""

    SHELL = auto()
    COMMAND = auto()
    LINE = auto()
    IPXE = auto()
    ARGUMENTS = auto()
    """A kernel's command line: words, and double quotes around those with blanks (Linux, lib/cmdline.c next_arg)."""
    YAML = auto()
    JSON = auto()
    XML = auto()
    OTHER = auto()


class Spot(Enum):
    """Where in a text a value stands."""

    BARE = auto()
    SINGLE = auto()
    DOUBLE = auto()
    COMMENT = auto()
    HERE = auto()
    """A here-document that the shell expands."""
    HERE_LITERAL = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a value stands: what is before and after it on its line, and how the text there is read."""

    family: Family
    spot: Spot
    before: str
    after: str
    in_script: bool

    @property
    def alone(self) -> bool:
        """Whether it has its line to itself."""
        return not self.before.strip() and not self.after.strip()


Rule = Callable[[Place, str, bool], str | None]


def _shell(place: Place, piece: str, reported: bool) -> str | None:
    match place.spot:
        case Spot.SINGLE:
            return _has(piece, "'", "ends the quotes around it")
        case Spot.DOUBLE if reported:
            return _has(piece, '"$`\\', "has a meaning for the shell inside double quotes")
        case Spot.DOUBLE:
            return _unescaped(piece)
        case Spot.HERE if reported:
            return _has(piece, "$`\\", "has a meaning for the shell in a here-document")
        case Spot.BARE if reported:
            if piece.startswith("#") or " #" in piece:
                return "has a #, which starts a comment"
            return _has(piece, ";&|<>()$`\"'\\", "has a meaning for the shell")
        case Spot.BARE:
            return _unbalanced(piece)
    return None


def _command(place: Place, piece: str, reported: bool) -> str | None:
    if place.spot is Spot.COMMENT:
        return None
    if reported and not place.before.strip() and piece.lstrip().startswith("%"):
        return "begins with %, which begins a section"
    if place.spot is Spot.BARE and reported:
        return _has(piece, " \t\"'\\#", "ends or splits an argument")
    if place.spot is Spot.BARE:
        return _unbalanced(piece)
    if place.spot is Spot.SINGLE:
        return _has(piece, "'", "ends the quotes around it")
    return _has(piece, '"\\', "is special inside quotes") if reported else _unescaped(piece)


def _line(place: Place, piece: str, _reported: bool) -> str | None:
    if piece.rstrip("\n").endswith("\\") and not place.after:
        return "ends in a backslash, which draws in the line below"
    return None


def _ipxe(place: Place, piece: str, reported: bool) -> str | None:
    if reported and "${" in piece:
        return "has ${, which iPXE expands"
    if reported and any(word in ("||", "&&", ";") or word.startswith("#") for word in piece.split()):
        return "has a word that ends the command"
    return _line(place, piece, reported)


def _arguments(place: Place, piece: str, reported: bool) -> str | None:
    if not reported:
        return None
    if place.spot is Spot.DOUBLE:
        return _has(piece, '"', "ends the quotes around it")
    return _has(piece, ' \t"', "begins another argument of the kernel")


_INDICATORS = tuple("&*!|>%@`")


def _yaml(place: Place, piece: str, reported: bool) -> str | None:
    if CONTROL.search(piece.replace("\n", "").replace("\t", "").replace("\r", "")):
        return "has a control character, which YAML does not take"
    if place.spot is Spot.SINGLE:
        return _has(piece, "'", "ends the quotes around it")
    if place.spot is Spot.DOUBLE:
        return _has(piece, '"\\', "is special inside double quotes") if reported else _unescaped(piece)
    if place.spot is Spot.COMMENT or "\n" in piece.rstrip("\n"):
        return None  # lines that stand alone are YAML of their own
    if piece.startswith(_INDICATORS) or (reported and piece.startswith(tuple("[]{}\"'-?:,#"))):
        return f"begins with {piece[0]}, which is not text to YAML"
    if piece.startswith(tuple("[{\"'")):
        return None  # a value in YAML's own form, as lists and mappings are
    if ": " in piece or piece.rstrip("\n").endswith(":") or " #" in piece:
        return "has a colon or # in it that ends the text for YAML"
    if reported and ("[" in place.before or "{" in place.before):
        return _has(piece, ",[]{}", "ends the value in a list")
    return None


def _json(place: Place, piece: str, reported: bool) -> str | None:
    if place.spot is not Spot.DOUBLE:
        return _has(piece, '",{}[]:\\', "is syntax in JSON") if reported else None
    if reported:
        return _has(piece, '"\\', "is special inside quotes")
    try:
        json.loads(f'"{piece}"')
    except ValueError:
        return "is no text inside JSON's quotes"
    return None


def _xml(place: Place, piece: str, reported: bool) -> str | None:
    in_tag = place.before.rfind("<") > place.before.rfind(">")
    if reported or in_tag:
        return _has(piece, "<&\"'" if in_tag else "<&", "is syntax in XML")
    parser = expat.ParserCreate()
    try:
        parser.Parse(f"<x>{piece}</x>".encode("utf-8", "replace"), True)
    except expat.ExpatError:
        return "is not well-formed in XML"
    return None


def _none(_place: Place, _piece: str, _reported: bool) -> str | None:
    return None


RULES: Mapping[Family, Rule] = {
    Family.SHELL: _shell,
    Family.COMMAND: _command,
    Family.LINE: _line,
    Family.IPXE: _ipxe,
    Family.ARGUMENTS: _arguments,
    Family.YAML: _yaml,
    Family.JSON: _json,
    Family.XML: _xml,
    Family.OTHER: _none,
}


def _has(piece: str, characters: str, why: str) -> str | None:
    found = next((char for char in piece if char in characters), None)
    if found is None:
        return None
    return f"has {'a blank' if found.isspace() else found} in it, which {why}"


def _unescaped(piece: str) -> str | None:
    return 'has a " in it, which ends the quotes around it' if re.search(r'(?<!\\)(?:\\\\)*"', piece) else None


def _unbalanced(piece: str) -> str | None:
    try:
        shlex.split(piece)
    except ValueError:
        return "has a quote that is not closed, or a backslash at its end"
    return None
