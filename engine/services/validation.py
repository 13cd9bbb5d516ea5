"""Checks of templates that somebody asks for, and of those that a machine is about to get."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine.core import documents as core
from engine.core import samples
from engine.core.documents import Document, DocumentKind
from engine.core.findings import Findings, errors, in_order, of_problems, refusal
from engine.core.origins import Traced
from engine.core.rendering import MASK, Scopes
from engine.core.scopes import Surroundings
from engine.errors import Invalid, Problem
from engine.services import prepared
from engine.services.context import Context
from engine.services.texts import Subject, gather
from engine.store import documents, groups, nodes
from engine.store.tx import Tx
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
        known = await self._context.database.read(lambda tx: gather(text, prepared.lookup(tx)))
        return await Subject(type=type_, text=text, name=name, known=known).findings()

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
        if node is not None:
            return await self._for_node(reference, wanted, node, params)

        def work(tx: Tx) -> Subject:
            document = documents.get(tx, DocumentKind.TEMPLATE, reference)
            text = documents.version(tx, document, wanted).content
            known = gather(text, prepared.lookup(tx))
            return Subject(type=document.type, text=text, name=document.name, tags=document.tags, known=known)

        return await (await self._context.database.read(work)).findings()

    async def _for_node(
        self, reference: str, wanted: core.Reference, node: str, params: Mapping[str, Any] | None
    ) -> Findings:
        def work(tx: Tx) -> tuple[Rendition | None, Findings]:
            document = documents.get(tx, DocumentKind.TEMPLATE, reference)
            target = nodes.get(tx, node)
            group = groups.get(tx, target.group_id) if target.group_id else None
            around = Surroundings(node=target, group=group, server=self._context.server[0])
            return _rendition(tx, document, wanted, around, params)

        rendition, found = await self._context.database.read(work)
        if rendition is None:
            return found
        job = Job(type_=rendition.type, text=rendition.content, name=rendition.name)
        return in_order([*found, *rendition.place(await self._context.checks.check(job))])


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendition:
    """A template as one node gets it. `neutral` is the same with other values where no syntax looks at them."""

    name: str
    type: str
    content: str
    neutral: str = ""
    traced: Traced | None = None
    secrets: tuple[str, ...] = ()
    interpreter: str = ""
    version: core.Reference = core.LATEST

    @property
    def job(self) -> Job:
        """What has to be checked of it."""
        return Job(type_=self.type, text=self.neutral, name=self.name, interpreter=self.interpreter)

    def place(self, findings: Findings) -> Findings:
        """Findings in its text at the places where their lines were written, without the secrets in their words."""
        if self.traced is not None and self.traced.content == self.content:
            placed = located(findings, self.traced)
        else:
            placed = tuple(replace(each, file=f"{self.name} (rendered)") for each in findings)
        return tuple(replace(each, message=_masked(each.message, self.secrets)) for each in placed)


def _masked(text: str, secrets: tuple[str, ...]) -> str:
    for each in secrets:
        text = text.replace(each, MASK)
    return text


def _without_secrets(scopes: Scopes) -> Scopes:
    """For a preview: samples in the place of the secrets there are."""
    return {**scopes, "secret": {key: samples.guess(str(key)) for key in scopes.get("secret") or {}}}


def neutral(scopes: Scopes) -> Scopes:
    """The scopes with a value of the same form for each that tells machines apart."""
    return {
        name: {key: samples.neutral(f"{name}.{key}", value) for key, value in values.items()}
        for name, values in scopes.items()
    }


def _rendition(
    tx: Tx,
    document: Document,
    wanted: core.Reference,
    around: Surroundings,
    params: Mapping[str, Any] | None,
) -> tuple[Rendition | None, Findings]:
    """A template for a node that somebody asks about, and what cannot be filled in."""
    try:
        template = prepared.prepared(tx, document, wanted, around, params=params)
        rendered = template.render(shape=_without_secrets)
    except Invalid as error:
        problems = [replace(each, file=each.file or document.name) for each in error.problems]
        return None, of_problems(problems, "rendering")
    found = of_problems([each.problem() for each in rendered.unresolved], PLACEHOLDERS)
    traced = template.trace(_without_secrets)
    type_ = whole_type(document.type, document.tags)
    return Rendition(name=document.name, type=type_, content=rendered.content, traced=traced), found


def for_boot(tx: Tx, context: Context, reference: str, around: Surroundings, *, interpreter: str = "") -> Rendition:
    """A template (`name`, `name:v1.0`), complete, as a node is to get it.

    Raises:
        NotFound: there is no such template or version.
        Invalid: a variable has no value; each is named with its place.
    """
    name, _, version = reference.partition(":")
    document = documents.get(tx, DocumentKind.TEMPLATE, name)
    wanted = core.parse_reference(version)
    template = prepared.prepared(tx, document, wanted, around)
    rendered = template.render()
    if rendered.unresolved:
        raise Invalid([each.problem() for each in rendered.unresolved])
    other, type_ = "", whole_type(document.type, document.tags)
    if context.settings.templates.check_on_boot != "off" and Job(type_=type_, text="").is_needed:
        other = template.render(shape=neutral).content
    keys = [each.removeprefix("secret.") for each in rendered.used if each.startswith("secret.")]
    secrets = tuple(str(around.secrets[key]) for key in keys if around.secrets.get(key))
    return Rendition(
        name=document.name,
        type=type_,
        content=rendered.content,
        neutral=other,
        secrets=secrets,
        interpreter=interpreter,
        version=wanted,
    )


class NotChecked(Exception):
    """A text is to be served that was not checked yet. Check `job`, outside of any transaction, and ask again."""

    def __init__(self, job: Job) -> None:
        super().__init__("not checked yet")
        self.job = job


def flaw_of(tx: Tx, context: Context, rendition: Rendition, around: Surroundings) -> Invalid | None:
    """What is wrong with a text that a node is to get, if it gets it all the same because that is set so.

    Raises:
        NotChecked: it has to be checked first.
        Invalid: it has errors, and is not to be served so.
    """
    setting = context.settings.templates.check_on_boot
    if setting == "off":
        return None
    found = context.checks.known(rendition.job)
    if found is None:
        raise NotChecked(rendition.job)
    wrong = errors(found)
    if not wrong:
        return None
    document = documents.get(tx, DocumentKind.TEMPLATE, rendition.name)
    traced = prepared.prepared(tx, document, rendition.version, around).trace()
    placed = replace(rendition, traced=traced).place(wrong)
    advice = f" (template {rendition.name}; the setting templates.check_on_boot: warn would let it pass)"
    refused = refusal(placed, advice)
    if setting == "error":
        raise refused
    _log.warning("template %s is served with errors: %s", rendition.name, refused)
    return refused
