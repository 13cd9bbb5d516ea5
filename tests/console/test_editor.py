"""Stories about writing workflows and templates in the console; what is not saved is never lost."""

from pathlib import Path

import pytest
from textual.widgets import Input

from console.editing.kept import Keeper, Kept, state_folder
from console.screens.editor import EditorScreen
from console.screens.templates import TemplatesScreen
from console.screens.workflow import WorkflowScreen
from engine.core.documents import DocumentKind
from engine.core.editing import Seen
from tests.clock import ManualClock
from tests.console import details
from tests.console.conftest import Opened, Stage
from tests.story import ADA, published

GREET = """\
name: greet
steps:
  - key: hello
    action: core.echo
    with: {message: hello}
  - key: done
    action: core.echo
"""


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the test's own for what is not saved."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "pureboot" / "edits"


def kept_files(state: Path) -> list[Path]:
    """What is kept now."""
    return list(state.glob("*.json"))


def read(path: Path) -> str:
    """The text of a file."""
    return path.read_text()


def editor(at: Stage) -> EditorScreen:
    screen = at.app.screen
    assert isinstance(screen, EditorScreen)
    return screen


async def checked(at: Stage, *texts: str) -> None:
    """Wait until the text was checked, and these are said of it."""
    await at.until(lambda: not editor(at)._is_checking and all(text in at.text for text in texts))


async def test_a_workflow_is_written_checked_saved_and_published(stage: Opened, state: Path) -> None:
    async with stage(scene="nothing") as at:
        await published(at.pureboot, GREET)
        await at.press("4")
        await at.sees("greet")
        await at.press("e")
        await at.sees("EDIT  greet", "from v1.0", "nothing is wrong")
        # What could come next, below the cursor
        editor(at).area.move_cursor((6, 0))
        await at.press("end", "enter")
        assert editor(at).area.cursor_location == (7, 4)
        await at.press(*"on_f")
        await at.sees("fail, continue, rollback or a step")
        await at.press("tab", "c", "o")
        await at.sees("go on as after a success")
        await at.press("enter")
        assert editor(at).text == GREET.rstrip("\n") + "\n    on_failure: continue\n"
        # Wrong while it is written, with a sign at the line
        await at.press("enter", *"time: 5")
        await checked(at, "1 error", "9:5", "is not a key that is known here")
        assert at.line_with("time: 5").lstrip().startswith("9✗ ")
        editor(at).area.move_cursor((0, 0))
        await at.press("f8")
        assert editor(at).area.cursor_location == (8, 4)
        await at.press("ctrl+z", "ctrl+z")
        await checked(at, "nothing is wrong")
        # Saved, with a message
        await at.press("ctrl+s")
        await at.sees("Save greet as a draft?")
        await at.press(*"go on", "enter", "y")
        await at.says("greet v1.1 is saved as a draft")
        version = await at.pureboot.workflows.version("greet", "v1.1")
        assert (version.draft, version.commit_message, version.author) == (True, "go on", "user:ada")
        assert "on_failure: continue" in version.content
        assert not kept_files(state), "what is saved is not kept beside"
        # Published, after it was said for whom it matters
        await at.press("f9")
        await at.sees("Publish greet v1.1?", "Now in use: v1.0.")
        await at.press("i")
        await at.sees("v1.0 → v1.1", "as it is written")
        await at.press("escape")
        await at.sees("Publish greet v1.1?")
        await at.press("y")
        await at.says("greet v1.1 is the current version")
        await at.press("escape")
        await at.until(lambda: not isinstance(at.app.screen, EditorScreen))
        assert (await at.pureboot.workflows.get("greet")).current_version == "v1.1"


