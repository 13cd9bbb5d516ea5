"""Going about in the console: the tabs, the screen of an object, and one step back."""

from typing import TYPE_CHECKING, Any, ClassVar

from console.jumping import JumpingApp
from console.places import PLACES
from console.screens.small import TooSmall, is_too_small
from console.view.diff_lines import Mark
from engine.core.documents import DocumentKind
from engine.core.page import Page

if TYPE_CHECKING:
    from textual import events

    from console.model import Model
    from console.offers import Offers
    from console.pureboot import PureBoot


class GoingApp(JumpingApp):
    """An app of tabs, with a screen for each kind of object."""

    MODES: ClassVar = {place.mode: place.make for place in PLACES}
    DEFAULT_MODE = "nodes"

    model: "Model"

    @property
    def pureboot(self) -> "PureBoot":
        """The open store."""
        raise NotImplementedError

    _offers: "Offers | None" = None

    def used(self, what: str) -> None:
        """Note that somebody went to something."""
        raise NotImplementedError

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

    async def guide_if_new(self) -> None:
        """Open an empty store on the first steps."""
        if self.model.nodes or self.model.executions:
            return
        pureboot = self.pureboot
        _, workflows = await pureboot.workflows.find(Page(limit=1))
        _, templates = await pureboot.templates.find(Page(limit=1))
        is_as_it_opened = self.current_mode == self.DEFAULT_MODE and len(self.screen_stack) == 1
        if is_as_it_opened and not workflows and not templates:
            await self.action_show("guide")

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

    def open_letters(self, letter_id: str | None = None) -> None:
        """Show the dead letters, with the cursor on one if it is given."""
        from console.screens.letters import LettersScreen

        self.push_screen(LettersScreen(letter_id))

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

    def find_in(self, kind: DocumentKind, text: str = "") -> None:
        """Look for a text in all documents of a kind."""
        from console.screens.search import SearchScreen

        self.push_screen(SearchScreen(kind, text))

    async def open_workflow(self, name: str) -> None:
        """Show a workflow."""
        from console.screens.workflows import WorkflowsScreen

        await self.action_show("workflows")
        if isinstance(self.screen, WorkflowsScreen):
            self.screen.show_workflow(name)

    async def open_listed(self, mode: str, text: str) -> None:
        """Show what fits a filter in the list of a tab."""
        if mode != self.current_mode:
            await self.switch_mode(mode)
        while len(self.screen_stack) > 1:
            await self.pop_screen()
        front: Any = self.screen
        front.recall({"filter": text})

    async def back(self) -> bool:
        """Leave the screen in front; False if it is the first of its tab."""
        if len(self.screen_stack) < 2:
            return False
        await self.pop_screen()
        return True

    def action_command_palette(self) -> None:
        """Type where to go, or what to do."""
        from console.offers import Offers, carry_out
        from console.screens.palette import Palette

        if any(isinstance(each, Palette | TooSmall) for each in self.screen_stack):
            return
        app: Any = self
        self._offers = self._offers or Offers(app)
        behind = self.screen

        async def chosen(what: str | None) -> None:
            if what is not None:
                self.used(what)
                await carry_out(app, what, behind)

        self.push_screen(Palette(self._offers, behind), chosen)

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
