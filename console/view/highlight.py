"""What the parts of a text are, line by line, for its colours: YAML, scripts, installers' files, JSON, XML. Pure.

A line is looked at alone, with what the lines above have begun (a block of YAML, a comment): so of a long text only the
lines on the screen are ever looked at closely. It is a scanner for eyes, no parser: what is wrong in a text is the
business of the validators. Our placeholders and Jinja2's braces are laid over whatever they stand in.
"""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple

from engine.core.documents import DocumentKind, TemplateType

LONGEST = 2_000  # characters of a line; nobody reads colours beyond


class Token(StrEnum):
    """What a part of a line is."""

    KEY = "code-key"
    STRING = "code-string"
    NUMBER = "code-number"
    WORD = "code-word"
    COMMENT = "code-comment"
    PLACEHOLDER = "code-placeholder"
    EXPRESSION = "code-expression"


class Span(NamedTuple):
    """A part of a line, from one index of characters to before another."""

    start: int
    end: int
    token: Token


class Manner(StrEnum):
    """How a text is written."""

    YAML = "yaml"
    SHELL = "shell"
    KICKSTART = "kickstart"
    WORDS = "words"
    JSON = "json"
    XML = "xml"
    PLAIN = "plain"


class State(NamedTuple):
    """What the lines above have begun: a YAML block below a key of this indentation (-1: none), or a comment or section
    that goes on until its end.
    """

    block: int = -1
    inside: str = ""


START = State()

_MANNERS: Mapping[str, Manner] = {
    TemplateType.KICKSTART: Manner.KICKSTART,
    TemplateType.PRESEED: Manner.WORDS,
    TemplateType.IPXE: Manner.WORDS,
    TemplateType.AUTOINSTALL: Manner.YAML,
    TemplateType.CLOUD_INIT: Manner.YAML,
    TemplateType.WORKFLOW: Manner.YAML,
    TemplateType.IGNITION: Manner.JSON,
    TemplateType.UNATTEND: Manner.XML,
    TemplateType.SCRIPT: Manner.SHELL,
}


def manner_of(kind: DocumentKind, type_: str = "") -> Manner:
    """How a workflow, or a template of a type, is written."""
    return Manner.YAML if kind is DocumentKind.WORKFLOW else _MANNERS.get(type_, Manner.PLAIN)


_INDENT = re.compile(r" *")
_BLOCK = re.compile(r"(?:^|[\s:-])[|>][+-]?[0-9]?[+-]?[ \t]*(?:#.*)?$")
_ENDS: Mapping[str, str] = {"{#": "#}", "<!--": "-->", "%": "%end"}
_SECTION = re.compile(r"%(?:pre|post|pre-install|onerror|traceback|addon|packages|anaconda)\b")


def after(line: str, state: State, manner: Manner) -> State:
    """What the next line begins with."""
    line = line[:LONGEST]
    if state.inside:
        ended = line.startswith("%end") if state.inside == "%" else _ENDS[state.inside] in line
        return state._replace(inside="") if ended else state
    if manner is Manner.YAML:
        state = _after_yaml(line, state)
    elif manner is Manner.KICKSTART and _SECTION.match(line):
        return State(inside="%")
    opening = "<!--" if manner is Manner.XML else "{#"
    at = line.rfind(opening)
    return state._replace(inside=opening) if at >= 0 and _ENDS[opening] not in line[at:] else state


def _after_yaml(line: str, state: State) -> State:
    if _is_in_block(line, state):
        return state
    stripped = line.lstrip(" ")
    if "|" not in line and ">" not in line:
        return START
    is_block = not stripped.startswith("#") and _BLOCK.search(line) is not None
    return State(block=_parent_indent(line)) if is_block else START


def _is_in_block(line: str, state: State) -> bool:
    return state.block >= 0 and (not line.strip() or len(line) - len(line.lstrip(" ")) > state.block)


_DASHES = re.compile(r" *(?:- +)*")


def _parent_indent(line: str) -> int:
    """The indentation below which a block ends: that of the key it belongs to, or of its dash."""
    match = _DASHES.match(line)
    begins = match.end() if match else 0
    has_key = ":" in line[begins:]
    return begins if has_key else max(0, len(line) - len(line.lstrip(" ")))


