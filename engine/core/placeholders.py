"""What counts as a placeholder in a template, and where it stands.

This module is the one home of the grammar:

    placeholder = "${" [ helper ":" ] namespace "." key [ "|" default ] "}"
                | "${include:" name [ ":" reference ] "}"
    helper      = shell, kickstart, preseed, yaml, json, xml, ipxe or url (`engine.core.escaping`)
    namespace   = a letter or "_", then letters, digits, "_" (ASCII)
    key         = part { "." part },  part = letters, digits, "_", "-" (of any script)
    default     = any text, also none, without a line break, "}" or "${"
    name        = letters, digits, "_", then also "." "/" "-" (ASCII)
    reference   = "v" major [ "." minor ],  each of 1 to 9 digits

`$${` writes a literal `${`. Everything else is text and passes byte for byte: `$VAR`, `${VAR}`, `${VAR:-x}`, `${#x}`,
`${1}`, `{{ }}`, `${ node.mac }`, and iPXE's `${net0/mac}` and `${net0.dhcp/ip}`. A namespace has no hyphen because the
shell reads `${foo-bar.baz}` as "foo, or else bar.baz". No shell variable has a dot in its name, so `${foo.bar}` with a
namespace that does not exist is taken for a mistake: it is reported, and still left as written.

A helper counts only before a namespace that exists: `${shell:offset}`, `${url:-x}` and `${json:foo.bar}` are bash's and
stay. (What it takes from bash is `${shell:node.x}`, an offset that is no number and an error there.) The default goes
through the helper like a value.

A default holds no other placeholder, because the nearest `}` always ends it; and it holds no line break, so that a
forgotten brace spoils one line and not the rest of the file. What begins like one of our placeholders but is none
(`${node.mac:-x}`, `${include:users:2}`, `${meta.a|${meta.b}}`) is kept among the references as malformed: rendering
leaves it alone, validation asks about it.

Lines and columns count from 1; a line ends with a line feed, a column is a character (a tab is one, as is `ß`).
Time is linear in the text: no attempt to match reads past the next `${`, and no quantifier gives anything back.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from engine.core.escaping import HELPERS
from engine.core.kept import Kept

NAMESPACES: Mapping[str, tuple[str, ...] | None] = MappingProxyType(
    {
        "node": (
            "id",
            "mac",
            "ip",
            "hostname",
            "uuid",
            "serial",
            "vendor",
            "model",
            "architecture",
            "boot_mode",
            "state",
        ),
        "group": ("id", "name", "description"),
        "workflow": ("id", "name", "description", "version"),
        "server": ("url", "tftp_url", "http_url"),
        "template": ("id", "name", "version"),
        "execution": ("id", "step_id", "step_name", "attempt", "callback_url", "token"),
        "meta": None,
        "secret": None,
        "params": None,
    }
)
"""The namespaces of variables and their keys; None: any key, and dots lead into mappings and lists."""

_KEPT_BYTES = 32 * 1024 * 1024

# No possessive quantifiers, though they would say what is meant: those of Python 3.11.2, which is Debian 12's, match
# what they must not. Without them it is linear all the same: no two neighbours here can take the same character, and
# no match that is tried goes beyond the next `${`.
_TOKEN = re.compile(
    r"""
    \$ (?:
      \$\{
    | \{ include : (?P<include> [A-Za-z0-9_][A-Za-z0-9._/-]* ) (?: : (?P<reference> VERSION ) )? \}
    | \{ (?: (?P<helper> HELPERS ) : (?= (?:NAMESPACES)\. ) )?
         (?P<namespace> [A-Za-z_][A-Za-z0-9_]* ) \. (?P<key> [\w-]+(?:\.[\w-]+)* )
         (?: \| (?P<default> [^}\n$]*(?:\$(?!\{)[^}\n$]*)* ) )? \}
    | \{ (?P<malformed> include:[A-Za-z] | (?: (?:HELPERS): )? (?:NAMESPACES)\. )
    )
    """.replace("VERSION", r"v[0-9]{1,9}(?:\.[0-9]{1,9})?")
    .replace("NAMESPACES", "|".join(NAMESPACES))
    .replace("HELPERS", "|".join(HELPERS)),
    re.VERBOSE,
)
_EXCERPT = re.compile(r"[^\n}]{0,60}\}?")


class Fault(StrEnum):
    """What is wrong with a variable whatever the values are."""

    UNKNOWN_NAMESPACE = "unknown namespace"
    UNKNOWN_KEY = "unknown key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """`${namespace.key}` or `${namespace.key|default}`; `default` is None when there is none, `text` is as written.

    `helper` is how its value is to be written, None for as it is; `start` is its index in the text it stands in.
    """

    namespace: str
    key: str
    name: str
    default: str | None
    text: str
    line: int
    column: int
    fault: Fault | None
    helper: str | None = None
    start: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Include:
    """`${include:name}`, with `reference` for `:v2` (the newest 2.x) or `:v2.1`, and None for the current version.

    `start` is its index in the text it stands in.
    """

    name: str
    reference: str | None
    text: str
    line: int
    column: int
    start: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Malformed:
    """What begins like a placeholder and is none; `text` is at most its first 60 characters."""

    text: str
    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """What a text refers to, each with its place and in the order of the text; nothing is looked up."""

    variables: tuple[Variable, ...]
    includes: tuple[Include, ...]
    malformed: tuple[Malformed, ...]


Segment = str | Variable | Include


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """A text in pieces: literal text (never two in a row) and placeholders; `source` is the text itself."""

    segments: tuple[Segment, ...]
    malformed: tuple[Malformed, ...]
    source: str = ""


def parse(text: str) -> Parsed:
    """Split a text into literals and placeholders; never fails. What was split lately is remembered."""
    return _PARSED.of(text)


def references(text: str) -> References:
    """Everything a text refers to, without rendering it: for validation and for where-used."""
    parsed = parse(text)
    return References(
        variables=tuple(segment for segment in parsed.segments if isinstance(segment, Variable)),
        includes=tuple(segment for segment in parsed.segments if isinstance(segment, Include)),
        malformed=parsed.malformed,
    )


def escape(text: str) -> str:
    """Write a text so that rendering gives it back unchanged: every `${` becomes `$${`."""
    return text.replace("${", "$${")


def _parse(text: str) -> Parsed:
    segments: list[Segment] = []
    malformed: list[Malformed] = []
    literal: list[str] = []
    places = _Places(text)
    at = 0
    for match in _TOKEN.finditer(text):
        if match["malformed"]:
            malformed.append(_malformed(text, match.start(), places))
            continue
        literal.append(text[at : match.start()])
        at = match.end()
        if match[0] == "$${":
            literal.append("${")
            continue
        _close(literal, segments)
        segments.append(_placeholder(match, places))
    literal.append(text[at:])
    _close(literal, segments)
    return Parsed(segments=tuple(segments), malformed=tuple(malformed), source=text)


def _weight(text: str, parsed: Parsed) -> int:
    """About how many bytes a parsed text takes."""
    return 2 * text.__sizeof__() + 700 * (len(parsed.segments) + len(parsed.malformed))


# A boot storm renders the same few templates a thousand times. The text is its own key: it says more than a digest of
# it would, and a text that comes from the same version is the same object, whose hash Python has kept.
_PARSED = Kept(_parse, most_bytes=_KEPT_BYTES, weigh=_weight)


def _close(literal: list[str], segments: list[Segment]) -> None:
    joined = "".join(literal)
    if joined:
        segments.append(joined)
    literal.clear()


def _placeholder(match: re.Match[str], places: "_Places") -> Variable | Include:
    at = match.start()
    line, column = places.of(at)
    include, namespace, key = match["include"], match["namespace"], match["key"]
    if include is not None:
        return Include(name=include, reference=match["reference"], text=match[0], line=line, column=column, start=at)
    return Variable(
        namespace=namespace,
        key=key,
        name=f"{namespace}.{key}",
        default=match["default"],
        text=match[0],
        line=line,
        column=column,
        fault=_fault(namespace, key),
        helper=match["helper"],
        start=at,
    )


def _fault(namespace: str, key: str) -> Fault | None:
    if namespace not in NAMESPACES:
        return Fault.UNKNOWN_NAMESPACE
    keys = NAMESPACES[namespace]
    return None if keys is None or key in keys else Fault.UNKNOWN_KEY


def _malformed(text: str, start: int, places: "_Places") -> Malformed:
    excerpt = _EXCERPT.match(text, start)
    line, column = places.of(start)
    return Malformed(text=excerpt[0] if excerpt else "", line=line, column=column)


class _Places:
    """Lines and columns of growing positions, each stretch of the text counted once."""

    __slots__ = ("_at", "_line", "_line_start", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1
        self._line_start = 0

    def of(self, position: int) -> tuple[int, int]:
        breaks = self._text.count("\n", self._at, position)
        if breaks:
            self._line += breaks
            self._line_start = self._text.rfind("\n", self._at, position) + 1
        self._at = position
        return self._line, position - self._line_start + 1
