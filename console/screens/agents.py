"""The remote agents: who performs steps elsewhere, and how they are."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from console.screens.confirm import Confirm
from console.screens.detailed import DetailedScreen
from console.view import agent_lines
from console.view.filtering import Fields
from console.view.labels import Cell, Row
from console.view.listing import SortKey
from console.widgets.table import Table
from engine.core.agents import Agent
from engine.core.page import EVERYTHING

if TYPE_CHECKING:
    from console.pureboot import PureBoot
    from engine.services.agents import Health

_EVERY_SECONDS = 10


class AgentsScreen(DetailedScreen[Agent]):
    """Every agent, those that are not well first."""

    CONTEXTS = ("agents", "list")
    NAME = "agents"
    COLUMNS = agent_lines.COLUMNS
    FIELDS = agent_lines.FIELDS
    SORTS = agent_lines.SORTS
    SUBJECTS: ClassVar = ("agent",)
    EMPTY = """No remote agent is registered yet.

An agent is a program with a URL that performs steps (agent.call), at once or by a callback:
  pureboot agent add burner https://burner.example/do --auth-type bearer --auth token=-"""
    _ticks = 0

    async def read(self, pureboot: "PureBoot") -> Mapping[str, Agent]:
        """Every agent, by its id."""
        found, _ = await pureboot.agents.find(EVERYTHING)
        return {each.id: each for each in found}

    def row(self, value: Agent, now: datetime) -> Row:
        """Its row."""
        return agent_lines.row(value, now, self.app.symbols)

    def fields(self, value: Agent) -> Fields:
        """What it is searched by."""
        return agent_lines.fields(value)

    def sort_key(self, value: Agent, sort: str) -> SortKey:
        """What it is sorted by."""
        return agent_lines.sort_key(value, sort)

    def details(self, value: Agent, now: datetime) -> Sequence[Cell]:
        """How it is reached, and how it was."""
        return agent_lines.details(value, now)

    def ticked(self) -> None:
        """A look that finds what it found before is no event."""
        super().ticked()
        self._ticks += 1
        if self._ticks % _EVERY_SECONDS == 0:
            self.read_again()

    # Keys

    def on_table_opened(self, _event: Table.Opened) -> None:
        """Look at it now."""
        self.action_run()

    def action_run(self) -> None:
        """Look at it now: ask how it is."""
        if (agent := self.chosen) is None:
            return

        def said(found: "Health") -> str:
            self.read_again()
            if found.error:
                self.app.complain(f"{found.agent} is {found.status}: {found.error}")
                return ""
            return f"{found.agent} is well, it answered in {(found.seconds or 0) * 1000:.0f} ms"

        self.app.perform(lambda pureboot: pureboot.agents.check(agent.id), done=said)

    def action_delete(self) -> None:
        """Delete it, after a question."""
        if (agent := self.chosen) is None:
            return

        def go(sure: bool | None) -> None:
            if sure:
                self.app.perform(
                    lambda pureboot: pureboot.agents.delete(agent.id, by=self.app.user), done=f"{agent.name} is deleted"
                )

        lines = ["Steps that name it fail from now on. What it was given it may still report."]
        self.app.push_screen(Confirm(f"Delete the agent {agent.name}?", lines, yes="delete it", no="keep it"), go)
