"""The triggers: what starts workflows by itself, and when next."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from console.screens.confirm import Confirm
from console.screens.detailed import DetailedScreen
from console.view import trigger_lines
from console.view.filtering import Fields
from console.view.labels import Cell, Row
from console.view.listing import SortKey
from console.widgets.table import Table
from engine.core.page import EVERYTHING
from engine.core.triggers import Trigger

if TYPE_CHECKING:
    from console.pureboot import PureBoot
    from engine.services.firing import Firing


class TriggersScreen(DetailedScreen[Trigger]):
    """Every trigger."""

    CONTEXTS = ("triggers", "list")
    NAME = "triggers"
    COLUMNS = trigger_lines.COLUMNS
    FIELDS = trigger_lines.FIELDS
    SORTS = trigger_lines.SORTS
    SUBJECTS: ClassVar = ("trigger", "workflow")
    EMPTY = """Nothing starts by itself yet.

A trigger starts a workflow on a schedule, on a webhook, or when something happens:
  pureboot trigger add nightly --workflow burn-in --cron "0 3 * * *"
  pureboot trigger add new --workflow inventory --event node.discovered --node "{{ event.node_id }}\""""

    async def read(self, pureboot: "PureBoot") -> Mapping[str, Trigger]:
        """Every trigger, by its id."""
        found, _ = await pureboot.triggers.find(EVERYTHING)
        return {each.id: each for each in found}

    def row(self, value: Trigger, now: datetime) -> Row:
        """Its row."""
        return trigger_lines.row(value, now, self.app.symbols)

    def fields(self, value: Trigger) -> Fields:
        """What it is searched by."""
        return trigger_lines.fields(value)

    def sort_key(self, value: Trigger, sort: str) -> SortKey:
        """What it is sorted by."""
        return trigger_lines.sort_key(value, sort)

    def details(self, value: Trigger, now: datetime) -> Sequence[Cell]:
        """What it waits for, and its next times."""
        return trigger_lines.details(value, now, self.app.facts().server_url)

    # Keys

    def on_table_opened(self, event: Table.Opened) -> None:
        """Open what it started last."""
        trigger = self.listed[event.key]
        if trigger.last_execution_id is None:
            self.app.complain(f"{trigger.name} has started nothing yet")
        else:
            self.app.open_execution(trigger.last_execution_id)

    def action_pause(self) -> None:
        """Disable or enable it; that undoes itself by the same key, so nothing is asked."""
        if (trigger := self.chosen) is None:
            return
        word = "disabled" if trigger.enabled else "enabled"
        self.app.perform(
            lambda pureboot: pureboot.triggers.update(trigger.id, {"enabled": not trigger.enabled}, by=self.app.user),
            done=f"{trigger.name} is {word}",
        )

    def action_run(self) -> None:
        """Fire it now, after a question."""
        if (trigger := self.chosen) is None:
            return

        def said(firing: "Firing") -> str:
            if firing.execution is not None:
                return f"{trigger.name} started {firing.execution.workflow_name}"
            if firing.error is not None:
                self.app.complain(firing.error)
                return ""
            return f"{trigger.name} started nothing: its condition does not hold"

        def go(sure: bool | None) -> None:
            if sure:
                self.app.perform(lambda pureboot: pureboot.triggers.fire(trigger.id, by=self.app.user), done=said)

        question = Confirm(
            f"Fire {trigger.name} now?",
            [f"It starts {trigger.workflow}{f' on {trigger.node}' if trigger.node else ''}, if its condition holds."],
            yes="fire it",
            no="leave it",
        )
        self.app.push_screen(question, go)

    def action_delete(self) -> None:
        """Delete it, after a question."""
        if (trigger := self.chosen) is None:
            return

        def go(sure: bool | None) -> None:
            if sure:
                self.app.perform(
                    lambda pureboot: pureboot.triggers.delete(trigger.id, by=self.app.user),
                    done=f"{trigger.name} is deleted",
                )

        question = Confirm(
            f"Delete the trigger {trigger.name}?",
            ["It fires no more. What it has started goes on."],
            yes="delete it",
            no="keep it",
        )
        self.app.push_screen(question, go)
