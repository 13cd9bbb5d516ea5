"""Templates' texts with all that they include, read in one transaction to be checked outside of any.

A check may take a while and may run programs: first the texts are read, then they are checked in a thread, and only
then is anything written.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from engine.core.documents import Document, DocumentKind
from engine.core.findings import Finding, Findings, in_order, warning
from engine.core.includes import Included
from engine.core.placeholders import references
from engine.services.rendering import Known, included, lenient, lookup
from engine.store import documents
from engine.store.database import Database
from engine.store.tx import Tx
from engine.validators.templates import PLACEHOLDERS, SNIPPET, validate_text

_MOST_INCLUDERS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A template's text on its way to be checked, and the templates it includes."""

    type: str
    text: str
    name: str = ""
    tags: Sequence[str] = ()
    known: Known = field(default_factory=dict)

    async def findings(self) -> Findings:
        """What is wrong with it, with samples for its variables; off the event loop."""
        return await asyncio.to_thread(validate_text, self.type, self.text, self._find, name=self.name, tags=self.tags)

    def _find(self, name: str, reference: str | None) -> Included | None:
        return self.known.get((name, reference))


async def on_save(database: Database, saved: Subject, major: int) -> Findings:
    """What is to be said of a template that is about to have another current text, and of those that include it.

    Variables and includes that are wrong stop nothing here: what they name may be written later. Nor does what becomes
    wrong elsewhere, which may have been wrong before. `major` is that of the new version.
    """

    def work(tx: Tx) -> tuple[Subject, list[Subject], bool]:
        written = Included(name=saved.name, version="(new)", content=saved.text)
        own = {(saved.name, None): written, (saved.name, f"v{major}"): written}
        others = lenient(lookup(tx))

        def look(name: str, reference: str | None) -> Included | None:
            return own.get((name, reference)) or others(name, reference)

        above, more = _including(tx, saved.name)
        parts = [
            Subject(type=each.type, text=text, name=each.name, tags=each.tags, known=included(text, look))
            for each, text in above
        ]
        return replace(saved, known=included(saved.text, look)), parts, more

    subject, parts, more = await database.read(work)
    found = [each.as_warning() if each.validator == PLACEHOLDERS else each for each in await subject.findings()]
    for part in parts:
        found += [_elsewhere(each, part.name) for each in await part.findings() if each.is_error]
    if more:
        found.append(warning(f"more than {_MOST_INCLUDERS} templates include it; the others were not checked"))
    return in_order(found)


def _elsewhere(finding: Finding, name: str) -> Finding:
    return replace(finding.as_warning(), message=f"in {name}, which includes this: {finding.message}")


def _including(tx: Tx, name: str) -> tuple[list[tuple[Document, str]], bool]:
    """The templates in use whose current version includes a template, itself or by others, but are no parts; and
    whether there are more of them.
    """
    found: dict[str, tuple[Document, str]] = {}
    waiting = [name]
    while waiting and len(found) <= _MOST_INCLUDERS:
        wanted = waiting.pop()
        for document, text in documents.current_holding(tx, DocumentKind.TEMPLATE, f"${{include:{wanted}"):
            if document.name == name or document.name in found:
                continue
            if any(each.name == wanted for each in references(text).includes):
                found[document.name] = (document, text)
                waiting.append(document.name)
    return _whole(found)[:_MOST_INCLUDERS], len(found) > _MOST_INCLUDERS


def _whole(found: Mapping[str, tuple[Document, str]]) -> list[tuple[Document, str]]:
    return [each for each in found.values() if SNIPPET not in each[0].tags]