_YAML = re.compile(
    r"""
      (?P<comment> (?:(?<=\s)|^)\#.* )
    | (?P<quoted> (?<![^\s\[{(,:-]) (?: "(?:[^"\\]|\\.)*"? | '[^']*'? ) (?= (?P<colon>\s*:(?:\s|$))? ) )
    | (?P<key> (?: (?<=[{,]) | (?<=[{,]\ ) ) [A-Za-z_$][\w.$/-]* (?=\s*:(?:\s|$)) )
    | (?P<number> (?:(?<=[:,-]\s)|(?<=\[)|^)
        (?: true|false|null|yes|no|on|off|~ | [+-]?[0-9][0-9_]*(?:\.[0-9]+)?[smhd]? ) (?=\s*(?:$|[,\]}]|\s\#)) )
    | (?P<word> (?<![^\s\[{,]) (?: [&*!][\w!./-]+ | [|>][+-]?[0-9]?(?=\s*(?:\#|$)) | ---(?=\s|$) | -(?=\s) ) )
    """,
    re.VERBOSE,
)
_FIRST_KEY = re.compile(r" *(?P<dashes>(?:- +)*)(?P<key>[A-Za-z_$][\w.$/-]*)(?=\s*:(?:\s|$))")
_SHELL = re.compile(
    r"""
      (?P<comment> (?<!\S)\#.* )
    | (?P<quoted> "(?:[^"\\]|\\.)*"? | '[^']*'? )
    | (?P<key> \$(?:\w+|[?!@*\#$-]|\{[^}]*\}) )
    | (?P<word> (?<![\w./-]) (?: if|then|elif|else|fi|for|while|until|do|done|case|esac|in|function|return|exit|set
        |local|export|shift|trap|exec|def|class|import|from|with|try|except|raise|param|foreach ) (?![\w./-]) )
    | (?P<number> (?<![\w./-])[0-9]+(?![\w./-]) )
    """,
    re.VERBOSE,
)
_KICKSTART = re.compile(
    r"""
      (?P<comment> (?:(?<=\s)|^)\#.* )
    | (?P<word> ^%\S+ | (?<!\S)--[\w-]+ )
    | (?P<quoted> "[^"]*"? )
    | (?P<key> ^[a-z][\w-]* )
    | (?P<number> (?<![\w./-])[0-9]+(?![\w./-]) )
    """,
    re.VERBOSE,
)
_WORDS = re.compile(
    r"""
      (?P<comment> ^\s*\#.* )
    | (?P<word> ^\s*:\w[\w-]* | (?<!\S)--[\w-]+ | (?<=\s)(?:string|boolean|select|multiselect|password|note)(?=\s|$)
        | \|\|(?=\s) | &&(?=\s) )
    | (?P<key> ^\s*[A-Za-z][\w.+-]* )
    | (?P<quoted> (?<=\s)[\w-]+/[\w/.-]+(?=\s+(?:string|boolean|select|multiselect|password|note)\b) )
    """,
    re.VERBOSE,
)
_JSON = re.compile(
    r"""
      (?P<key> "(?:[^"\\]|\\.)*"(?=\s*:) )
    | (?P<quoted> "(?:[^"\\]|\\.)*"? )
    | (?P<number> (?<![\w.]) (?: true|false|null|-?[0-9][0-9.eE+-]* ) (?![\w.]) )
    """,
    re.VERBOSE,
)
_XML = re.compile(
    r"""
      (?P<comment> <!--.*?(?:-->|$) )
    | (?P<key> </?[\w:.-]+ | /?> | <\?\S* | \?> )
    | (?P<word> (?<=\s)[\w:.-]+(?==) )
    | (?P<quoted> (?<==)(?:"[^"]*"?|'[^']*'?) )
    """,
    re.VERBOSE,
)
_SCANNERS: Mapping[Manner, re.Pattern[str]] = {
    Manner.YAML: _YAML,
    Manner.SHELL: _SHELL,
    Manner.KICKSTART: _KICKSTART,
    Manner.WORDS: _WORDS,
    Manner.JSON: _JSON,
    Manner.XML: _XML,
}
_TOKENS: Mapping[str, Token] = {
    "comment": Token.COMMENT,
    "quoted": Token.STRING,
    "key": Token.KEY,
    "number": Token.NUMBER,
    "word": Token.WORD,
}
_OVER = re.compile(
    r"""
      (?P<escaped> \$\$\{ )
    | (?P<placeholder> \$\{ (?: include: | (?:[a-z]+:)?[A-Za-z_]\w*\.[\w-] ) [^}\n$]*(?:\$(?!\{)[^}\n$]*)* \}? )
    | (?P<remark> \{\#.*?(?:\#\}|$) )
    | (?P<expression> \{\{.*?(?:\}\}|$) | \{%.*?(?:%\}|$) )
    """,
    re.VERBOSE,
)


def spans(line: str, state: State, manner: Manner) -> list[Span]:
    """What the parts of a line are; a later one lies over an earlier."""
    line = line[:LONGEST]
    found: list[Span] = []
    start = 0
    if state.inside and state.inside != "%":
        at = line.find(_ENDS[state.inside])
        start = len(line) if at < 0 else at + len(_ENDS[state.inside])
        found.append(Span(0, start, Token.COMMENT))
    found += _scanned(line, start, state, manner)
    for match in _OVER.finditer(line, start):
        kind = match.lastgroup
        if kind == "remark":
            found.append(Span(match.start(), match.end(), Token.COMMENT))
        elif kind != "escaped":
            token = Token.PLACEHOLDER if kind == "placeholder" else Token.EXPRESSION
            found.append(Span(match.start(), match.end(), token))
    return found


def _scanned(line: str, start: int, state: State, manner: Manner) -> Iterator[Span]:
    if manner is Manner.YAML and _is_in_block(line, state):
        manner = Manner.SHELL  # most blocks are scripts, and of what is none only the comments are coloured
    elif manner is Manner.KICKSTART and state.inside == "%" and not line.startswith("%"):
        manner = Manner.SHELL
    first = _FIRST_KEY.match(line) if manner is Manner.YAML and start == 0 else None
    if first is not None:
        if first["dashes"]:
            yield Span(*first.span("dashes"), Token.WORD)
        yield Span(*first.span("key"), Token.KEY)
        start = first.end()
    scanner = _SCANNERS.get(manner)
    for match in scanner.finditer(line, start) if scanner is not None else ():
        kind = "key" if match.lastgroup == "colon" else str(match.lastgroup)
        yield Span(*match.span("quoted" if match.lastgroup == "colon" else kind), _TOKENS[kind])