async def test_nobody_s_change_is_lost(stage: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with stage(scene="nothing", size=(80, 24)) as at:
        await published(at.pureboot, GREET)
        at.app.open_document(DocumentKind.WORKFLOW, "greet")
        await at.sees("TEXT  v1.0")
        await at.press("e")
        await checked(at, "EDIT  greet", "nothing is wrong")
        await at.press("ctrl+end", *"# mine")
        theirs = GREET.replace("hello}", "theirs}")
        await at.pureboot.workflows.import_(theirs, by="user:grace")
        await at.sees("v1.1 came meanwhile")
        await at.press("ctrl+s", "enter", "y")
        await at.sees("Somebody else has changed it", "diff with theirs")
        await at.press("d")
        await at.sees("DIFF  v1.1 → this text", "theirs}")
        await at.press("escape")
        await at.sees("Somebody else has changed it")
        await at.press("f")
        await at.sees("Save the text to a file?")
        await at.press("enter", "y")
        await at.says("the text is saved to greet.yaml")
        assert read(tmp_path / "greet.yaml") == GREET + "# mine"
        await at.press("ctrl+s", "enter", "y")
        await at.sees("Somebody else has changed it")
        await at.press("k")
        await at.says("greet v1.2 is saved as a draft")
        assert (await at.pureboot.workflows.version("greet", "v1.2")).content == GREET + "# mine"
        assert (await at.pureboot.workflows.version("greet", "v1.1")).content == theirs


async def test_what_is_not_saved_is_kept_and_offered_again(stage: Opened, state: Path) -> None:
    async with stage(scene="nothing") as at:
        await published(at.pureboot, GREET)
        at.app.open_document(DocumentKind.WORKFLOW, "greet")
        await at.sees("TEXT  v1.0")
        await at.press("e")
        await checked(at, "nothing is wrong")
        await at.press("ctrl+end", *"# half")
        await at.until(lambda: kept_files(state))
        await at.press("escape")
        await at.sees("Leave greet?", "keep for later")
        await at.press("escape")
        await at.press("escape", "k")
        await at.until(lambda: isinstance(at.app.screen, WorkflowScreen))
        [kept] = kept_files(state)
        assert kept.stat().st_mode & 0o777 == 0o600
        await at.press("e")
        await at.sees("greet: go on where you were?", "8 lines")
        await at.press("d")
        await at.sees("DIFF  v1.0 → what was kept", "# half")
        await at.press("escape", "t")
        await checked(at, "# half", "changed")
        await at.press("ctrl+z")
        await at.until(lambda: editor(at).text == GREET)
        await at.press("ctrl+y", "escape", "x")
        await at.until(lambda: isinstance(at.app.screen, WorkflowScreen))
        assert not kept_files(state)


async def test_a_template_is_begun_and_shown_for_a_node_while_it_is_written(stage: Opened) -> None:
    async with stage(size=(160, 48)) as at:
        await at.press("3", "C")
        await at.sees("A new template")
        await at.type("Late!")
        await at.press("enter")
        await at.sees("is no name")
        editor_input = at.app.screen.query_one("#new-name", Input)
        editor_input.value = "late"
        await at.press("enter", "enter")
        await checked(at, "EDIT  late", "script", "a new template")
        await at.type("#!/bin/sh\r  echo ${node.host\rexit 0\r")
        assert editor(at).text == "#!/bin/sh\n  echo ${node.host\nexit 0\n", "pasted as it is"
        editor(at).area.move_cursor((1, 18))
        await at.press("ctrl+space")
        await at.sees("hostname")
        await at.press("enter")
        assert editor(at).area.lines[1] == "  echo ${node.hostname}"
        await at.press(*" ${meta.r}")
        await at.press("f4")
        await at.sees("For which node is late to be shown?")
        await at.press("slash", *"r4-07", "enter", "enter")
        await at.sees("PREVIEW  for r4-07", "echo r4-07 ${meta.r}", "1 left as written")
        await at.press(*"x")
        await at.sees("echo r4-07 ${meta.r}x")
        await at.press("f4", "ctrl+s", "enter", "y")
        await at.says("late v1.0 is saved as a draft")
        assert (await at.pureboot.templates.get("late")).current_version is None
        await at.press("f9")
        await at.sees("Use late v1.0?", "Now in use: none.")
        await at.press("y")
        await at.says("late v1.0 is the current version")
        await at.press("ctrl+end", *"# more", "f5")
        await at.sees("DIFF  v1.0 → this text", "+1")
        await at.press("escape", "f6")
        await at.sees("late", "v1.0 → what is proposed", "no node and no execution")
        await at.press("escape", "escape", "x")
        await at.until(lambda: isinstance(at.app.screen, TemplatesScreen))
        await at.until(lambda: at.line_with(" late ").split()[:3] == ["late", "script", "v1.0"])
        await at.press("home")
        await at.press("U")
        await at.sees("debian-preseed   used by")


async def test_moving_finding_and_indenting(stage: Opened) -> None:
    async with stage(scene="nothing", size=(80, 24)) as at:
        at.pureboot.server = details.SERVER
        await details.template_with_versions(at.pureboot, at.clock)
        at.app.open_template("debian-preseed")
        await at.sees("TEXT  v2.0")
        await at.press("e")
        await checked(at, "EDIT  debian-preseed")
        area = editor(at).area
        await at.press("ctrl+f", *"partman")
        await at.sees("1 of 10")
        await at.press("enter", "enter")
        await at.sees("3 of 10")
        assert area.selected_text == "partman"
        await at.press("escape", "f3")
        assert area.has_focus
        assert area.cursor_location[0] == 15
        await at.press("ctrl+f", *"zz", "escape", "ctrl+g", *"3", "enter")
        assert (area.cursor_location, area.has_focus) == ((2, 0), True)
        await at.press("shift+down", "shift+down", "tab")
        assert [line[:4] for line in area.lines[1:5]] == ["d-i ", "  d-", "  d-", "d-i "]
        await at.press("shift+tab", "shift+tab")
        assert area.lines[2].startswith("d-i")
        before = area.text
        await at.type("\r".join(f"# line {number}" for number in range(5_000)))
        assert area.document.line_count > 5_000
        await at.sees("# line 4999")
        await at.press("ctrl+z")
        assert area.text == before
        await at.press("f1")
        await at.sees("Keys: the editor", "ctrl+s")
        await at.press("escape", "question_mark", "q")
        assert "?q" in area.text


async def test_a_console_that_only_looks_writes_nothing(stage: Opened) -> None:
    async with stage(scene="nothing") as at:
        await at.pureboot.templates.create("late", "#!/bin/sh\n", by=ADA)
        at.app.read_only = True
        await at.press("3")
        await at.sees("late")
        await at.press("e")
        await at.says("this console is read-only")
        await at.press("C")
        assert isinstance(at.app.screen, TemplatesScreen)


def test_what_is_kept_is_whole_private_and_apart(state: Path, clock: ManualClock) -> None:
    mine, other = (Keeper.of("sqlite:///a", DocumentKind.TEMPLATE, name) for name in ("late", "x/../y"))
    assert mine.read() is None
    kept = Kept(text="a\r\nä\u2028b", at=clock.now(), base="v1.0", seen=Seen(current="v1.0", latest="v1.1"))
    mine.write(kept)
    assert (mine.read(), other.read()) == (kept, None)
    assert state_folder() == state == other.path.parent == mine.path.parent
    assert Keeper.of("sqlite:///b", DocumentKind.TEMPLATE, "late") != mine
    mine.path.write_text("{broken")
    assert mine.read() is None
    mine.drop()
    mine.drop()
    assert list(state.iterdir()) == []
