"""Leaving the console, for good or for a while; after a question where machines would stand still meanwhile."""

from console.keeping import KeepingApp
from console.screens.confirm import Confirm


class LeavingApp(KeepingApp):
    """An app that may be the server of machines."""

    @property
    def serves(self) -> bool:
        """Whether this process serves machines."""
        raise NotImplementedError

    async def action_quit(self) -> None:
        """Leave, after a question if this process serves machines that are at work."""
        running = self.model.running
        if not self.serves or not running or isinstance(self.screen, Confirm):
            self.exit()
            return
        what = "1 execution runs" if running == 1 else f"{running} executions run"
        question = Confirm(
            "Leave PureBoot?",
            [
                f"This console serves the machines, and {what}.",
                "They stand still until another console takes over, or PureBoot is started again.",
            ],
            yes="leave",
            no="stay",
        )
        self.push_screen(question, lambda sure: self.exit() if sure else None)

    def action_suspend(self) -> None:
        """Give the terminal back to the shell until `fg`; after a question if this process serves machines."""
        if isinstance(self.screen, Confirm):
            return
        if not self.serves:
            self.action_suspend_process()
            return
        question = Confirm(
            "Suspend PureBoot?",
            [
                "This console serves the machines: while it is suspended, none is answered.",
                "`fg` in the shell goes on; `pureboot serve` serves without a screen.",
            ],
            yes="suspend",
            no="stay",
        )

        def answered(sure: bool | None) -> None:
            if sure:
                self.call_later(self.action_suspend_process)

        self.push_screen(question, answered)
