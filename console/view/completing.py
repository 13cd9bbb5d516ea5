"""What the word of a filter that is being typed may become: the names of the fields, and what stands in them. Pure."""

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from console.view import filtering

MOST = 50
_OPEN = re.compile(r'(?:[^\s"]|"[^"]*"?)*$')
_VALUE = re.compile(r'(!?)([a-z_]+(?:\.[^\s:=<>"]+)?)([:=])((?:[^,"]|"[^"]*"?|,)*,)?([^,]*)', re.IGNORECASE)
_TIMES = (">10m", ">1h", "<1h", filtering.NEVER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """What may stand in the place of the last word: `before` is what was typed before it, kept as it is."""

    before: str
    choices: tuple[str, ...] = ()

    def text(self, number: int) -> str:
        """The whole filter with one of the choices; they go round."""
        return f"{self.before}{self.choices[number % len(self.choices)]}"


def complete(text: str, known: Collection[str], values: Callable[[str], Iterable[str]]) -> Completion:
    """Complete the last word of a filter; `values` are those that a field has, the most usual first."""
    match = _OPEN.search(text)
    at = match.start() if match else len(text)
    before, word = text[:at], text[at:]
    in_field = _VALUE.fullmatch(word)
    if in_field is not None and filtering.is_known(in_field.group(2).lower(), known):
        inverse, field, how, others, begun = in_field.groups()
        return _values(f"{before}{inverse}{field}{how}{others or ''}", field.lower(), begun.lower(), values)
    inverse = "!" if word.startswith("!") else ""
    begun = word.removeprefix("!").lower()
    names = (f"{filtering.META}.", *_keys(values)) if begun.startswith(f"{filtering.META}.") else known
    fitting = tuple(f"{inverse}{name}:" for name in names if name.startswith(begun) and name[-1] != ".")
    return Completion(before=before, choices=fitting)


def _keys(values: Callable[[str], Iterable[str]]) -> Iterable[str]:
    """The names of the fields below `meta.`, from the lines of the one that holds them all."""
    lines = (line.partition("=")[0] for line in values(filtering.META))
    return (f"{filtering.META}.{name}" for name in dict.fromkeys(lines) if name)


def _values(before: str, field: str, begun: str, values: Callable[[str], Iterable[str]]) -> Completion:
    if field in filtering.MOMENTS:
        found: Iterable[str] = _TIMES
    else:
        found = values(field)
    begun = begun.replace('"', "")
    fitting = [value for value in found if value.startswith(begun)]
    fitting += [value for value in found if begun and begun in value and value not in fitting]
    return Completion(before=before, choices=tuple(_quoted(value) for value in fitting[:MOST]))


def _quoted(value: str) -> str:
    plain = value.replace('"', "")
    return f'"{plain}"' if re.search(r"[\s,]", plain) else plain
