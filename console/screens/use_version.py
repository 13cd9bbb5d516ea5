"""Putting a version of a template or workflow into use: a question that says for whom it matters, then the call."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding

from console.screens.base import work_on
from console.screens.confirm import Confirm
from console.view import impact_lines
from engine.core.documents import DocumentKind
from engine.errors import PureBootError

if TYPE_CHECKING:
    from console.app import PureBootApp


class UseVersion(Confirm):
    """The question; `i` shows who would get it before it is answered."""

    BINDINGS: ClassVar = [Binding("i", "impact", "who gets it")]

    def __init__(
        self, kind: DocumentKind, name: str, version: str, current: str | None, lines: Sequence[str], yes: str
    ) -> None:
        verb = "Use" if kind is DocumentKind.TEMPLATE else "Publish"
        more = ["i shows who would get it, and what."] if current not in (None, version) else []
        super().__init__(f"{verb} {name} {version}?", [*lines, *more], yes=yes, no="leave it")
        self._of = (kind, name, current, version)

    def action_impact(self) -> None:
        """Show who would get it, and come back to the question."""
        kind, name, current, version = self._of
        if current is not None and current != version:
            from console.screens.impact import ImpactScreen

            self.app.push_screen(ImpactScreen(kind, name, current, version))


def ask_to_use(app: "PureBootApp", kind: DocumentKind, name: str, version: str, current: str | None) -> None:
    """Ask whether a version is to be the current one, and make it so."""

    async def ask() -> None:
        try:
            found = await app.pureboot.library.impact(kind, name, to=version)
        except PureBootError as error:
            app.complain(error)
            return
        lines = [f"Now in use: {current or 'none'}.", *impact_lines.question(found), "No version is deleted."]
        yes = "use it" if kind is DocumentKind.TEMPLATE else "publish it"
        app.push_screen(UseVersion(kind, name, version, current, lines, yes), go)

    def go(sure: bool | None) -> None:
        if sure:
            service = app.pureboot.templates if kind is DocumentKind.TEMPLATE else app.pureboot.workflows
            app.perform(
                lambda _: service.set_current(name, version, by=app.user),
                done=f"{name} {version} is the current version",
            )

    work_on(app.screen, ask, group="ask", exclusive=True)
