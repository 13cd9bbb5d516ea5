"""Secrets: values that templates and parameters name and nobody is shown."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

from engine.core.placeholders import references
from engine.core.redaction import LEAST, core_of
from engine.core.rendering import MASK, no_secret
from engine.errors import Invalid, Problem

MAX_VALUE = 64 * 1024
"""Bytes (UTF-8) of a value: enough for a chain of certificates."""

GOOD_LENGTH = 8

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*")
_LONGEST_NAME = 128
_TAKEN = frozenset({"get", "items", "keys", "values"})  # Jinja2 would take them for what every mapping has


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A secret as everybody may know it: without its value. `updated_by` is who set it last."""

    name: str
    created_at: datetime
    updated_at: datetime
    updated_by: str


def parse_secret_name(text: str) -> str:
    """Check the name of a secret: what can stand in `${secret.NAME}`.

    Raises:
        Invalid: it is none.
    """
    if not _NAME.fullmatch(text) or len(text) > _LONGEST_NAME:
        message = (
            f"{text[:140]!r} is no name of a secret: use A-Z, a-z, 0-9, '_' and '-', in parts with single '.' between "
            f"them, at most {_LONGEST_NAME}"
        )
        raise Invalid([Problem(path="name", message=message)])
    if text in _TAKEN:
        raise Invalid([Problem(path="name", message=f"{text!r} cannot be the name of a secret; take another")])
    return text


def check_value(value: str) -> str | None:
    """Refuse a value that could not be kept secret; gives a warning about one that is no good secret.

    Raises:
        Invalid: it is no text, too large, too short to be found in a text again, or contains the mask.
    """
    problem = None
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        size, problem = 0, "is not text in UTF-8; encode what is not text as base64"
    if size > MAX_VALUE:
        problem = f"has {size} bytes; a secret may have {MAX_VALUE}"
    elif "\0" in value:
        problem = "holds a NUL character; encode what is not text as base64"
    elif MASK in value:
        problem = f"contains {MASK}, which stands for what is masked; give the value itself"
    elif len(core_of(value)) < LEAST:
        problem = (
            f"must have at least {LEAST} characters, white space and * at its ends not counted: "
            "a shorter one could not be told from other text in a log"
        )
    if problem:
        raise Invalid([Problem(path="value", message=problem)])
    if len(core_of(value)) < GOOD_LENGTH:
        return f"it is short: wherever these characters stand in a log they are shown as {MASK}"
    return None


class SecretScope(Mapping[str, str]):
    """The `secret` scope: asks for a value only when its name is named, and cannot be listed."""

    __slots__ = ("_find",)

    def __init__(self, find: Callable[[str], str | None]) -> None:
        self._find = find

    def __getitem__(self, name: str) -> str:
        value = self._find(name)
        if value is None:
            raise KeyError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        return self._refuse()

    def __len__(self) -> int:
        return self._refuse()

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return "<secrets>"

    def _refuse(self) -> NoReturn:
        raise TypeError("secrets cannot be listed; name one, as in secret.password")


def masked_scope(has: Callable[[str], bool]) -> SecretScope:
    """The scope for a preview: the mask for each secret that exists."""
    return SecretScope(lambda name: MASK if has(name) else None)


def refusing_scope(reason: str) -> SecretScope:
    """The scope for what is stored: no secret may be named there."""

    def refuse(name: str) -> NoReturn:
        raise Invalid(f"secret.{name} cannot be named here: {reason}")

    return SecretScope(refuse)


def missing_secrets(text: str, has: Callable[[str], bool], *, file: str | None = None) -> list[Problem]:
    """The variables of a text that name secrets which do not exist and have no default, each with its place."""
    return [
        Problem(message=f"{each.text} {no_secret(each.key)}", line=each.line, column=each.column, file=file)
        for each in references(text).variables
        if each.namespace == "secret" and each.default is None and not has(each.key)
    ]
