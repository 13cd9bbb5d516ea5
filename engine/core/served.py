"""The texts that machines are served because of some uses, rendered for one of them with what is in a library.

A library here has two sides, before and after a change; a side finds templates as rendering asks for them. One text
with the same values is rendered once. Secrets stand in the texts as marks by name, so that another secret is another
text; `shown` masks them.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.core import expressions, rendering
from engine.core.documents import DocumentKind, TemplateType
from engine.core.includes import Included
from engine.core.placeholders import Parsed, Variable, references
from engine.core.usage import SERVED, Catalogue, Key
from engine.core.uses import How, Use
from engine.core.values import Scopes, as_text, find
from engine.errors import Invalid

BUDGET = 256 * 1024 * 1024
"""How many bytes are rendered for one answer."""

_SECRET = re.compile("\ue000([^\ue001]*)\ue001")


@dataclass(frozen=True, slots=True)
class Piece:
    """A text that leaves as a whole: a template by name and reference, or (`text`) the parameter of a step."""

    title: str
    use: Use
    text: str | None = None

    @property
    def key(self) -> tuple[str | None, ...]:
        """What makes it this one, whoever names it."""
        return self.use.name, self.use.reference, self.text


def pieces(catalogue: Catalogue, starts: Iterable[Use]) -> dict[str, Piece]:
    """What is served because of some uses, by title: at once, and because of what is served and started then."""
    found: dict[str, Piece] = {}
    listed = list(starts)
    listed += [use for key in catalogue.reach(listed) for use in catalogue.uses.get(key, ())]
    for use in listed:
        if use.kind is not DocumentKind.TEMPLATE or use.name is None:
            continue
        if use.how in SERVED:
            title = ":".join(filter(None, (use.name, use.reference)))
            found.setdefault(title, Piece(title, use))
        elif use.step is not None:
            title = f"{use.step}: {use.path.removeprefix('with.')} {use.text}"
            found.setdefault(title, Piece(title, use, use.text))
    return found


def parts(catalogue: Catalogue, piece: Piece) -> frozenset[Key]:
    """The versions whose texts are in a piece: it itself, and all that it includes."""
    found: set[Key] = set()
    waiting = [piece.use]
    for use in waiting:
        key = catalogue.target(use)
        if key is not None and key not in found:
            found.add(key)
            waiting += [each for each in catalogue.uses.get(key, ()) if each.how is How.INCLUDE]
    return frozenset(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """What became of a piece: a digest of its text (None: there is none), and what is wrong with it: sentences with
    places by what it is, which is the same wherever it stands. `text` only where it was asked for.
    """

    digest: bytes | None
    problems: Mapping[str, str] = field(default_factory=dict)
    text: str | None = None


@dataclass(slots=True, kw_only=True)
class Side:
    """What there is to render from; `texts` are those of all versions that may be asked for."""

    catalogue: Catalogue
    texts: Mapping[Key, str]
    spent: int = 0
    _inputs: dict[tuple[str | None, ...], tuple[Variable, ...] | None] = field(default_factory=dict)
    _done: dict[tuple[tuple[str | None, ...], tuple[str, ...]], Rendering] = field(default_factory=dict)

    def render(self, piece: Piece, scopes: Scopes, names: Mapping[str, Any], *, keep: bool = False) -> Rendering:
        """Render a piece; the same values give the same without doing it again."""
        inputs = self._inputs_of(piece)
        if inputs is None or keep:
            return self._render(piece, scopes, names, keep=keep)
        values = tuple("\0" if (value := find(scopes, each)) is None else as_text(value) for each in inputs)
        known = self._done.get((piece.key, values))
        if known is None:
            known = self._done[piece.key, values] = self._render(piece, scopes, names, keep=False)
        return known

    def _inputs_of(self, piece: Piece) -> tuple[Variable, ...] | None:
        """The variables that a piece depends on; None if it is Jinja2, which may look at anything."""
        if piece.key not in self._inputs:
            found: dict[str, Variable] = {}
            keys = parts(self.catalogue, piece)
            for text in [piece.text or "", *(self.texts[key] for key in keys if key in self.texts)]:
                found |= {each.name: each for each in references(text).variables if each.namespace != "template"}
            is_jinja = piece.text is None and self._type(piece) == TemplateType.DOCUMENT
            self._inputs[piece.key] = None if is_jinja else tuple(found.values())
        return self._inputs[piece.key]

    def _type(self, piece: Piece) -> str:
        volume = self.catalogue.volumes.get((DocumentKind.TEMPLATE, piece.use.name or ""))
        return volume.type if volume is not None else ""

    def _render(self, piece: Piece, scopes: Scopes, names: Mapping[str, Any], *, keep: bool) -> Rendering:
        key = self.catalogue.target(piece.use)
        if key is None or key not in self.texts:
            return Rendering(digest=None, problems={piece.title: f"there is no template {piece.title}"})
        template = {"id": self.catalogue.volumes[key.kind, key.name].id, "name": key.name, "version": key.version}
        text = self.texts[key] if piece.text is None else piece.text
        try:
            type_ = self._type(piece) if piece.text is None else ""
            source: str | Parsed = text
            if type_ == TemplateType.DOCUMENT:
                source = expressions.document(text, {**names, "template": template}, key.name)
            name = key.name if piece.text is None else ""
            known = {**scopes, "template": template}
            done = rendering.render(source, known, include=self._find, name=name, type_=type_)
        except Invalid as error:
            self.spent += len(text)
            return Rendering(digest=None, problems={each.message: str(each) for each in error.problems})
        self.spent += len(done.content)
        digest = hashlib.blake2b(done.content.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        problems = {each.name: str(each.problem()) for each in reversed(done.hazards)}
        problems |= {each.name: str(each.problem()) for each in reversed(done.unresolved)}
        return Rendering(digest=digest, problems=problems, text=done.content if keep else None)

    def _find(self, name: str, reference: str | None) -> Included | None:
        volume = self.catalogue.volumes.get((DocumentKind.TEMPLATE, name))
        version = volume.find(reference) if volume is not None else None
        key = Key(DocumentKind.TEMPLATE, name, version or "")
        return Included(name=name, version=key.version, content=self.texts[key]) if key in self.texts else None


def marked(secrets: Iterable[str]) -> dict[str, str]:
    """What stands for secrets in rendered texts."""
    return {name: f"\ue000{name}\ue001" for name in secrets}


def shown(text: str) -> str:
    """A rendered text with its secrets masked; their names tell one from another."""
    return _SECRET.sub(lambda match: f"{rendering.MASK}(secret.{match[1]})", text)
