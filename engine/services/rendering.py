"""Rendering in two halves: what a text needs is gathered in a transaction, and made into the text outside of it.

A large text, or one that is a program (Jinja2), may take longer than anybody else should wait: it is made in a thread.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine.core import documents as core
from engine.core import expressions, origins, rendering
from engine.core.documents import FILE_TYPES, Document, TemplateType, Version
from engine.core.includes import MAX_DEPTH, Included, Lookup
from engine.core.placeholders import Parsed, references
from engine.core.rendering import MASK, Rendered, Scopes
from engine.core.scopes import Surroundings, names, variables
from engine.core.secrets import masked_scope
from engine.errors import Invalid, NotFound
from engine.store import documents, packs
from engine.store.tx import Tx

LARGE = 64 * 1024
"""Characters of texts that are made into one in a thread."""


Known = Mapping[tuple[str, str | None], Included | None]
"""Templates that are included, by name and reference; None: there is no such template."""

Shape = Callable[[Scopes], Scopes]
"""Puts other values in the place of some."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """A version of a template with all that it includes."""

    document: Document
    version: Version
    included: Known

    @property
    def is_slow(self) -> bool:
        """Whether it may take a while."""
        size = len(self.version.content) + sum(len(each.content) for each in self.included.values() if each)
        return size > LARGE or self.is_program

    @property
    def is_program(self) -> bool:
        """Whether it is Jinja2."""
        return self.document.type == TemplateType.DOCUMENT.value

    def find(self, name: str, reference: str | None) -> Included | None:
        """What is included by a name and reference."""
        return self.included.get((name, reference))

    def scopes(self, around: Surroundings, params: Mapping[str, Any] | None = None) -> Scopes:
        """What its `${…}` stand for."""
        more = {} if params is None else {"params": params}
        return {**variables(around, self.its_names), **more}

    @property
    def its_names(self) -> dict[str, Any]:
        """The template's own names."""
        return {"id": self.document.id, "name": self.document.name, "version": self.version.version_string}

    def trace(self, around: Surroundings, shape: Shape, params: Mapping[str, Any] | None = None) -> origins.Traced:
        """The rendered text, which knows where its lines were written; of one that is no program."""
        values = origins.with_values(shape(self.scopes(around, params)))
        return origins.trace(self.version.content, values, include=self.find, name=self.document.name)


def refuse_file(document: Document) -> None:
    """Refuse to treat a file as a text.

    Raises:
        Invalid: the template is a file.
    """
    if document.type in FILE_TYPES:
        raise Invalid(
            f"template {document.name} is a file ({document.type}), no text: "
            "add one with `pureboot template add-file`, or upload it"
        )


def lookup(tx: Tx) -> Lookup:
    """Finds the templates that others include."""

    def find(name: str, reference: str | None) -> Included | None:
        try:
            document = documents.get(tx, core.DocumentKind.TEMPLATE, name)
            version = documents.version(tx, document, core.parse_reference(reference or "latest"))
        except NotFound:
            return None
        refuse_file(document)
        return Included(name=document.name, version=version.version_string, content=version.content)

    return find


def lenient(find: Lookup) -> Lookup:
    """The same, to which a file is nothing: who only checks a text leaves it to rendering to refuse one."""

    def found(name: str, reference: str | None) -> Included | None:
        try:
            return find(name, reference)
        except Invalid:
            return None

    return found


def included(text: str, find: Lookup) -> Known:
    """All that a text includes, as deep as includes may go.

    Raises:
        Invalid: it includes a file.
    """
    known: dict[tuple[str, str | None], Included | None] = {}
    texts = [text]
    for _ in range(MAX_DEPTH + 1):  # one more than may be, which is then found to be too deep
        wanted = {(each.name, each.reference) for text in texts for each in references(text).includes} - set(known)
        found = {key: find(*key) for key in wanted}
        known |= found
        texts = [each.content for each in found.values() if each is not None]
    return known


def gather(tx: Tx, reference: str, workflow_id: str) -> Material:
    """Read the template that a workflow means by `name`, `name:v1` or `name:v1.0`, and all that it includes.

    Raises:
        NotFound: there is no such template or version.
        Invalid: what stands for the version is none.
    """
    name, _, version = reference.partition(":")
    return gather_version(tx, packs.template_for(tx, workflow_id, name), core.parse_reference(version))


def gather_version(tx: Tx, document: Document, reference: core.Reference) -> Material:
    """Read a version of a template and all that it includes.

    Raises:
        NotFound: there is no such version.
        Invalid: it is a file, no text.
    """
    refuse_file(document)
    version = documents.version(tx, document, reference)
    return Material(document=document, version=version, included=included(version.content, lookup(tx)))


def make(
    material: Material,
    around: Surroundings,
    *,
    masked: bool = False,
    params: Mapping[str, Any] | None = None,
    shape: Shape | None = None,
) -> Rendered:
    """Render a template; one of type `document` is Jinja2 first. Pure, so it may run in a thread.

    With `masked` no secret gets into it by any way, nor the execution's token. `shape` may put other values in the
    place of `${…}`.

    Raises:
        Invalid: includes run in a circle or too deep, the text gets too large, or its Jinja2 fails.
    """
    document, version = material.document, material.version
    if masked:
        known = around.secrets
        around = replace(around, secrets=masked_scope(lambda name: name in known), token=around.token and MASK)
    scopes = material.scopes(around, params)
    text: str | Parsed = version.content
    if material.is_program:
        seen = {**names(around), "template": material.its_names, "params": scopes["params"]}
        text = expressions.document(version.content, seen, document.name)
    return rendering.render(
        text,
        scopes if shape is None else shape(scopes),
        include=material.find,
        name=document.name,
        type_=document.type,
        masked=masked,
    )


def complete(material: Material, around: Surroundings, *, masked: bool = False) -> str:
    """A text for a machine that uses it: nothing in it is left to resolve, and no value breaks it.

    Raises:
        Invalid: as `make`; or a variable has no value, or a value does not fit where it stands. Each is named.
    """
    rendered = make(material, around, masked=masked)
    if rendered.problems:
        raise Invalid(rendered.problems)
    return rendered.content


async def completed(material: Material, around: Surroundings, *, masked: bool = False) -> str:
    """As `complete`, without holding up the event loop."""
    if material.is_slow:
        return await asyncio.to_thread(complete, material, around, masked=masked)
    return complete(material, around, masked=masked)
