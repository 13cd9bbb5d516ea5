"""Checks of templates that somebody asks for, and of those that a machine is about to get."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine.core import documents as core
from engine.core import samples
from engine.core.findings import Findings, errors, in_order, of_problems, refusal
from engine.core.origins import Traced
from engine.core.redaction import Redactor, without_pieces
from engine.core.rendering import Rendered, Scopes
from engine.core.scopes import Surroundings
from engine.core.secrets import SecretScope
from engine.errors import Invalid, Problem
from engine.services import texts
from engine.services.context import Context
from engine.services.previews import previewed
from engine.services.rendering import Material, Shape, included, lenient, lookup, make
from engine.validators import registry
from engine.validators.checks import Job
from engine.validators.templates import PLACEHOLDERS, located, whole_type

_log = logging.getLogger(__name__)


class Validation:
    """Checks of templates; nothing is changed."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def text(self, type_: str, text: str, *, name: str = "") -> Findings:
        """What is wrong with a text that is no template (yet); it may include templates.

        Raises:
            Invalid: there is no such type, or it is no text.
        """
        if type_ not in registry.TYPES:
            message = f"{type_!r} is no type; one of {', '.join(registry.TYPES)}"
            raise Invalid([Problem(path="type", message=message)])
        core.check_content(text)
        known = await self._context.database.read(lambda tx: included(text, lenient(lookup(tx))))
        return await texts.Subject(type=type_, text=text, name=name, known=known).findings()

    async def template(
        self,
        reference: str,
        *,
        version: str = "latest",
        node: str | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> Findings:
        """What is wrong with a version of a template: with samples for its variables, or as a node would get it.

        Raises:
            NotFound: there is no such template, version or node.
            Invalid: `version` is none.
        """
        wanted = core.parse_reference(version)
        material, around = await self._context.database.read(
            lambda tx: previewed(self._context, tx, reference, wanted, node)
        )
        if node is not None:
            return await self._for_node(material, around, params)
        document, text = material.document, material.version.content
        known = material.included
        subject = texts.Subject(type=document.type, text=text, name=document.name, tags=document.tags, known=known)
        return await subject.findings()

    async def _for_node(self, material: Material, around: Surroundings, params: Mapping[str, Any] | None) -> Findings:
        name = material.document.name
        try:
            rendered = await asyncio.to_thread(make, material, around, params=params, shape=_with_samples)
        except Invalid as error:
            problems = [replace(each, file=each.file or name) for each in error.problems]
            return of_problems(problems, "rendering")
        found = of_problems(rendered.problems, PLACEHOLDERS)
        type_ = whole_type(material.document.type, material.document.tags)
        job = Job(type_=type_, text=rendered.content, name=name)
        checked = await self._context.checks.check(job)
        if checked:
            checked = _placed(checked, rendered, _traced(material, around, _with_samples, params), name)
        return in_order([*found, *checked])


def _with_samples(scopes: Scopes) -> Scopes:
    """For a preview: samples in the place of the secrets there are."""
    known = scopes.get("secret") or {}
    return {**scopes, "secret": SecretScope(lambda name: samples.guess(name) if name in known else None)}


def _neutral(scopes: Scopes) -> Scopes:
    """The scopes with a value of the same form for each that tells machines apart."""
    return {
        name: values
        if name == "secret"
        else {key: samples.neutral(f"{name}.{key}", value) for key, value in values.items()}
        for name, values in scopes.items()
    }


def _as_they_are(scopes: Scopes) -> Scopes:
    return scopes


def _traced(
    material: Material, around: Surroundings, shape: Shape, params: Mapping[str, Any] | None = None
) -> Traced | None:
    return None if material.is_program else material.trace(around, shape, params)


def _placed(findings: Findings, rendered: Rendered, traced: Traced | None, name: str = "") -> Findings:
    """Findings in a rendered text at the places where their lines were written."""
    if traced is not None and traced.content == rendered.content:
        return located(findings, traced)
    return tuple(replace(each, file=f"{name} (rendered)".lstrip()) for each in findings)


class NotChecked(Exception):
    """A text is to be served that was not checked yet. Check `job`, outside of any transaction, and ask again."""

    def __init__(self, job: Job) -> None:
        super().__init__("not checked yet")
        self.job = job


@dataclass(frozen=True, slots=True)
class Served:
    """A template that a machine is about to get, for a script with what it is run with."""

    material: Material
    around: Surroundings
    interpreter: str = ""

    async def checked(self, context: Context) -> tuple[str, Invalid | None]:
        """The text, complete, and what is wrong with it if it is served all the same because that is set so.

        Raises:
            Invalid: a variable has no value, or a value or the text itself is wrong; each is named with its place.
        """
        if self.material.is_slow:
            rendered, job = await asyncio.to_thread(self._made, context)
        else:
            rendered, job = self._made(context)
        if job is None:
            return rendered.content, None
        return rendered.content, self._flaw(context, rendered, await context.checks.check(job))

    def known(self, context: Context) -> tuple[str, Invalid | None]:
        """As `checked`, for use in a transaction.

        Raises:
            NotChecked: it has to be checked first.
            Invalid: as `checked`.
        """
        rendered, job = self._made(context)
        if job is None:
            return rendered.content, None
        found = context.checks.known(job)
        if found is None:
            raise NotChecked(job)
        return rendered.content, self._flaw(context, rendered, found)

    def _made(self, context: Context) -> tuple[Rendered, Job | None]:
        """The text, and what of it is to be checked: with other values where no syntax looks at them."""
        rendered = make(self.material, self.around)
        if rendered.problems:
            raise Invalid(rendered.problems)
        document = self.material.document
        type_ = whole_type(document.type, document.tags)
        job = Job(type_=type_, text="", name=document.name, interpreter=self.interpreter)
        if context.settings.templates.check_on_boot == "off" or not job.is_needed:
            return rendered, None
        return rendered, replace(job, text=make(self.material, self.around, shape=_neutral).content)

    def _flaw(self, context: Context, rendered: Rendered, found: Findings) -> Invalid | None:
        wrong = errors(found)
        if not wrong:
            return None
        name = self.material.document.name
        placed = _placed(wrong, rendered, _traced(self.material, self.around, _as_they_are), name)
        refused = refusal(
            self._masked(rendered, placed),
            f" (template {name}; the setting templates.check_on_boot: warn would let it pass)",
        )
        if context.settings.templates.check_on_boot == "error":
            raise refused
        _log.warning("template %s is served with errors: %s", name, refused)
        return refused

    def _masked(self, rendered: Rendered, findings: Findings) -> Findings:
        """Findings without the secrets in their words."""
        keys = [each.removeprefix("secret.") for each in rendered.used if each.startswith("secret.")]
        values = [value for key in keys if (value := self.around.secrets.get(key))]
        if not values:
            return findings
        redactor = Redactor(values)
        return tuple(replace(each, message=without_pieces(redactor.text(each.message), values)) for each in findings)
