"""Going about in the console: the tabs, the screen of an object, and one step back."""

from typing import TYPE_CHECKING, ClassVar

from console.places import PLACES
from console.screens.small import TooSmall, is_too_small
from console.typeahead import TypeAheadApp
from console.view.diff_lines import Mark
from engine.core.documents import DocumentKind

if TYPE_CHECKING:
    from textual import events

    from console.model import Model


class GoingApp(TypeAheadApp):
    """An app of tabs, with a screen for each kind of object."""

    MODES: ClassVar = {place.mode: place.make for place in PLACES}
    DEFAULT_MODE = "nodes"

    model: "Model"

    def complain(self, error: Exception | str) -> None:
        """Say what went wrong."""
        raise NotImplementedError

    async def action_show(self, mode: str) -> None:
        """Go to a tab; to its first screen if it is in front already."""
        if mode != self.current_mode:
            await self.switch_mode(mode)
        else:
            while len(self.screen_stack) > 1:
                await self.pop_screen()

    def open_node(self, node_id: str) -> None:
        """Show a node."""
        from console.screens.node import NodeScreen

        if node_id in self.model.nodes:
            self.push_screen(NodeScreen(node_id))
        else:
            self.complain("this node is not there any more")

    def open_execution(self, execution_id: str) -> None:
        """Show an execution."""
        from console.screens.execution import ExecutionScreen

        self.push_screen(ExecutionScreen(execution_id))

    def open_template(self, name: str) -> None:
        """Show a template."""
        from console.screens.template import TemplateScreen

        self.push_screen(TemplateScreen(name))

    def open_document(
        self, kind: DocumentKind, name: str, version: str | None = None, mark: Mark | None = None
    ) -> None:
        """Show a template's or workflow's versions, from one of them and a place in its text."""
        from console.screens.template import TemplateScreen
        from console.screens.workflow import WorkflowScreen

        made = TemplateScreen if kind is DocumentKind.TEMPLATE else WorkflowScreen
        self.push_screen(made(name, version, mark))

    def find_in(self, kind: DocumentKind) -> None:
        """Look for a text in all documents of a kind."""
        from console.screens.search import SearchScreen

        self.push_screen(SearchScreen(kind))

    async def open_workflow(self, name: str) -> None:
        """Show a workflow."""
        from console.screens.workflows import WorkflowsScreen

        await self.action_show("workflows")
        if isinstance(self.screen, WorkflowsScreen):
            self.screen.show_workflow(name)

    async def back(self) -> bool:
        """Leave the screen in front; False if it is the first of its tab."""
        if len(self.screen_stack) < 2:
            return False
        await self.pop_screen()
        return True

    def action_command_palette(self) -> None:
        """Type where to go, or what to do."""
        from console.screens.palette import Palette

        if not any(isinstance(each, Palette | TooSmall) for each in self.screen_stack):
            self.push_screen(Palette())

    def action_help(self) -> None:
        """Show the keys of the screen in front."""
        from console.screens.help import HelpScreen

        contexts = getattr(self.screen, "CONTEXTS", None)
        if contexts is not None:
            self.push_screen(HelpScreen(contexts, title=getattr(self.screen, "NAME", "")))

    def on_resize(self, event: "events.Resize") -> None:
        """Say so where the terminal is too small to show anything, and go on when it is not any more."""
        too_small = is_too_small(event.size)
        if too_small and not isinstance(self.screen, TooSmall):
            self.push_screen(TooSmall())
        elif not too_small and isinstance(self.screen, TooSmall):
            self.pop_screen()
