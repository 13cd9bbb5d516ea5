"""The third of the editor that saves: as a draft, into use, beside others' changes, and in another editor meanwhile."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from textual import work

from console.editing.external import edit_outside
from console.editing.kept import state_folder
from console.screens.choose import Choose
from console.screens.compare import CompareScreen
from console.screens.editor_base import EditorBase, Subject
from console.screens.say import Answer, Said, SayScreen
from console.screens.use_version import ask_to_use
from console.view.labels import safe
from engine.core.documents import DocumentKind
from engine.core.findings import Finding
from engine.errors import Invalid, PureBootError, Stale

if TYPE_CHECKING:
    from engine.services.edits import Saved
    from engine.services.templates import Tell

_ENDINGS = {"script": ".sh", "kickstart": ".ks", "ignition": ".json", "unattend": ".xml", "ipxe": ".ipxe"}
_YAML = ("cloud-init", "autoinstall", "workflow")


class Saving(EditorBase):
    """Keys that change something, here or in the store."""

    # As a draft, into use

    def action_save(self) -> None:
        """Ask what changed, and save it as a draft."""
        if not self.is_changed and self.standing.base:
            self.app.tell(f"nothing has changed since {self.standing.base}")
        else:
            self._ask_message(publish=False)

    def action_publish(self) -> None:
        """Put it into use, saved first; after a question that says for whom it matters."""
        if self.is_changed or not self.standing.base:
            self._ask_message(publish=True)
        else:
            self._publish(self.standing.base)

    def _publish(self, version: str) -> None:
        if version == self.standing.current:
            self.app.complain(f"{version} is the current version already")
        else:
            ask_to_use(self.app, self.subject.kind, self.subject.name, version, self.standing.current)

    def _ask_message(self, *, publish: bool) -> None:
        wrong = sum(each.is_error for each in self.findings)
        errors = f"{wrong} error" if wrong == 1 else f"{wrong} errors"
        lines = [
            "It is used by nobody until it is published." if not publish else "Then it is asked whether to publish it."
        ]
        lines += [f"There {'is' if wrong == 1 else 'are'} {errors} in it."] if wrong else []

        def go(said: Said | None) -> None:
            if said is not None:
                self._save(said.text, publish=publish)

        question = f"Save {safe(self.title_name) or 'the new workflow'} as a draft?"
        answers = [Answer(key="y", name="save the draft")]
        self.app.push_screen(SayScreen(question, lines, answers, asks="what changed, and why (may stay empty)"), go)

    @work(group="save")
    async def _save(self, message: str, *, publish: bool, force: bool = False, beside: bool = False) -> None:
        """Save it; with `force` although its check finds errors, with `beside` although others' changes came."""
        text, told = self.text, list[Finding]()
        try:
            saved = await self._call(text, message, force, beside, told.extend)
        except Stale as stale:
            self._ask_stale(stale, message, publish=publish)
        except Invalid as error:
            self._refused(error, message, publish=publish)
        except PureBootError as error:
            self.app.complain(f"{error}; what you wrote is kept on this machine")
        else:
            self._saved(saved, text, publish=publish)
            warned = [each for each in told if each.is_error]
            if warned:
                self.app.tell(f"saved with {len(warned)} that would fail a machine: {warned[0]}", severity="warning")

    async def _call(self, text: str, message: str, force: bool, beside: bool, tell: "Tell") -> "Saved":
        pureboot, subject, by = self.app.pureboot, self.subject, self.app.user
        seen = None if beside else self.standing.seen
        if subject.kind is DocumentKind.WORKFLOW:
            name = subject.name or None
            return await pureboot.edits.save_workflow(text, by=by, name=name, commit_message=message, seen=seen)
        return await pureboot.edits.save_template(
            text,
            by=by,
            name=self.title_name,
            new_type=None if subject.name else subject.type,
            commit_message=message,
            seen=seen,
            force=force,
            tell=tell,
        )

    def _saved(self, saved: "Saved", text: str, *, publish: bool) -> None:
        self.subject = Subject(kind=self.subject.kind, name=saved.name, type=self.subject.type)
        self.standing.base, self.standing.base_text, self.standing.theirs = saved.version, text, ""
        if self.keeper is not None and self.text == text:
            self.keeper.drop()
        self.take_standing(publish=publish)
        after = "" if publish else "; f9 publishes it"
        self.app.tell(f"{saved.name} {saved.version} is saved as a draft{after}")

    @work(group="standing", exclusive=True)
    async def take_standing(self, *, publish: bool = False) -> None:
        """Take what is in the store now for what has been seen."""
        try:
            opened = await self.app.pureboot.edits.open(self.subject.kind, self.subject.name)
        except PureBootError as error:
            self.app.complain(error)
            return
        self.standing.seen, self.standing.current = opened.seen, opened.document.current_version
        self.rename(self.subject.name)
        self.show_standing()
        if publish:
            self._publish(self.standing.base)

    def rename(self, name: str) -> None:
        """It has another name than before: a new one has been saved."""
        raise NotImplementedError

    # Refused

    def _refused(self, error: Invalid, message: str, *, publish: bool) -> None:
        findings = [each for each in error.problems if isinstance(each, Finding)]
        if self.subject.kind is DocumentKind.WORKFLOW or not findings:
            self.app.complain(f"it is not saved: {error.problems[0]}; what you wrote is kept on this machine")
            return

        def go(answer: str | None) -> None:
            if answer == "s":
                self._save(message, publish=publish, force=True)

        lines = [safe(f"{each.line}: {each.message}") for each in findings[:4]]
        answers = [Answer(key="s", name="save the draft all the same")]
        self.app.push_screen(Choose("Its check finds errors", lines, answers, leave="correct it"), go)

    def _ask_stale(self, stale: Stale, message: str, *, publish: bool) -> None:
        """Others have changed it since: nobody's change is to be lost."""
        self.standing.theirs = stale.theirs
        self.show_standing()

        def go(answer: str | None) -> None:
            if answer == "d":
                self._ask_stale(stale, message, publish=publish)
                self._compare_with(stale.theirs)
            elif answer == "k":
                self._save(message, publish=publish, beside=True)
            elif answer == "f":
                self._ask_file()

        lines = [safe(f"{stale}."), "Published as it is, your text would undo that change."]
        answers = [
            Answer(key="d", name="diff with theirs"),
            Answer(key="k", name="keep mine as a draft"),
            Answer(key="f", name="to a file"),
        ]
        self.app.push_screen(Choose("Somebody else has changed it", lines, answers, leave="back"), go)

    @work(group="show", exclusive=True)
    async def _compare_with(self, version: str) -> None:
        service = (
            self.app.pureboot.templates if self.subject.kind is DocumentKind.TEMPLATE else self.app.pureboot.workflows
        )
        try:
            theirs = await service.version(self.subject.name, version)
        except PureBootError as error:
            self.app.complain(error)
            return
        self.app.push_screen(CompareScreen((version, theirs.content), ("this text", self.text)))

    def _ask_file(self) -> None:
        name = f"{self.title_name or 'workflow'}{self.ending}"

        def go(said: Said | None) -> None:
            if said is not None:
                self._to_file(Path(said.text or name).expanduser())

        lines = ["To a new file on this machine.", f"Here it is {Path.cwd()}."]
        answers = [Answer(key="y", name="save")]
        asks = f"which file (left empty: {name} here)"
        self.app.push_screen(SayScreen("Save the text to a file?", lines, answers, asks=asks), go)

    @work(group="save")
    async def _to_file(self, path: Path) -> None:
        data = self.text.encode()

        def write() -> None:
            with path.open("xb") as file:
                file.write(data)

        try:
            await asyncio.to_thread(write)
        except FileExistsError:
            self.app.complain(f"{path} is there already and was left as it is; give another name")
        except OSError as error:
            self.app.complain(f"{path} cannot be written: {error.strerror}")
        else:
            self.app.tell(f"the text is saved to {path}")

    # In another editor

    @property
    def ending(self) -> str:
        """How a file with this text ends, by which an editor knows what it is."""
        if self.subject.kind is DocumentKind.WORKFLOW or self.standing.type in _YAML:
            return ".yaml"
        return _ENDINGS.get(self.standing.type, ".txt")

    @work(group="outside", exclusive=True)
    async def action_outside(self) -> None:
        """Go on in $VISUAL, $EDITOR or vi, and take back what is saved there; the servers go on serving."""
        before = self.text
        try:
            after = await edit_outside(self.app, before, state_folder(), self.ending)
        except Invalid as error:
            self.app.complain(f"what was saved is not taken over: {error}")
            return
        except PureBootError as error:
            self.app.complain(error)
            return
        if after == before:
            self.app.tell("nothing was changed there")
        else:
            self.area.put(after)
