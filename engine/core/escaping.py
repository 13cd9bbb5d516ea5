"""Values written so that the syntax they stand in reads them back as they are: the helpers of templates.

One table, used in two places: `${shell:node.hostname}` in any template, and `{{ node.hostname | shell }}` in Jinja2.
A helper writes a whole value with the quotes it needs, so it stands where the syntax wants a value and never inside
quotes. Each takes any value and never fails; what its syntax cannot say at all (a line break in a kickstart command) it
replaces, and tells so in `lost`: whoever renders for a machine takes that for an error.

    shell      one word of a POSIX shell
    kickstart  one argument of a kickstart command, which Anaconda reads with Python's shlex, line by line
    preseed    the value of a debconf line: the rest of it, with nothing to quote and no way to go on below
    yaml       a YAML 1.1 or 1.2 value on one line: text in double quotes, numbers, lists and mappings as such
    json       a JSON value; what JSON has no number for (infinity) is null
    xml        text or an attribute's value in XML 1.0
    ipxe       words of an iPXE command: it has no quotes, so runs of blanks become one (`src/core/exec.c`)
    url        a part of a URL, everything but letters, digits and `-._~` as %XX
"""

import json
import math
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import quote

from engine.core.values import as_text, is_list


@dataclass(frozen=True, slots=True)
class Written:
    """A value as a syntax has it. `lost` says what of it could not be written; None: all of it was."""

    text: str
    lost: str | None = None


LINE_BREAK = "a line break"
_SURROGATE = re.compile("[\ud800-\udfff]")
_BREAKS = re.compile("[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]+")  # where str.splitlines, and so Anaconda, ends a line
_WORD = re.compile(r"[A-Za-z0-9_@+=:,./-][A-Za-z0-9_@%+=:,./-]*")
_UNWRITTEN_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_XML = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}
_XML_SPECIAL = re.compile("[&<>\"'\t\n\r\x7f-\x9f\u2028\u2029]")
_YAML_SPECIAL = re.compile('["\\\\\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]')
_YAML = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_JSON_SPECIAL = re.compile("[\x7f-\x9f\u2028\u2029]")
_NOTHING_IPXE = "${nothing}"  # a setting that nobody sets: expands to no text at all, also in bootsrv.ipxe
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f]")


def _shell(value: object) -> Written:
    text, lost = _sound(value)
    if "\0" in text:
        text, lost = text.replace("\0", ""), "a NUL character"
    return Written(shlex.quote(text), lost)


def _kickstart(value: object) -> Written:
    text, lost = _sound(value)
    if "\0" in text:
        text, lost = text.replace("\0", ""), "a NUL character"
    text, lost = _one_line(text, lost)
    # `%` at the start of a line begins or ends a section, however it goes on: shlex.quote would leave it bare
    return Written(text if _WORD.fullmatch(text) else "'" + text.replace("'", "'\"'\"'") + "'", lost)


def _preseed(value: object) -> Written:
    text, lost = _sound(value)
    text, lost = _one_line(text.replace("\0", ""), "a NUL character" if "\0" in text else lost)
    if text.endswith("\\"):  # would draw the line below into this one
        text, lost = text.rstrip("\\"), "a backslash at the end"
    return Written(text, lost)


def _yaml(value: object) -> Written:
    return Written(_as_yaml(value), _lost_below(value))


def _json(value: object) -> Written:
    tree = _plain(value)
    text = json.dumps(tree, ensure_ascii=False, separators=(", ", ": "))
    return Written(_JSON_SPECIAL.sub(lambda match: f"\\u{ord(match[0]):04x}", text), _lost_below(value))


def _xml(value: object) -> Written:
    text, lost = _sound(value)
    cleaned = _UNWRITTEN_IN_XML.sub("\ufffd", text)
    if cleaned != text:
        lost = "a control character"
    return Written(_XML_SPECIAL.sub(lambda match: _XML.get(match[0]) or f"&#{ord(match[0])};", cleaned), lost)


def _ipxe(value: object) -> Written:
    text, lost = _sound(value)
    if "${" in text:
        text, lost = re.sub(r"\$+\{", "{", text), "${, which iPXE always expands"
    words = _UNPRINTABLE.sub(" ", text).split(" ")
    kept = " ".join(_ipxe_word(word) for word in words if word)
    if lost is None and " ".join(word for word in words if word) != text:
        lost = LINE_BREAK if _BREAKS.search(text) else "blanks that are more than one space between words"
    return Written(kept + _NOTHING_IPXE if kept.endswith("\\") else kept, lost)


def _ipxe_word(word: str) -> str:
    """Keep a word from ending the command, from starting a comment, and from being a label."""
    return _NOTHING_IPXE + word if word in ("||", "&&", ";") or word[0] in "#:" else word


def _url(value: object) -> Written:
    text, lost = _sound(value)
    return Written(quote(text, safe=""), lost)


Helper = Callable[[object], Written]

HELPERS: Mapping[str, Helper] = MappingProxyType(
    {
        "shell": _shell,
        "kickstart": _kickstart,
        "preseed": _preseed,
        "yaml": _yaml,
        "json": _json,
        "xml": _xml,
        "ipxe": _ipxe,
        "url": _url,
    }
)
"""The helpers by name."""


def _sound(value: object) -> tuple[str, str | None]:
    """A value as text that UTF-8 can carry."""
    text = as_text(value)
    if text.isascii():
        return text, None
    sound = _SURROGATE.sub("\ufffd", text)
    return sound, None if sound == text else "half a surrogate pair"


def _one_line(text: str, lost: str | None) -> tuple[str, str | None]:
    line = _BREAKS.sub(" ", text)
    return line, lost if line == text else LINE_BREAK


def _as_yaml(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _yaml_float(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_yaml_text(as_text(key))}: {_as_yaml(item)}" for key, item in value.items()) + "}"
    if is_list(value):
        return "[" + ", ".join(_as_yaml(item) for item in value) + "]"
    return _yaml_text(as_text(value))


def _yaml_text(text: str) -> str:
    sound = _SURROGATE.sub("\ufffd", text)
    return '"' + _YAML_SPECIAL.sub(_yaml_escape, sound) + '"'


def _yaml_escape(match: re.Match[str]) -> str:
    char = match[0]
    code = ord(char)
    return _YAML.get(char) or (f"\\x{code:02X}" if code < 256 else f"\\u{code:04X}")


def _yaml_float(value: float) -> str:
    if math.isnan(value):
        return ".nan"
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    text = repr(value)
    return text if "." in text else text.replace("e", ".0e")  # YAML 1.1 takes 1e+16 for text


def _plain(value: object) -> object:
    """A value as JSON can carry it."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, Mapping):
        return {_SURROGATE.sub("\ufffd", as_text(key)): _plain(item) for key, item in value.items()}
    if is_list(value):
        return [_plain(item) for item in value]
    return _SURROGATE.sub("\ufffd", as_text(value))


def _lost_below(value: object) -> str | None:
    """Whether any text in a value is not sound."""
    if isinstance(value, Mapping):
        return next((lost for pair in value.items() for each in pair if (lost := _lost_below(each))), None)
    if is_list(value):
        return next((lost for each in value if (lost := _lost_below(each))), None)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return _sound(value)[1]
