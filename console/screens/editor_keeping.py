"""The third of the editor that keeps: what is not saved stays on this machine, is offered again, or is thrown away."""

import asyncio
import contextlib

from textual.timer import Timer

from console.editing.kept import Kept
from console.screens.choose import Choose
from console.screens.compare import CompareScreen
from console.screens.editor_base import EditorBase
from console.screens.say import Answer
from console.view import editor_lines


class Keeping(EditorBase):
    """What becomes of a text that is not saved."""

    is_open = False
    keeping: Timer | None = None
    _is_thrown_away = False

    def start(self, text: str) -> None:
        """Let a text be written."""
        raise NotImplementedError

    def action_save(self) -> None:
        """Save it."""
        raise NotImplementedError

    def ask_kept(self, kept: Kept, text: str) -> None:
        """Offer what was written before and not saved."""

        def go(answer: str | None) -> None:
            if answer == "t":
                self.standing.seen = kept.seen
                self.start(text)
                self.area.put(kept.text)
            elif answer == "d":
                self.ask_kept(kept, text)
                self.app.push_screen(CompareScreen((self.standing.base or "new", text), ("what was kept", kept.text)))
            elif answer == "x":
                if self.keeper is not None:
                    self.keeper.drop()
                self.start(text)
            else:
                self.app.call_later(self.app.back)

        answers = [Answer(key="t", name="take it up"), Answer(key="d", name="diff"), Answer(key="x", name="throw away")]
        lines = editor_lines.kept_lines(kept.at, self.app.now(), kept.base, kept.text.count("\n") + 1)
        question = f"{self.title_name or 'A new workflow'}: go on where you were?"
        self.app.push_screen(Choose(question, lines, answers, leave="leave"), go)

    def _kept(self) -> Kept:
        return Kept(text=self.text, at=self.app.now(), base=self.standing.base, seen=self.standing.seen)

    async def keep_text(self) -> None:
        """Keep what is written on this machine, or nothing if it is as it was."""
        self.keeping = None
        if self.keeper is None or self._is_thrown_away:
            return
        try:
            if self.is_changed:
                await asyncio.to_thread(self.keeper.write, self._kept())
            else:
                await asyncio.to_thread(self.keeper.drop)
        except OSError as error:
            self.app.complain(f"what you write cannot be kept in {self.keeper.path.parent}: {error.strerror}; save it")

    def on_unmount(self) -> None:
        """Keep what was not saved, however this ends."""
        if self.is_open and self.keeper is not None and self.is_changed and not self._is_thrown_away:
            with contextlib.suppress(OSError):
                self.keeper.write(self._kept())

    async def action_back(self) -> None:
        """From the line below to the text; then leave, after a question if it has changed."""
        self.app.clear_notifications()
        if self.bar.display:
            self.bar.action_leave()
        elif self.is_open and not self.area.has_focus:
            self.area.focus()
        elif self.is_open and self.is_changed:
            self._ask_leave()
        else:
            await self.app.back()

    def _ask_leave(self) -> None:
        def go(answer: str | None) -> None:
            if answer == "s":
                self.action_save()
            elif answer in ("k", "x"):
                self._is_thrown_away = answer == "x"
                if self._is_thrown_away and self.keeper is not None:
                    self.keeper.drop()
                self.app.call_later(self.app.back)

        answers = [
            Answer(key="s", name="save"),
            Answer(key="k", name="keep for later"),
            Answer(key="x", name="throw away"),
        ]
        lines = ["What you wrote is not saved. Kept for later, it is offered when this is edited again."]
        self.app.push_screen(
            Choose(f"Leave {self.title_name or 'the new workflow'}?", lines, answers, leave="stay"), go
        )
