"""Jinja2, sandboxed, for step parameters, conditions and document templates.

The scopes are those of CONTRACT section 3. A name that does not exist is an error, never an empty text.

What an expression yields must not be expanded by the pass after it, which replaces `${…}` variables: a value that
looks like one could pull out a secret. So the variables the author wrote are taken out before Jinja2 runs, each leaving
a mark that no value can contain, and everything it makes is escaped before they are put back.

Values are written for a syntax by filters (`engine.core.escaping`), as in `{{ node.hostname | shell }}`. How long
a text may take and how large it may get is bounded (`engine.core.sandbox`).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from jinja2 import Template, Undefined, nodes

from engine.core.kept import Kept
from engine.core.placeholders import Parsed, Segment, escape, parse
from engine.core.sandbox import MAX_LENGTH, REPORTED, Reported, Sandbox, bounded
from engine.core.values import as_text
from engine.errors import Invalid, Problem

Names = Mapping[str, object]


_MARK = "\ue000"  # private use: no text that people write has it
_MARKED = re.compile(f"{_MARK}(\\d+){_MARK}")
_RETURN = "\ue002"  # stands for a carriage return while Jinja2, which makes line feeds of them, has the text
_RESERVED = re.compile("[\ue001\ue002]")
_TAGS = re.compile(r"(\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\})", re.DOTALL)


def _finalize(value: object) -> str:
    if isinstance(value, Reported):
        raise ValueError(REPORTED)
    text = "" if value is None else as_text(value)
    if _MARK in text:
        raise ValueError(
            "a ${…} variable cannot stand inside {{ … }}; name the value itself there, as in {{ node.mac }}"
        )
    if not text.isascii() and _RESERVED.search(text):
        raise ValueError("a value holds U+E001 or U+E002, which have a meaning of their own here")
    return text


_ENVIRONMENT = Sandbox(_finalize)
_KEPT_BYTES = 24 * 1024 * 1024


def _weight(text: str, _made: object) -> int:
    """About how many bytes a compiled text takes."""
    return 4_000 + 24 * len(text)


def _compiled(text: str) -> Template:
    return _ENVIRONMENT.from_string(_kept(text))


def _kept(text: str) -> str:
    """A text with its carriage returns out of Jinja2's sight, but for those within its own tags."""
    if "\r" not in text:
        return text
    pieces = _TAGS.split(text)
    return "".join(piece if at % 2 else piece.replace("\r", _RETURN) for at, piece in enumerate(pieces))


_TEMPLATES = Kept(_compiled, most_bytes=_KEPT_BYTES, weigh=_weight)
_EXPRESSIONS = Kept(
    lambda text: _ENVIRONMENT.compile_expression(text, undefined_to_none=False), most_bytes=_KEPT_BYTES, weigh=_weight
)
_template = _TEMPLATES.of
_expression = _EXPRESSIONS.of


def parsed(text: str) -> nodes.Template:
    """The syntax of a text's expressions.

    Raises:
        TemplateError: it has none.
    """
    return _ENVIRONMENT.parse(_taken_out(parse(text)))


