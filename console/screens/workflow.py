"""One workflow: its versions, the text of one, and what changed between two, in its meaning and in words."""

import asyncio

from console.screens.template import TemplateScreen
from console.view import template_lines
from console.view.labels import Cell
from engine.core import sources, workflow_diff, workflow_file
from engine.core.documents import DocumentKind, Version
from engine.errors import Invalid

_SENTENCES = 8
_FEW = 4


class WorkflowScreen(TemplateScreen):
    """As a template's screen, with sentences above a diff."""

    CONTEXTS = ("workflow", "list")
    NAME = "one workflow"
    KIND = DocumentKind.WORKFLOW

    async def meaning(self, left: Version, right: Version) -> list[Cell]:
        """What two versions mean differently; nothing if one of them does not read any more."""

        def changes() -> tuple[workflow_diff.Change, ...]:
            before, after = (workflow_file.parse(sources.read_one(each.content)) for each in (left, right))
            return workflow_diff.changes(before, after)

        try:
            found = await asyncio.to_thread(changes)
        except Invalid:
            return []
        most = _FEW if self.has_class("-short") else _SENTENCES
        return template_lines.sentences([each.text for each in found], most, self.app.symbols)
