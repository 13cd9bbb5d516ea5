"""What could come next in a text that is being written: a pure function of the text, the cursor and what there is."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from console.view import workflow_words as words
from console.view.yaml_place import ITEM, Place, keys_below, place_at, values
from engine.core.documents import DocumentKind
from engine.core.editing import ActionWords, Word
from engine.core.placeholders import NAMESPACES

MOST = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What can be named: actions with their parameters, templates, workflows, secrets, keys of metadata."""

    actions: Mapping[str, ActionWords] = field(default_factory=dict)
    templates: Sequence[str] = ()
    workflows: Sequence[str] = ()
    secrets: Sequence[str] = ()
    meta: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What could be written; `hint` says what it is, `end` is put behind it."""

    text: str
    hint: str = ""
    end: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """Candidates for what stands from column `start` to the cursor: `written`."""

    start: int = 0
    written: str = ""
    candidates: tuple[Candidate, ...] = ()


NOTHING = Completion()

_PLACEHOLDER = re.compile(r"(?<!\$)\$\{((?:[a-z]+:)?)([\w.-]*)$")
_INCLUDE = re.compile(r"(?<!\$)\$\{include:([\w./-]*)$")
_EXPRESSION = re.compile(r"(?:^|[^\w.])([A-Za-z_][\w.-]*|)$")
_TEMPLATE = re.compile(r"(?:^|[\s{,])template:\s*[\"']?([\w./-]*)$")
_NAMES = ("trigger", "params", "node", "group", "steps", "execution", "workflow", "meta", "secret", "server")
_ATTEMPT = ("output", "status", "error", "message", "attempt")


def complete(lines: Sequence[str], row: int, column: int, kind: DocumentKind, known: Known) -> Completion:
    """What could stand at a cursor (row and column count from 0), best first; nothing if nobody can know."""
    before = lines[row][:column]
    if before.lstrip().startswith("#") and "${" not in before:
        return NOTHING
    if (match := _INCLUDE.search(before)) is not None:
        return _fitting(match[1], match.start(1), (Candidate(text=each, end="}") for each in known.templates))
    if (match := _PLACEHOLDER.search(before)) is not None:
        return _placeholder(match[2], match.start(2), lines, kind, known)
    opened = max(before.rfind("{{"), before.rfind("{%"))
    if opened >= 0 and opened > max(before.rfind("}}"), before.rfind("%}")):
        return _expression(before, opened + 2, lines, known)
    if kind is DocumentKind.TEMPLATE:
        return NOTHING
    return _workflow(lines, row, column, known)


def _fitting(written: str, start: int, offered: Iterable[Candidate]) -> Completion:
    """Those that begin with what is written, then those that have it within; none if it is written out."""
    wanted = written.lower()
    ranked: list[list[Candidate]] = [[], []]
    for each in offered:
        at = each.text.lower().find(wanted)
        if at >= 0 and each.text != written:
            ranked[at > 0].append(each)
    return Completion(start=start, written=written, candidates=tuple([*ranked[0], *ranked[1]][:MOST]))


# Names in placeholders and expressions


def _placeholder(written: str, start: int, lines: Sequence[str], kind: DocumentKind, known: Known) -> Completion:
    namespace, dot, key = written.partition(".")
    if not dot:
        offered = [Candidate(text=f"{name}.", hint=_hint(name)) for name in NAMESPACES]
        offered.append(Candidate(text="include:", hint="the text of another template"))
        return _fitting(written, start, offered)
    named = NAMESPACES.get(namespace, ()) or _own(namespace, lines, kind, known)
    return _fitting(key, start + len(namespace) + 1, (Candidate(text=each, end="}") for each in named))


def _own(namespace: str, lines: Sequence[str], kind: DocumentKind, known: Known) -> Sequence[str]:
    if namespace == "params":
        return keys_below(lines, "params") if kind is DocumentKind.WORKFLOW else ()
    return {"secret": known.secrets, "meta": known.meta}.get(namespace, ())


def _hint(namespace: str) -> str:
    keys = NAMESPACES[namespace]
    return " ".join(keys[:4]) if keys else {"meta": "metadata", "secret": "a secret", "params": "inputs"}[namespace]


def _expression(before: str, opened: int, lines: Sequence[str], known: Known) -> Completion:
    match = _EXPRESSION.search(before, max(0, opened - 1))
    if match is None:
        return NOTHING
    *path, last = match[1].split(".")
    start = match.start(1) + len(match[1]) - len(last)
    offered: Iterable[str] = ()
    if not path:
        offered = _NAMES
    elif path == ["steps"]:
        offered = _steps(lines)
    elif path[0] == "steps" and len(path) == 2:
        offered = _ATTEMPT
    elif len(path) == 1:
        offered = NAMESPACES.get(path[0]) or _own(path[0], lines, DocumentKind.WORKFLOW, known)
    return _fitting(last, start, (Candidate(text=each) for each in offered))


# Keys and values of workflows


def _steps(lines: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(values(lines, "key")))


def _workflow(lines: Sequence[str], row: int, column: int, known: Known) -> Completion:
    place = place_at(lines, row, column)
    if (match := _TEMPLATE.search(lines[row][:column])) is not None and "with" in place.path:
        return _fitting(match[1], match.start(1), (Candidate(text=each) for each in known.templates))
    if place.key:
        if place.path and place.key == "if" and place.path[-1] == ITEM:
            return _expression(lines[row][:column], place.begins, lines, known)
        written = place.written.strip("\"'")
        return _fitting(written, column - len(written), _values(place, lines, known))
    return _fitting(place.written, place.begins, _keys(place, lines, known))


def _keys(place: Place, lines: Sequence[str], known: Known) -> Iterator[Candidate]:
    taken = set(_siblings(place, lines))
    for word in _words(place, lines, known):
        if word.name not in taken or word.name == place.written:
            yield Candidate(text=word.name, hint=word.hint, end=": ")


def _words(place: Place, lines: Sequence[str], known: Known) -> Sequence[Word]:
    path = place.path
    if path[:3] == ("steps", ITEM, "with"):
        action = known.actions.get(_action(place, lines))
        return action.parameters if action is not None and len(path) == 3 else ()
    if len(path) == 2 and path[0] == "params":
        return words.PARAM
    return words.KEYS.get(path, ())


def _siblings(place: Place, lines: Sequence[str]) -> Iterator[str]:
    """The keys that stand beside the cursor already, as far as that is plain: in the same item, or at the top."""
    if place.path == ("steps", ITEM):
        dash = lines[place.first].find("-")
        for line in lines[place.first : place.last + 1]:
            text = line[dash + 1 :].lstrip()
            if len(line) - len(text) == dash + 2 or (line[:dash].strip() == "" and line[dash : dash + 1] == "-"):
                yield text.partition(":")[0]
    elif not place.path:
        yield from (line.partition(":")[0] for line in lines if line[:1].isalpha() and ":" in line)


def _action(place: Place, lines: Sequence[str]) -> str:
    return next(iter(values(lines[place.first : place.last + 1], "action")), "")


def _values(place: Place, lines: Sequence[str], known: Known) -> Iterator[Candidate]:
    path, key = place.path, place.key
    if path == ("steps", ITEM) and key == "action":
        yield from (Candidate(text=name, hint=each.summary) for name, each in sorted(known.actions.items()))
    elif (path, key) in words.STEPS:
        yield from (Candidate(text=each, hint=hint) for each, hint in words.STEPS[path, key])
        own = _own_key(place, lines)
        yield from (Candidate(text=each, hint="a step") for each in _steps(lines) if each != own)
    elif path[:3] == ("steps", ITEM, "with") and len(path) == 3:
        yield from _of_parameter(key, place, lines, known)
    else:
        found = words.VALUES.get((path, key)) or (words.PARAM_VALUES.get(key, ()) if path[:1] == ("params",) else ())
        yield from (Candidate(text=each) for each in found)


def _own_key(place: Place, lines: Sequence[str]) -> str:
    return next(iter(values(lines[place.first : place.last + 1], "key")), "")


def _of_parameter(name: str, place: Place, lines: Sequence[str], known: Known) -> Iterator[Candidate]:
    action = _action(place, lines)
    if name == "template":
        yield from (Candidate(text=each) for each in known.templates)
    elif name == "workflow" and action == "core.workflow":
        yield from (Candidate(text=each) for each in known.workflows)
    else:
        parameters = known.actions[action].parameters if action in known.actions else ()
        yield from (Candidate(text=value) for each in parameters if each.name == name for value in each.values)
