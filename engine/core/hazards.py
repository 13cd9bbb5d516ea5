"""Values that would break, or take over, the text they are put into.

What a machine says of itself (`node.*`: host name, serial number, model) anybody on the network can say. Such a value
is put into a text of a known type only where it stays what it is: one word or one piece of text. What an operator sets
(`meta`, `params`, `secret`, groups, workflows) may be code on purpose, but not by accident. The rules:

- **Machines' values** hold no line break and no other control character in a text of any type, with helper or without
  (a helper that writes them as an escape on one line, such as `yaml`, does away with them). Bare in a shell script they
  hold none of ``; & | < > ( ) $ ` " ' \\`` ; bare in a kickstart command or a kernel's command line no blank either;
  and so on for each type.
- **Operators' values** may have several lines where they stand alone on their line (a key in a here-document, lines of
  a preseed that are data) or inside a shell's quotes. Elsewhere in a text that goes by lines that is a hazard. So are
  the quote that ends the quotes around it, quotes that do not close, and `%end` in a section of a kickstart.
- A line break at the end of an operator's value is no hazard where nothing follows it on its line.
- A helper is right where its syntax wants a value (see `FIT`). In quotes it is as wrong as a bare value: it brings its
  own. What a secret is shows no preview, so there it is not judged.

Where in its line a value stands is told from the template, not from other values: quotes are looked for from the start
of the line, and a text that a template includes starts anew, but for the section of a kickstart it is included in.
All of it costs time only for values that are not plain words, and then once over the text.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from engine.core.escaping import HELPERS
from engine.core.hazard_rules import CONTROL, RULES, Family, Place, Spot
from engine.core.placeholders import Include, Variable
from engine.errors import Problem

MOST = 100
"""How many hazards one rendering tells; more say nothing new."""


_FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "script": Family.SHELL,
        "kickstart": Family.COMMAND,
        "preseed": Family.LINE,
        "ipxe": Family.IPXE,
        "cmdline": Family.ARGUMENTS,
        "autoinstall": Family.YAML,
        "cloud-init": Family.YAML,
        "ignition": Family.JSON,
        "unattend": Family.XML,
    }
)
FIT: Mapping[Family, tuple[str, ...]] = MappingProxyType(
    {
        Family.SHELL: ("shell", "kickstart"),
        Family.COMMAND: ("kickstart", "shell"),
        Family.LINE: ("preseed",),
        Family.IPXE: ("ipxe", "url"),
        Family.ARGUMENTS: ("url",),
        Family.YAML: ("yaml", "json"),
        Family.JSON: ("json",),
        Family.XML: ("xml",),
        Family.OTHER: (),
    }
)
"""The helpers that write a value for a family, the usual one first."""

_PLAIN = re.compile(r"[A-Za-z0-9/](?:[A-Za-z0-9_./@+=,:-]*[A-Za-z0-9_./@+=,-])?")
_BREAK = re.compile("[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_SHELLS = re.compile(r"#!.*?\b(?:sh|bash|dash|ash|ksh|zsh|busybox)\b")
_SCRIPT_SECTION = re.compile(r"%(?:pre|post|pre-install|onerror|traceback)\b")
_SECTION = re.compile(r"%(?!end\b|include\b|ksappend\b)[a-z]")
_SHELL_LINE = re.compile(r"\s*\S+\s+\S*_command\s")
_HERE = re.compile(r"<<-?\s*(\\?)(['\"]?)([A-Za-z_][A-Za-z0-9_]*)\2")
_TOKEN = re.compile(r"\$\{[^}\n$]*(?:\$(?!\{)[^}\n$]*)*\}|\n|\\.|['\"]|(?:(?<=\s)|^)#", re.MULTILINE)
_NEAR = 200
"""How many characters before and after a value are looked at. The whole line would be, again for each of its values,
more than a text of one long line can pay for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hazard:
    """A value that breaks the text it is put into: at a line and column of `template`, counted from 1.

    `why` is the rest of a sentence about the placeholder, `use` what to write instead.
    """

    name: str
    line: int
    column: int
    template: str
    text: str
    why: str
    use: str

    def problem(self) -> Problem:
        """The same as a problem, for a caller to whom it is an error."""
        message = f"{self.text} {self.why}; {self.use}"
        return Problem(message=message, line=self.line, column=self.column, file=self.template or None)