def fill(tree: Any, names: Names, path: str = "") -> Any:
    """Render every text of a tree; what holds no `{{` or `{%` comes back as it is.

    Raises:
        Invalid: a text does not compile or uses a name that does not exist; with the path of the value.
    """
    if isinstance(tree, str):
        return _fill_text(tree, names, path)
    if isinstance(tree, Mapping):
        return {key: fill(value, names, f"{path}.{key}" if path else str(key)) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [fill(value, names, f"{path}[{index}]") for index, value in enumerate(tree)]
    return tree


_WHOLE = re.compile(r"\{\{((?:(?!\}\}|\{\{).)*)\}\}", re.DOTALL)


def values(tree: Any, names: Names, path: str = "") -> Any:
    """As `fill`, but a text that is one expression and nothing else becomes its value: a number stays a number.

    Raises:
        Invalid: as `fill`.
    """
    if isinstance(tree, str):
        whole = _WHOLE.fullmatch(tree.strip())
        return _fill_text(tree, names, path) if whole is None else _value(whole[1], names, path)
    if isinstance(tree, Mapping):
        return {key: values(value, names, f"{path}.{key}" if path else str(key)) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [values(value, names, f"{path}[{index}]") for index, value in enumerate(tree)]
    return tree


def _value(text: str, names: Names, path: str) -> Any:
    try:
        with bounded():
            value = _expression(text)(names)
        if isinstance(value, Undefined):
            str(value)  # it says which name does not exist
        return _plain_value(value)
    except Exception as error:
        raise Invalid([Problem(path=path, message=_plain(error))]) from None


def _plain_value(value: Any) -> Any:
    """A value as JSON has it, with what looks like a variable in its texts escaped."""
    if isinstance(value, str):
        return escape(str(value))
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain_value(item) for item in value]
    return escape(as_text(value))


def unescaped(tree: Any) -> Any:
    """What `fill` and `values` make, as it is: for what no pass for `${…}` variables comes after."""
    if isinstance(tree, str):
        return "".join(each if isinstance(each, str) else each.text for each in parse(tree).segments)
    if isinstance(tree, Mapping):
        return {key: unescaped(value) for key, value in tree.items()}
    return [unescaped(value) for value in tree] if isinstance(tree, list | tuple) else tree


def _fill_text(text: str, names: Names, path: str) -> str:
    if "{{" not in text and "{%" not in text and "{#" not in text:
        return text
    pieces = parse(text)
    try:
        return _put_back(_made(_template(_taken_out(pieces)), names), pieces)
    except Exception as error:  # a template may raise anything: it is a small program
        line, column = _place(error, text)
        raise Invalid([Problem(path=path, message=_plain(error), line=line, column=column)]) from None


def made(text: str, names: Names) -> str:
    """A text with its Jinja2 done and everything else as written, `${…}` too: for what is rendered again later.

    Raises:
        Invalid: it does not compile, uses a name that does not exist, or makes too much; with line and column.
    """
    try:
        return _made(_template(text), names)
    except Exception as error:  # a template may raise anything: it is a small program
        line, column = _place(error, text)
        raise Invalid([Problem(message=_plain(error), line=line, column=column)]) from None


def tokens(text: str) -> Iterator[tuple[str, str]]:
    """The pieces of a text as Jinja2 reads it, each with its kind; together they are a text that `made` takes for the
    same. Of one that Jinja2 cannot read it gives what comes before the fault, and then the rest as one piece.
    """
    length, text = 0, _kept(text)
    try:
        for _, kind, value in _ENVIRONMENT.lex(text):
            length += len(value)
            yield kind, value
    except Exception:
        yield "rest", text[length:]


def document(text: str, names: Names, file: str) -> Parsed:
    """A document template, its Jinja2 done, in pieces: its `${…}` variables and includes stand where they were written.

    Raises:
        Invalid: it does not compile, uses a name that does not exist, or makes too much; with line and column.
    """
    parsed = parse(text)
    try:
        pieces = _MARKED.split(_made(_template(_taken_out(parsed)), names))
    except Exception as error:  # a template may raise anything: it is a small program
        line, column = _place(error, text)
        raise Invalid([Problem(message=_plain(error), line=line, column=column, file=file or None)]) from None
    segments: list[Segment] = [piece if at % 2 == 0 else parsed.segments[int(piece)] for at, piece in enumerate(pieces)]
    return Parsed(segments=tuple(segments), malformed=parsed.malformed)


def _place(error: Exception, text: str) -> tuple[int | None, int | None]:
    """Where in a text an error arose: Jinja2 knows the line; the column is that of the name it speaks of."""
    line = getattr(error, "lineno", None)
    if line is None:
        line = _raised_at(error)
    lines = text.split("\n")
    if line is None or not 0 < line <= len(lines):
        return None, None
    written = lines[line - 1]
    opened = _OPENED.search(written)
    start = opened.start() if opened else 0
    named = next((at for name in _NAMED.findall(str(error)) if (at := written.find(name, start)) >= 0), None)
    if named is None and opened is None:
        return line, None
    return line, (start if named is None else named) + 1


_OPENED = re.compile(r"\{[{%#]")
_NAMED = re.compile(r"'([^'\n]+)'")


def _raised_at(error: Exception) -> int | None:
    """The innermost line of the template on the way to an error."""
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _made(template: Template, names: Names) -> str:
    pieces: list[str] = []
    size = 0
    with bounded():
        for piece in template.generate(names):
            size += len(piece) + 1  # empty ones count too: a loop that writes nothing must end as well
            if size > MAX_LENGTH:
                raise ValueError(f"makes more than {MAX_LENGTH} characters")
            pieces.append(piece)
    return "".join(pieces).replace(_RETURN, "\r")


def _taken_out(parsed: Parsed) -> str:
    return "".join(
        segment if isinstance(segment, str) else f"{_MARK}{at}{_MARK}" for at, segment in enumerate(parsed.segments)
    )


def _put_back(filled: str, parsed: Parsed) -> str:
    pieces = _MARKED.split(filled)
    for at in range(0, len(pieces), 2):
        if pieces[at].endswith("$") and at + 1 < len(pieces):
            raise ValueError("a value that ends in $ stands right before a ${…} variable, which cannot be written")
        pieces[at] = escape(pieces[at])
    for at in range(1, len(pieces), 2):
        segment = parsed.segments[int(pieces[at])]
        pieces[at] = segment if isinstance(segment, str) else segment.text
    return "".join(pieces)


def holds(condition: str, names: Names) -> bool:
    """Whether a condition such as `steps.probe.output.disks > 1` is true.

    Raises:
        Invalid: it does not compile, or uses a name that does not exist.
    """
    try:
        with bounded():
            value = _expression(condition)(names)
        return bool(value)
    except Exception as error:
        raise Invalid([Problem(message=f"the condition `{condition}` has no value: {_plain(error)}")]) from None


def check_condition(condition: str) -> str | None:
    """What is wrong with a condition's syntax, or None."""
    try:
        _expression(condition)
    except Exception as error:  # also what Python says of code that is too deep
        return f"is no condition: {_plain(error)}"
    return None


def check_text(text: str) -> str | None:
    """What is wrong with a text's Jinja2 syntax, or None."""
    problem = check_document(text)
    return None if problem is None else f"{problem.message} (line {problem.line or 1})"


def check_document(text: str, file: str | None = None) -> Problem | None:
    """What is wrong with a text's Jinja2 syntax, with its place, or None."""
    try:
        _template(_taken_out(parse(text)))
    except Exception as error:  # also what Python says of code that is too deep
        line, column = _place(error, text)
        return Problem(message=f"does not compile: {_plain(error)}", line=line, column=column, file=file)
    return None


_NO_SECRET = re.compile(r"'engine\.core\.secrets\.SecretScope object' has no attribute '([^']*)'")


def _plain(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    text = _NO_SECRET.sub(r"there is no secret \1", text)
    return text.replace("jinja2.utils.", "").replace("'engine.core.", "'")
