"""What is done to many executions at once: the questions, each with a list of them, and the calls after."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from console.screens import control
from console.screens.confirm import Confirm
from console.screens.deeds import for_each, label, listed, tell
from console.view import labels
from engine.core.executions import Execution, ExecutionStatus

if TYPE_CHECKING:
    from console.app import PureBootApp
    from console.pureboot import PureBoot

_Deed = Callable[["PureBoot", str], Awaitable[object]]


def pause(app: "PureBootApp", executions: Sequence[Execution]) -> None:
    """Ask whether to pause these executions; or, where all of them are paused, to let them go on."""
    if len(executions) == 1:
        control.pause(app, executions[0])
        return
    paused = [each for each in executions if each.status is ExecutionStatus.PAUSED]
    running = [each for each in executions if each.status is ExecutionStatus.RUNNING]
    if paused and not running:
        what = ["They go on where they were paused."]
        _ask(app, "Resume", paused, executions, what, lambda pureboot, id_: pureboot.control.resume(id_, by=app.user))
    elif running:
        what = ["What runs of them goes on to its end; nothing new begins."]
        _ask(app, "Pause", running, executions, what, lambda pureboot, id_: pureboot.control.pause(id_, by=app.user))
    else:
        app.complain("none of them runs: only what runs can be paused")


def retry(app: "PureBootApp", executions: Sequence[Execution]) -> None:
    """Ask whether these executions are to go on from what failed."""
    if len(executions) == 1:
        control.retry(app, executions[0])
        return
    fitting = [each for each in executions if control.can_retry(each)]
    if not fitting:
        app.complain("none of them failed or was cancelled: there is nothing to retry")
        return
    what = ["Each goes on from what failed; what succeeded is kept."]
    _ask(app, "Retry", fitting, executions, what, lambda pureboot, id_: pureboot.control.retry(id_, by=app.user))


def _ask(
    app: "PureBootApp",
    verb: str,
    fitting: Sequence[Execution],
    chosen: Sequence[Execution],
    what: Sequence[str],
    deed: _Deed,
) -> None:
    named = {each.id: label(app, each) for each in fitting}
    others = len(chosen) - len(fitting)
    lines = [
        *listed([f"{named[each.id]}, {labels.clock(each.started_at, app.now())}" for each in fitting]),
        "",
        *what,
        *(
            [f"{others} of the marked ones cannot be, and {'is' if others == 1 else 'are'} left alone."]
            if others
            else []
        ),
    ]
    done = {"Pause": "paused:", "Resume": "go on:", "Retry": "retried:"}[verb]

    def go(sure: bool | None) -> None:
        if sure:
            app.perform(
                lambda pureboot: for_each(named, lambda id_: deed(pureboot, id_)),
                done=lambda outcome: tell(app, outcome, done),
            )

    count = "1 execution" if len(fitting) == 1 else f"{len(fitting)} executions"
    app.push_screen(Confirm(f"{verb} {count}?", lines, yes=f"{verb.lower()} them", no="leave them"), go)