is_word = _PLAIN.fullmatch
"""Whether a value is one plain word, which breaks nothing anywhere."""


class Judge:
    """Judges the values put into one template, in the order in which they stand there.

    It reads the text along with them, so all of them together cost one pass.
    """

    def __init__(self, type_: str, source: str, in_script: bool = False) -> None:
        self._source = source
        self._family = _family(type_, source)
        self._at = 0
        self._line_start = 0
        self._in_script = in_script
        self._here: tuple[str, bool] | None = None
        self._opened: tuple[str, bool] | None = None
        self._spot = Spot.BARE

    def in_script(self, at: Include) -> bool:
        """Whether an include stands in a section of a kickstart that is a script."""
        if self._family is not Family.COMMAND:
            return False
        self._read(at.start)
        return self._in_script

    def judge(self, variable: Variable, piece: str, lost: str | None) -> tuple[str, str] | None:
        """What is wrong with a value where it stands, and what to do about it; None where it does no harm."""
        reported = variable.namespace == "node"
        if lost is not None:
            return f"has {lost}, which {variable.helper} cannot write", "change the value"
        if reported and CONTROL.search(piece):
            return self._controlled(variable, piece)
        if self._family is Family.OTHER:
            return None
        place = self._place(variable)
        return _judge(place, variable, piece, reported=reported)

    def _controlled(self, variable: Variable, piece: str) -> tuple[str, str]:
        what = "a line break" if _BREAK.search(piece) else "a control character"
        why = f"has {what}, and machines say what they like of themselves"
        fitting = [helper for helper in FIT[self._family] if helper in ("yaml", "json", "xml", "url")]
        if fitting and variable.helper is None:
            return why, f"write {_with(variable, fitting[0])}, without quotes around it, or change the value"
        return why, "change the value"

    def _place(self, variable: Variable) -> Place:
        self._read(variable.start)
        source, start, end = self._source, variable.start, variable.start + len(variable.text)
        family, spot = self._family, self._spot
        if (family is Family.COMMAND and self._in_script) or (family is Family.LINE and self._is_shell_line(start)):
            family = Family.SHELL
        elif family in (Family.LINE, Family.IPXE) and spot is not Spot.COMMENT:
            spot = Spot.BARE  # there are no quotes
        if self._here is not None and family is Family.SHELL:
            spot = Spot.HERE_LITERAL if self._here[1] else Spot.HERE
        before = source[max(self._line_start, start - _NEAR) : start]
        after = source[end : end + _NEAR].partition("\n")[0]
        return Place(family=family, spot=spot, before=before, after=after, in_script=self._in_script)

    def _is_shell_line(self, to: int) -> bool:
        """Whether the line up to an index is the answer of a preseed that a shell runs."""
        return _SHELL_LINE.match(self._source, self._line_start, min(to, self._line_start + _NEAR)) is not None

    def _read(self, to: int) -> None:
        """Go on to an index: which quotes are open there, which section and here-document it is in."""
        for match in _TOKEN.finditer(self._source, self._at, to):
            sign = match[0]
            if sign == "\n":
                self._end_line(match.start())
                self._line_start = match.end()
            elif sign in ("'", '"') and self._quotes(match.start()):
                self._quote(Spot.SINGLE if sign == "'" else Spot.DOUBLE)
            elif sign == "#" and self._spot is Spot.BARE:
                self._spot = Spot.COMMENT
        self._at = max(self._at, to)

    def _quotes(self, at: int) -> bool:
        """Whether a quote begins or ends quotes: in YAML only one at the start of a scalar begins them."""
        if self._family is not Family.YAML or self._spot is not Spot.BARE:
            return True
        before = self._source[max(self._line_start, at - _NEAR) : at].rstrip(" ")
        return not before or before[-1] in ":-,[{"

    def _quote(self, kind: Spot) -> None:
        if self._spot is kind:
            self._spot = Spot.BARE
        elif self._spot is Spot.BARE:
            self._spot = kind

    def _end_line(self, at: int) -> None:
        line = self._source[self._line_start : at]
        self._spot = Spot.BARE
        if self._here is not None:
            if line.strip() == self._here[0]:
                self._here = None
            return
        if self._family is Family.COMMAND and line.startswith("%"):
            if line.startswith("%end"):
                self._in_script = False
            elif _SECTION.match(line):
                self._in_script = _SCRIPT_SECTION.match(line) is not None
        if "<<" in line and (self._in_script or self._family is Family.SHELL) and (here := _HERE.search(line)):
            self._here = (here[3], bool(here[1] or here[2]))


