"""What the parts of the editor have in common: the text, what it is of, and what is on the screen."""

from dataclasses import dataclass, field

from console.editing.kept import Keeper
from console.screens.base import PureBootScreen
from console.widgets.ask_bar import AskBar
from console.widgets.code_area import CodeArea
from console.widgets.diff_view import DiffView
from console.widgets.lines import Lines
from engine.core.documents import DocumentKind
from engine.core.editing import Seen
from engine.core.findings import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is written: a version of a document of this name, or a new one (`new_name` is what a template shall be
    called). `version` is where to begin, None for the newest draft or else the one in use.
    """

    kind: DocumentKind
    name: str = ""
    version: str | None = None
    new_name: str = ""
    type: str = ""


@dataclass(slots=True, kw_only=True)
class Standing:
    """How the text stands to what is in the store: the version it was begun with, that one's text, what its author has
    seen, which version is in use, and a version that came meanwhile.
    """

    base: str = ""
    base_text: str = ""
    seen: Seen = field(default_factory=Seen)
    current: str | None = None
    type: str = ""
    tags: tuple[str, ...] = ()
    theirs: str = ""


class EditorBase(PureBootScreen):
    """The parts that each third of the editor needs."""

    area: CodeArea
    bar: AskBar
    preview: DiffView
    preview_heading: Lines
    unresolved: Lines
    findings: list[Finding]

    def __init__(self, subject: Subject) -> None:
        super().__init__()
        self.subject = subject
        self.standing = Standing(type=subject.type)
        self.findings = []
        self.preview_node: str | None = None
        self.keeper: Keeper | None = None

    @property
    def text(self) -> str:
        """What is written."""
        return self.area.text

    @property
    def is_changed(self) -> bool:
        """Whether it differs from what it was begun with, or saved as."""
        return self.text != self.standing.base_text

    @property
    def title_name(self) -> str:
        """What it is called."""
        return self.subject.name or self.subject.new_name

    def show_standing(self) -> None:
        """Say anew how the text stands."""
        raise NotImplementedError

    def show_findings(self) -> None:
        """Say anew what is wrong, around the cursor."""
        raise NotImplementedError
