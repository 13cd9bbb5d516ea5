"""The texts of a pack's templates, checked by their types as saving them does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from engine.core.findings import Finding
from engine.core.includes import Included
from engine.core.pack_files import Entry
from engine.errors import Problem
from engine.packs.checks import Verdict
from engine.services.context import Context
from engine.services.rendering import Known, included, lenient, lookup
from engine.store.tx import Tx
from engine.validators.templates import PLACEHOLDERS, validate_text


@dataclass(frozen=True, slots=True)
class PackTexts:
    """Templates on their way into the store with all that they include, by path; `setting` is that of saving."""

    setting: str
    known: Mapping[str, Known]

    @classmethod
    async def read(cls, context: Context, entries: Sequence[Entry]) -> "PackTexts":
        """Read what templates include: of the pack as it is now, of others as the store has them."""
        setting = context.settings.templates.check_on_save
        own = {each.name: Included(name=each.name, version="(new)", content=each.content or "") for each in entries}

        def work(tx: Tx) -> dict[str, Known]:
            others = lenient(lookup(tx))

            def find(name: str, reference: str | None) -> Included | None:
                return own.get(name) or others(name, reference)

            return {each.path: included(each.content or "", find) for each in entries}

        return cls(setting, {} if setting == "off" or not entries else await context.database.read(work))

    def check(self, entry: Entry) -> Verdict:
        """What the check of a template's type finds. Blocks; pure but for the programs that checks run."""
        known = self.known.get(entry.path)
        if known is None:
            return Verdict()
        found = validate_text(
            str(entry.facts.get("type") or ""),
            entry.content or "",
            lambda name, reference: known.get((name, reference)),
            tags=tuple(entry.facts.get("tags") or ()),
        )
        told = [each for each in found if each.validator != PLACEHOLDERS]  # which are looked for in every text
        refused = [each for each in told if each.is_error and self.setting == "error"]
        return Verdict(
            errors=tuple(_own(each) for each in refused),
            warnings=tuple(_own(each) for each in told if each not in refused),
        )


def _own(finding: Finding) -> Problem:
    """A finding as one of the file; of one in what it includes, the place is in the words."""
    if not finding.file:
        return replace(finding, message=f"{finding.message} [{finding.validator}]")
    return Problem(message=f"{finding} [{finding.validator}]")
