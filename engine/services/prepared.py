"""Templates rendered in a transaction: what their texts, values and includes are."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from engine.core import documents as core
from engine.core import expressions, origins, rendering
from engine.core.documents import Document, DocumentKind, TemplateType
from engine.core.includes import Included, Lookup
from engine.core.rendering import Rendered, Scopes
from engine.core.scopes import Surroundings, names, variables
from engine.errors import NotFound
from engine.store import documents
from engine.store.tx import Tx


def lookup(tx: Tx) -> Lookup:
    """Finds the templates that others include."""

    def find(name: str, reference: str | None) -> Included | None:
        try:
            document = documents.get(tx, DocumentKind.TEMPLATE, name)
            version = documents.version(tx, document, core.parse_reference(reference or "latest"))
        except NotFound:
            return None
        return Included(name=document.name, version=version.version_string, content=version.content)

    return find


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A version of a template with all that it is rendered from; what it includes is read once."""

    name: str
    text: str
    scopes: Scopes
    include: Lookup

    def render(self, *, masked: bool = False, shape: Callable[[Scopes], Scopes] | None = None) -> Rendered:
        """The rendered text. `shape` may put other values in."""
        scopes = self.scopes if shape is None else shape(self.scopes)
        return rendering.render(self.text, scopes, include=self.include, name=self.name, masked=masked)

    def trace(self, shape: Callable[[Scopes], Scopes] | None = None) -> origins.Traced:
        """The same text, which knows where its lines were written."""
        scopes = self.scopes if shape is None else shape(self.scopes)
        return origins.trace(self.text, origins.with_values(scopes), include=self.include, name=self.name)


def prepared(
    tx: Tx,
    document: Document,
    reference: core.Reference,
    around: Surroundings,
    *,
    params: Mapping[str, Any] | None = None,
) -> Prepared:
    """A version of a template, ready to be rendered; one of type `document` is Jinja2 first.

    Raises:
        NotFound: there is no such version.
        Invalid: its Jinja2 fails.
    """
    version = documents.version(tx, document, reference)
    template = {"id": document.id, "name": document.name, "version": version.version_string}
    text = version.content
    scopes = dict(variables(around, template))
    if params is not None:
        scopes["params"] = params
    if document.type == TemplateType.DOCUMENT.value:
        text = str(expressions.fill(text, {**names(around), "template": template}, document.name))
    return Prepared(name=document.name, text=text, scopes=scopes, include=cache(lookup(tx)))


def render(
    tx: Tx,
    document: Document,
    reference: core.Reference,
    around: Surroundings,
    *,
    masked: bool = False,
    params: Mapping[str, Any] | None = None,
) -> Rendered:
    """Render a version of a template.

    Raises:
        NotFound: there is no such version.
        Invalid: includes run in a circle or too deep, the text gets too large, or its Jinja2 fails.
    """
    return prepared(tx, document, reference, around, params=params).render(masked=masked)
