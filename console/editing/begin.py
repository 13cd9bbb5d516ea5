"""Where writing begins, whoever asks for it: the one place that can refuse it."""

from typing import TYPE_CHECKING

from engine.core.documents import DocumentKind

if TYPE_CHECKING:
    from console.app import PureBootApp


def refusal(app: "PureBootApp") -> str | None:
    """Why nothing may be written in this console; None if it may."""
    if getattr(app, "read_only", False):
        return "this console only looks: it was opened with --read-only, or its role is viewer"
    return None


def edit(app: "PureBootApp", kind: DocumentKind, name: str, version: str | None = None) -> None:
    """Write the next version of a document, beginning with a version of it: without a number with the newest draft, or
    else the one in use.
    """
    if (why := refusal(app)) is not None:
        app.complain(why)
        return
    from console.screens.editor import EditorScreen
    from console.screens.editor_base import Subject

    app.push_screen(EditorScreen(Subject(kind=kind, name=name, version=version)))


def create(app: "PureBootApp", kind: DocumentKind) -> None:
    """Write a new document; of a template its name and type are asked first, a workflow says its own."""
    if (why := refusal(app)) is not None:
        app.complain(why)
        return
    from console.screens.editor import EditorScreen
    from console.screens.editor_base import Subject

    if kind is DocumentKind.WORKFLOW:
        app.push_screen(EditorScreen(Subject(kind=kind)))
        return
    from console.screens.new_template import NewTemplate

    def go(subject: Subject | None) -> None:
        if subject is not None:
            app.push_screen(EditorScreen(subject))

    app.push_screen(NewTemplate(), go)
