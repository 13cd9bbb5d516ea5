"""What a console knows of itself among others: whether it may change anything, where its store is, who else looks."""

from typing import TYPE_CHECKING, Any

from console.guarded import READ_ONLY, is_refused
from console.leaving import LeavingApp
from console.places import PLACES
from console.presence import Presence

if TYPE_CHECKING:
    from textual.actions import ActionParseResult
    from textual.dom import DOMNode

_NAMES = {place.mode: place.name for place in PLACES}


class AttendingApp(LeavingApp):
    """An app that others may see, and that may have to keep its hands off."""

    user: str
    read_only: bool = False
    remote: str = ""
    presence: Presence | None = None

    def become(self, *, user: str, read_only: bool, remote: str) -> None:
        """Be somebody else: the one whose token it is, on a PureBoot far away (`remote` is where)."""
        self.user = user
        self.read_only = self.read_only or read_only
        self.remote = remote

    async def run_action(
        self,
        action: "str | ActionParseResult",
        default_namespace: "DOMNode | None" = None,
        namespaces: Any = None,
    ) -> bool:
        """As Textual does it, but a read-only console says of a key that would change something that it does not."""
        name = action if isinstance(action, str) else action[1]
        if self.read_only and is_refused(name):
            self.complain(READ_ONLY)
            return True
        return await super().run_action(action, default_namespace, namespaces)

    def looks_at(self) -> str:
        """What this console shows, in a few words."""
        if not self.screen_stack:
            return ""
        shown = self.screen
        name = getattr(shown, "NAME", "") or _NAMES.get(self.current_mode, "").lower()
        return " ".join(part for part in (name, self._subject(shown)) if part)

    def _subject(self, shown: object) -> str:
        """What the screen in front is about, if it is about one thing."""
        node = self.model.nodes.get(getattr(shown, "node_id", ""))
        if node is not None:
            return node.name
        execution = self.model.executions.get(getattr(shown, "execution_id", ""))
        if execution is not None:
            on = self.model.node_of(execution)
            return execution.workflow_name + (f" on {on.name}" if on else "")
        return str(getattr(shown, "template_name", ""))

    def action_who(self) -> None:
        """Show who else has a console open."""
        from console.screens.who import WhoScreen

        if not isinstance(self.screen, WhoScreen):
            self.push_screen(WhoScreen())