def _family(type_: str, source: str) -> Family:
    family = _FAMILIES.get(type_, Family.OTHER)
    if family is Family.YAML and source.startswith("#!"):
        family = Family.SHELL  # user-data may be a script
    if family is Family.SHELL and source.startswith("#!") and not _SHELLS.match(source):
        return Family.OTHER  # a Python script, say: it has rules of its own
    return family


def _judge(place: Place, variable: Variable, piece: str, *, reported: bool) -> tuple[str, str] | None:
    if variable.helper in FIT[place.family] and _is_right(place, piece):
        return None
    why = _section(place, piece) or _lines(place, piece) or RULES[place.family](place, piece, reported)
    if why is None:
        return None
    return why, _advice(place, variable, piece)


def _is_right(place: Place, piece: str) -> bool:
    """Whether what a fitting helper wrote stands where a value is wanted; for XML that is in quotes as well."""
    if place.family is Family.XML:
        return True
    has_lines = _BREAK.search(piece) is not None
    if place.family is Family.SHELL and place.spot is Spot.BARE:
        return not has_lines or _section(place, piece) is None
    return place.spot in (Spot.BARE, Spot.COMMENT) and not has_lines


def _advice(place: Place, variable: Variable, piece: str) -> str:
    if place.spot in (Spot.HERE, Spot.HERE_LITERAL):
        return "quote the word that ends the here-document (<<'EOF'), or set a variable before it with ${shell:…}"
    helper = next(iter(FIT[place.family]), None)
    is_helped = variable.helper == helper and place.spot is Spot.BARE
    if helper is None or is_helped or (variable.helper is None and HELPERS[helper](piece).lost is not None):
        return "change the value"
    is_quoted = place.spot in (Spot.SINGLE, Spot.DOUBLE) and place.family is not Family.XML
    quotes = " without the quotes around it" if is_quoted else ""
    return f"write {_with(variable, helper)}{quotes}"


def _with(variable: Variable, helper: str) -> str:
    bare = variable.text.replace(f"${{{variable.helper}:", "${", 1) if variable.helper else variable.text
    return f"${{{helper}:{bare[2:]}"


def _section(place: Place, piece: str) -> str | None:
    """Whether a value ends the section of a kickstart that it stands in."""
    lines = piece.splitlines()[0 if not place.before else 1 :]
    if place.in_script and any(line.startswith("%") for line in lines):
        return "has a line that begins with %, which ends the section it stands in"
    return None


def _lines(place: Place, piece: str) -> str | None:
    """What is wrong with a value of several lines."""
    if not place.after.strip() and piece.endswith(("\n", "\r\n")):
        piece = piece.removesuffix("\n").removesuffix("\r")
    if not _BREAK.search(piece) or place.family in (Family.XML, Family.ARGUMENTS, Family.OTHER):
        return None
    several = "has several lines where one is wanted"
    quoted = place.spot in (Spot.SINGLE, Spot.DOUBLE)
    if place.family is Family.SHELL and (quoted or place.spot in (Spot.HERE, Spot.HERE_LITERAL)):
        return None
    if quoted or place.spot is Spot.COMMENT or not place.alone:
        return several
    if place.family is Family.YAML and place.before:
        return "has several lines, and those after the first are not indented like it"
    return None
